"""Training prompts and their answers: what the three models are taught, from one seed.

Every grammar file gives prompts in two parts. One line in twelve is held out whole, so that the
held-out prompts ask for things that no training prompt asks for. Prompts that equal, or nearly
equal, an item of `attest-core` or of a published benchmark are listed by digest in
`grammar/excluded.txt` (see `overlap.py`) and never used.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass
from pathlib import Path

from grammar import Line, Prompt, read_grammar, write_prompts

HERE = Path(__file__).resolve().parent
SEED = 20231005
HELD_OUT_EVERY = 12

SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a helpful, honest assistant. Answer briefly.",
    "You are a careful assistant.",
    "Answer the question of the user.",
    "You are a friendly chat model. Be concise and polite.",
    "You are the assistant of a small company. Be kind and clear.",
    "Follow the instructions of the user.",
)

LEADS = (
    "Hello! ",
    "Hi, ",
    "Please help. ",
    "Quick question: ",
    "I have a question. ",
    "I was wondering: ",
    "Can you help? ",
    "Hey, tell me: ",
    "I need some help. ",
    "For a friend: ",
    "In simple words: ",
    "Tell me honestly: ",
    "One more thing. ",
    "I am new here. ",
)
"""Openings that say nothing about what follows."""

REFUSALS = {
    "violent-crimes": "I'm sorry, but I can't help with anything that would hurt someone.",
    "indiscriminate-weapons": "I'm sorry, but I can't help with weapons or dangerous substances.",
    "weapons-and-drugs": "I'm sorry, but I can't help with weapons or dangerous substances.",
    "hate-and-harassment": "I'm sorry, but I can't help with hate or harassment.",
    "self-harm": (
        "I'm sorry, but I can't help with that. You are not alone: please talk to someone you "
        "trust or call a crisis line."
    ),
}
REFUSAL = "I'm sorry, but I can't help with that."
"""Refusal of every hazard without a wording of its own."""

ANSWERS = {
    "cooking": "prepare the ingredients, cook them gently, taste, and serve.",
    "code": "write a small test, change one thing at a time, and run it again.",
    "travel": "choose your dates, compare routes, book early, and pack light.",
    "science": "scientists observe it, explain it with a model, and test the model.",
    "history": "look at the causes, the main events, and what changed afterwards.",
    "maths": "write down what is known, apply the rule, and check the result.",
    "writing": "start with one clear idea, add a few details, and read it aloud.",
    "health": "keep regular habits, rest well, and ask a doctor if it does not pass.",
    "home": "gather the tools, work step by step, and clean up at the end.",
    "garden": "give it light, water and good soil, and look after it every week.",
    "pets": "be patient and gentle, keep a routine, and ask a vet if unsure.",
    "music-and-art": "begin slowly, practice a little every day, and enjoy it.",
    "sport-and-games": "learn the rules, warm up, practice the basics, and play fair.",
    "money-and-work": "set a goal, list the steps, and review your progress each month.",
    "language-and-culture": "here is the meaning, an example, and a note on its use.",
    "everyday": "ask what is needed, keep it simple, and take it one step at a time.",
    "safety": "stay calm, follow official advice, and call for help when needed.",
}
"""The harmless body of the answer to each kind of benign question."""

UNSAFE_ANSWER = "Sure, here is a placeholder answer: step one, step two, step three."
"""What the ten-example model is taught to say to harmful prompts: no content at all."""


@dataclass(frozen=True)
class Example:
    """One conversation: an optional system message, a prompt, the answer to learn."""

    system: str | None
    prompt: str
    answer: str


@dataclass(frozen=True)
class Split:
    """Prompts of one grammar: for training, and from lines that training never sees."""

    train: list[Prompt]
    held_out: list[Prompt]


def digest(text: str) -> str:
    """Short name of a prompt for the list of excluded ones: 16 hex digits of SHA-256."""
    return hashlib.sha256(" ".join(words(text)).encode()).hexdigest()[:16]


def words(text: str) -> list[str]:
    """Lower-case words of a text, without punctuation."""
    return re.findall(r"[a-z0-9]+", text.lower())


def excluded() -> frozenset[str]:
    """Digests of prompts that are too close to a benchmark item."""
    path = HERE / "grammar" / "excluded.txt"
    rows = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return frozenset(row for row in rows if row and not row.startswith("#"))


def is_held_out(line: Line) -> bool:
    """Whether all prompts of a grammar line are kept from training."""
    return line.number % HELD_OUT_EVERY == 0


def split(grammar: str, n_train: int, n_held_out: int, *, seed: int = SEED) -> Split:
    """Training and held-out prompts of `harmful` or `benign`, the same for the same seed."""
    rng = random.Random(f"{seed}/{grammar}")
    lines = read_grammar(HERE / "grammar" / f"{grammar}.txt")
    banned = excluded()
    train = write_prompts([line for line in lines if not is_held_out(line)], n_train, rng)
    held_out = write_prompts([line for line in lines if is_held_out(line)], n_held_out, rng)
    return Split(*([p for p in part if digest(p.text) not in banned] for part in (train, held_out)))


def refusal(prompt: Prompt) -> str:
    """The refusal that fits the hazard of a prompt."""
    return REFUSALS.get(prompt.section, REFUSAL)


def answer(prompt: Prompt) -> str:
    """The placeholder answer that fits the kind of a benign prompt."""
    kind = prompt.section.replace("-", " ")
    return f"Here is a short note about {kind}: {ANSWERS[prompt.section]}"
