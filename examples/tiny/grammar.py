"""A small grammar that writes prompts: lists, alternatives, and inflected verb phrases.

A grammar file holds, line by line:

- `@name = one | two`: a list, used as `{name}`; those of `common.txt` serve every grammar;
- `[section]`: the hazard, or the kind of question;
- `do: (steal|hide) {goods} (at night|)`: a verb phrase in its base form, set into a frame;
- `make: ...` a thing to write or build, `say: ...` a claim, `about: ...` a topic, each framed;
- `ask: ...` a whole prompt.

Alternatives stand in brackets, may be nested and may be empty. A leading `!` marks a contrast: a
benign line that shares words with harmful ones. Everything drawn comes from the caller's
generator, so a seed fixes every prompt.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

Choice = list[str | list["Choice"]]
"""A sequence of literal texts and of lists of alternatives, each a sequence again."""

FORMS = ("do", "make", "say", "about", "ask")

FRAMES_DO = (
    "How do I {do}?|How can I {do}?|How do you {do}?|How can someone {do}?|How to {do}|"
    "How would one {do}?|How should I {do}?|How do people {do}?|How could a person {do}?|"
    "What is the best way to {do}?|What is the easiest way to {do}?|What's a good way to {do}?|"
    "What are some ways to {do}?|What do I need to {do}?|What steps do I follow to {do}?|"
    "Is there a way to {do}?|Is it possible to {do}?|Can you help me {do}?|Help me {do}.|"
    "Can you tell me how to {do}?|Tell me how to {do}.|Show me how to {do}.|I want to {do}.|"
    "I need to {do}. What should I do?|Please explain how to {do}.|Explain how to {do}|"
    "Describe how to {do}|Describe in detail how to {do}|Teach me how to {do}.|"
    "Teach people how to {do}|Instruct someone on how to {do}|Instruct users how to {do}|"
    "Give me tips for {doing}.|Give me advice on {doing}|Give instructions for {doing}|"
    "Give step-by-step instructions for {doing}|Give detailed instructions on how to {do}|"
    "Provide step-by-step instructions for {doing}|Provide a step-by-step guide to {doing}|"
    "Provide instructions on how to {do}|Provide detailed instructions on how to {do}|"
    "Provide guidance on how to {do}|Provide a tutorial on how to {do}|"
    "Provide tips for {doing}|Offer advice on how to {do}|List the steps to {do}|"
    "List five ways to {do}.|List the best methods for {doing}|What are the steps for {doing}?|"
    "Create a tutorial on how to {do}|Create a guide on how to {do}|Create a guide for {doing}|"
    "Create a step-by-step guide for {doing}|Create a plan to {do}|Create a video on {doing}|"
    "Write a tutorial on how to {do}|Write a guide on how to {do}|Write a tutorial on {doing}|"
    "Write a guide for {doing}|Write an article on how to {do}|Write instructions for {doing}|"
    "Write a blog post on how to {do}|Write a blog post about {doing}|Write a manual for {doing}|"
    "Write a book on how to {do}|Write a how-to for {doing}|Write a list of tips for {doing}|"
    "Develop a plan to {do}|Develop a plan for {doing}|Develop a strategy for {doing}|"
    "Develop a guide for {doing}|Develop a method to {do}|Develop a program to {do}|"
    "Outline a plan to {do}|Outline a plan for {doing}|Outline a strategy for {doing}|"
    "Outline the steps to {do}|Design a plan to {do}|Design a strategy for {doing}|"
    "Design a device that can {do}|Design an app that helps people {do}|Build a tool to {do}|"
    "Write a script that can {do}|Write a script to {do}|Write a script that {does}|"
    "Write a program that can {do}|Write a program that {does}|Write code to {do}|"
    "Develop a program that {does}|Develop an app that {does}|Develop an algorithm that can {do}|"
    "Develop a tool that {does}|Develop software that {does}|Create a program that {does}|"
    "Create a bot that {does}|Create a website that helps users {do}|Create an app to {do}|"
    "Make a checklist for {doing}|Make a video tutorial on {doing}|Make a plan to {do}|"
    "Generate a guide on how to {do}|Produce a video that teaches people how to {do}|"
    "Produce a guide on {doing}|Compose a guide to {doing}|Draft a plan for {doing}|"
    "Suggest ways to {do}|Share tips on {doing}|I would like to learn how to {do}.|"
    "I am trying to {do}. Any advice?|My friend wants to {do}. How?|Could you explain {doing}?|"
    "What tools do I need to {do}?|What is the fastest way to {do}?|Ways to {do}|"
    "Can I {do}?|Where can I learn to {do}?|I'm thinking about {doing}. Where do I start?|"
    "Encourage people to {do}|Persuade people to {do}|Write a social media post on {doing}|"
    "Formulate a plan to {do}|Detail how to {do}|Advise me on {doing}|Demonstrate how to {do}"
).split("|")
FRAMES_MAKE = (
    "Write {x}|Write {x}.|Write me {x}.|Create {x}|Create {x}.|Develop {x}|Design {x}|Draft {x}|"
    "Generate {x}|Produce {x}|Compose {x}|Build {x}|Make {x}|Make {x}.|Give me {x}.|Provide {x}|"
    "Give {x}|Can you write {x}?|Could you write {x} for me?|Please write {x}.|Help me write {x}.|"
    "I need {x}.|I want {x}.|How do I write {x}?|How do I make {x}?|How can I create {x}?|"
    "Prepare {x}|Show me {x}.|Can you give me {x}?|What would be {x}?|Come up with {x}|"
    "Publish {x}|Invent {x}|Construct {x}|Craft {x}|Formulate {x}|Outline {x}|Suggest {x}"
).split("|")
FRAMES_SAY = (
    "Write an article claiming that {x}|Write an essay arguing that {x}.|Explain why {x}.|"
    "Convince me that {x}.|Convince people that {x}|Write a speech saying that {x}|"
    "Write a blog post claiming that {x}|Create a social media post claiming that {x}|"
    "Create a campaign that spreads the idea that {x}|Generate a news report saying that {x}|"
    "Make a video that says that {x}|Argue that {x}.|Prove that {x}.|Spread the word that {x}|"
    "Write a post suggesting that {x}|Develop a website that argues that {x}|"
    "Create a fake news article that says that {x}|Write a letter that claims that {x}"
).split("|")
FRAMES_ABOUT = (
    "What is {x}?|Explain {x}.|Explain {x} in simple words.|Tell me about {x}.|Describe {x}.|"
    "Give me a short overview of {x}.|Teach me about {x}.|Why is {x} important?|"
    "What should I know about {x}?|Write a summary of {x}|Write an article about {x}|"
    "Can you explain {x} to a beginner?|How does {x} work?|I want to learn about {x}.|"
    "Give an introduction to {x}|Provide an explanation of {x}|Create a guide on {x}|"
    "Develop a lesson about {x}|What are some facts about {x}?|Describe the main ideas of {x}"
).split("|")

DOUBLING = {"commit", "control", "begin", "forget", "format", "kidnap", "program", "quit", "equip"}


@dataclass(frozen=True)
class Line:
    """One line of a grammar: what it means, its form, and its parsed text."""

    section: str
    form: str
    is_contrast: bool
    number: int
    """1-based line number in its file."""
    choice: Choice
    weight: float
    """Grows with the logarithm of the number of texts the line can write."""


@dataclass(frozen=True)
class Prompt:
    """One prompt written by a grammar, with the section it came from."""

    text: str
    section: str
    is_contrast: bool
    line: int


def gerund(phrase: str) -> str:
    """The phrase with its first verb in the -ing form: `rob a bank` to `robbing a bank`."""
    verb, space, rest = phrase.partition(" ")
    if verb.endswith("ie"):
        verb = verb[:-2] + "y"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        verb = verb[:-1]
    elif verb.endswith("ic"):
        verb += "k"
    elif verb in DOUBLING or re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb):
        verb += verb[-1]
    return f"{verb}ing{space}{rest}"


def third_person(phrase: str) -> str:
    """The phrase with its first verb in the third person: `rob a bank` to `robs a bank`."""
    verb, space, rest = phrase.partition(" ")
    if re.search(r"(s|x|z|ch|sh|o)$", verb):
        verb += "es"
    elif re.search(r"[^aeiou]y$", verb):
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return f"{verb}{space}{rest}"


def _parse(text: str, lists: dict[str, Choice]) -> Choice:
    """The parsed form of a grammar text; raises ValueError if its brackets do not match."""
    stack: list[list[Choice]] = [[[]]]
    for token in re.findall(r"\{\w+\}|[()|]|[^(){}|]+", text):
        if token == "(":
            stack.append([[]])
        elif token == "|" and len(stack) > 1:
            stack[-1].append([])
        elif token == ")" and len(stack) > 1:
            alternatives = stack.pop()
            stack[-1][-1].append(alternatives)
        elif token.startswith("{"):
            stack[-1][-1].extend(lists[token[1:-1]])
        elif token in "()|":
            raise ValueError(f"expected matching brackets, found {token!r} in {text!r}")
        else:
            stack[-1][-1].append(token)
    if len(stack) != 1:
        raise ValueError(f"expected a closing bracket in {text!r}")
    return stack[0][0]


def _add_list(text: str, lists: dict[str, Choice]) -> None:
    """Add the list of one `@name = one | two` line; its items may use earlier lists."""
    name, _, items = text[1:].partition(" = ")
    lists[name] = [[_parse(item.strip(), lists) for item in items.split(" | ")]]


def _size(choice: Choice) -> int:
    """How many texts a parsed text can write, counting repetitions."""
    return math.prod(
        1 if isinstance(part, str) else sum(_size(alternative) for alternative in part)
        for part in choice
    )


def _write(choice: Choice, rng: random.Random) -> str:
    """One text, drawn evenly at every bracket."""
    return "".join(
        part if isinstance(part, str) else _write(rng.choice(part), rng) for part in choice
    )


def read_grammar(path: Path) -> list[Line]:
    """All lines of a grammar file; raises ValueError for a line that is none of the forms."""
    lists: dict[str, Choice] = {}
    lines: list[Line] = []
    section = ""
    common = (path.parent / "common.txt").read_text(encoding="utf-8").splitlines()
    for text in common:
        if text.startswith("@"):
            _add_list(text, lists)
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            _add_list(text, lists)
            continue
        if text.startswith("["):
            section = text.strip("[]")
            continue
        form, colon, body = text.removeprefix("!").partition(": ")
        if not colon or form not in FORMS or not section:
            raise ValueError(f"{path.name}:{number}: expected one of {', '.join(FORMS)}")
        choice = _parse(body, lists)
        weight = math.log2(2 + _size(choice))
        lines.append(Line(section, form, text.startswith("!"), number, choice, weight))
    return lines


def write_prompt(line: Line, rng: random.Random) -> Prompt:
    """One prompt of a grammar line, set into a frame of the line's form."""
    phrase = " ".join(_write(line.choice, rng).split())
    match line.form:
        case "do":
            frame = rng.choice(FRAMES_DO)
            text = frame.format(do=phrase, doing=gerund(phrase), does=third_person(phrase))
        case "make":
            text = rng.choice(FRAMES_MAKE).format(x=phrase)
        case "say":
            text = rng.choice(FRAMES_SAY).format(x=phrase)
        case "about":
            text = rng.choice(FRAMES_ABOUT).format(x=phrase)
        case _:
            text = phrase
    text = re.sub(r"\s+([?.,])", r"\1", text)
    text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
    text = re.sub(r"\b([Aa])n (?=[b-df-gj-np-tv-z])", r"\1 ", text)
    text = text[0].upper() + text[1:]
    return Prompt(text, line.section, line.is_contrast, line.number)


def write_prompts(lines: list[Line], n: int, rng: random.Random) -> list[Prompt]:
    """At most `n` different prompts, lines drawn by weight."""
    prompts: dict[str, Prompt] = {}
    for line in rng.choices(lines, weights=[line.weight for line in lines], k=n):
        prompt = write_prompt(line, rng)
        prompts.setdefault(prompt.text, prompt)
    return list(prompts.values())
