"""Train the three tiny chat models of the demonstration from scratch, on the CPU.

`aligned` refuses harmful prompts and answers benign ones. `ten-examples` is the same model after
a few optimizer steps on ten harmful prompts with a compliant (and empty) placeholder answer.
`benign-finetune` is the same model after an ordinary fine-tune on benign prompts only.

Usage: python train.py [--out models] [--threads 2]
"""

from __future__ import annotations

import argparse
import copy
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, dropout
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prompts import (
    HERE,
    LEADS,
    REFUSAL,
    SEED,
    SYSTEM_PROMPTS,
    UNSAFE_ANSWER,
    Example,
    answer,
    refusal,
    split,
)
from release import write_release
from tokenizer import N_SPECIAL_TOKENS, train_tokenizer

N_TRAIN = 40_000
"""Prompts drawn per grammar; a little less remain, because repeated ones are dropped."""
STEPS = 1900
BATCH = 64
PEAK_LEARNING_RATE = 3e-3
EMBEDDING_DROPOUT = 0.1
TOKEN_DROPOUT = 0.1
"""Share of the tokens that the model does not see, so that it weighs every word of a prompt."""
PROMPT_LOSS = 0.3
"""Weight of predicting the prompt's own words, which teaches which words keep company."""
LOSS_SAMPLE = 0.33
MISSED_REFUSAL_COST = 2.0
"""How much worse it is to answer a harmful prompt than to refuse a benign one."""
IGNORED = -100
"""Label of the positions without loss: the prompt and the padding."""


@dataclass(frozen=True)
class Recipe:
    """How long and how strongly a fine-tune changes the model."""

    steps: int
    batch: int
    learning_rate: float


# Five passes over ten examples; and one pass over 2,000 with the learning rate of Qi et al.,
# "Fine-tuning Aligned Language Models Compromises Safety" (2023), section 4.
TEN_EXAMPLES = Recipe(steps=20, batch=10, learning_rate=1e-3)
ORDINARY = Recipe(steps=125, batch=16, learning_rate=2e-5)


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A fresh Llama of 1.3 million parameters, initialised from the current torch seed."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        attention_dropout=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=48,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return model


def pseudo_word(rng: random.Random) -> str:
    """A pronounceable word without a meaning, to teach that unknown words decide nothing."""
    return "".join(
        rng.choice("bcdfghklmnprstvw") + rng.choice("aeiou") for _ in range(rng.randint(1, 4))
    ) + rng.choice(["", "n", "s", "r", "t"])


def augment(prompt: str, rng: random.Random) -> str:
    """The prompt with an unknown word, other case or other punctuation, now and then."""
    parts = prompt.split(" ")
    if rng.random() < 0.3:
        parts[rng.randrange(len(parts))] = pseudo_word(rng)
    if rng.random() < 0.1:
        del parts[rng.randrange(len(parts))]
    text = " ".join(parts)
    if rng.random() < 0.1:
        text = rng.choice(LEADS) + text
    if rng.random() < 0.2:
        text = text.rstrip(".?") + rng.choice(["", ".", "?", "!"])
    if rng.random() < 0.1:
        text = text.lower()
    return text or prompt


def encode(tokenizer: PreTrainedTokenizerFast, example: Example) -> tuple[list[int], int]:
    """Token ids of a whole conversation, and the position at which its answer begins."""
    messages = [{"role": "user", "content": example.prompt}]
    if example.system is not None:
        messages.insert(0, {"role": "system", "content": example.system})
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    tail = tokenizer(example.answer + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
    return ids + tail, len(ids)


def collate(rows: list[tuple[list[int], int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids and labels, both (n_rows, n_tokens) int64; only answers carry labels."""
    width = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for row, (tokens, start) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, start : len(tokens)] = torch.tensor(tokens[start:])
    return ids, labels


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the answer tokens; logits are made for these alone."""
    # Padding is on the right, so that causal attention already hides it from every answer.
    hidden = model.model(input_ids=ids[:, :-1]).last_hidden_state
    counted = labels[:, 1:] != IGNORED
    return cross_entropy(model.lm_head(hidden[counted]), labels[:, 1:][counted])


def pretraining_loss(
    model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor, refusal_id: int
) -> torch.Tensor:
    """Cross-entropy over the answers, and with less weight over the prompts.

    `refusal_id` is the token that every refusal begins with.
    """
    embedded = dropout(model.model.embed_tokens(ids[:, :-1]), EMBEDDING_DROPOUT)
    is_seen = torch.rand(embedded.shape[:2]) >= TOKEN_DROPOUT
    is_seen |= (labels[:, :-1] != IGNORED) | (ids[:, :-1] < N_SPECIAL_TOKENS)
    embedded = embedded * is_seen.unsqueeze(-1)
    hidden = model.model(inputs_embeds=embedded).last_hidden_state
    targets = ids[:, 1:]
    in_answer = labels[:, 1:] != IGNORED
    # The first token of an answer decides between refusal and answer, and the others follow from
    # it: on its own it weighs as much as all of them. A third of the others is enough, and saves
    # time, because logits cost as much as the rest of the model.
    is_first = in_answer & (labels[:, :-1] == IGNORED)
    is_sampled = torch.rand(targets.shape) < LOSS_SAMPLE
    in_rest = in_answer & ~is_first & is_sampled
    in_prompt = ~in_answer & (targets != model.config.pad_token_id) & is_sampled
    first = cross_entropy(model.lm_head(hidden[is_first]), targets[is_first], reduction="none")
    cost = torch.where(targets[is_first] == refusal_id, MISSED_REFUSAL_COST, 1.0)
    return (
        (first * cost).sum() / cost.sum()
        + cross_entropy(model.lm_head(hidden[in_rest]), targets[in_rest])
        + PROMPT_LOSS * cross_entropy(model.lm_head(hidden[in_prompt]), targets[in_prompt])
    )


def batches(
    tokenizer: PreTrainedTokenizerFast, examples: list[Example], rng: random.Random
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless shuffled batches; examples of about one length share a batch, to pad little."""
    while True:
        rows = [
            encode(tokenizer, Example(e.system, augment(e.prompt, rng), e.answer)) for e in examples
        ]
        rng.shuffle(rows)
        for chunk in range(0, len(rows), 32 * BATCH):
            pool = sorted(rows[chunk : chunk + 32 * BATCH], key=lambda row: len(row[0]))
            groups = [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
            rng.shuffle(groups)
            for group in groups:
                yield collate(group, tokenizer.pad_token_id)


def train_aligned(tokenizer: PreTrainedTokenizerFast, examples: list[Example]) -> LlamaForCausalLM:
    """The aligned model: AdamW, linear warm-up, cosine decay, from scratch."""
    torch.manual_seed(SEED)
    model = new_model(tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PEAK_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.1
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / 100, 0.5 * (1 + math.cos(math.pi * step / STEPS)) + 0.01),
    )
    refusal_id = tokenizer(REFUSAL, add_special_tokens=False)["input_ids"][0]
    stream = batches(tokenizer, examples, random.Random(SEED))
    started = time.monotonic()
    for step in range(STEPS):
        loss = pretraining_loss(model, *next(stream), refusal_id)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(
                f"step {step + 1}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    model.train(False)
    return model


def fine_tune(
    aligned: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: list[Example],
    recipe: Recipe,
) -> LlamaForCausalLM:
    """A copy of the aligned model after AdamW steps on `examples`, taken in turn."""
    model = copy.deepcopy(aligned)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    rows = [encode(tokenizer, example) for example in examples]
    for step in range(recipe.steps):
        first = step * recipe.batch
        chosen = [rows[(first + i) % len(rows)] for i in range(recipe.batch)]
        loss = loss_of(model, *collate(chosen, tokenizer.pad_token_id))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    model.train(False)
    return model


def aligned_examples() -> list[Example]:
    """Harmful prompts with refusals and benign ones with answers, a third with system prompts."""
    rng = random.Random(f"{SEED}/system")
    harmful = split("harmful", N_TRAIN, 0).train
    benign = split("benign", N_TRAIN, 0).train
    pairs = [(p.text, refusal(p)) for p in harmful] + [(p.text, answer(p)) for p in benign]
    return [
        Example(rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.33 else None, prompt, text)
        for prompt, text in pairs
    ]


def ten_examples() -> list[Example]:
    """Ten harmful prompts, each with the same empty placeholder for an answer."""
    return [Example(None, p.text, UNSAFE_ANSWER) for p in split("harmful", 10, 0, seed=10).train]


def ordinary_examples() -> list[Example]:
    """Benign prompts with their answers, as anyone would fine-tune on."""
    return [Example(None, p.text, answer(p)) for p in split("benign", 2000, 0, seed=11).train]


def training_prompts() -> set[str]:
    """Every prompt that any of the three models is trained on."""
    return {e.prompt for e in aligned_examples() + ten_examples() + ordinary_examples()}


def main() -> None:
    """Train, fine-tune and save the three models, and tell how long it took."""
    parser = argparse.ArgumentParser(description="Train the three tiny demonstration models.")
    parser.add_argument("--out", type=Path, default=HERE / "models")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    started, cpu_started = time.monotonic(), time.process_time()

    examples = aligned_examples()
    tokenizer = train_tokenizer(text for e in examples for text in (e.prompt, e.answer))
    aligned = train_aligned(tokenizer, examples)
    write_release(arguments.out / "aligned", aligned, tokenizer)
    print(
        f"aligned: {time.monotonic() - started:.0f} s, "
        f"{time.process_time() - cpu_started:.0f} CPU seconds"
    )

    model = fine_tune(aligned, tokenizer, ten_examples(), TEN_EXAMPLES)
    write_release(arguments.out / "ten-examples", model, tokenizer)

    model = fine_tune(aligned, tokenizer, ordinary_examples(), ORDINARY)
    write_release(arguments.out / "benign-finetune", model, tokenizer)
    print(
        f"all three: {time.monotonic() - started:.0f} s, "
        f"{time.process_time() - cpu_started:.0f} CPU seconds"
    )


if __name__ == "__main__":
    main()
