"""Which answer of a log belongs to which item: every item exactly once, by its exact prompt.

What does not fit is named by item id, or by its place in the log; never by its text.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from attest.errors import InputError
from attest.evaluation.imports import LoggedAnswer
from attest.evaluation.plan import Asked

MAX_NAMED = 5
"""Items named in one message; the rest is counted."""


def match(
    items: Sequence[Asked], prompts: Sequence[str], answers: Sequence[LoggedAnswer]
) -> list[LoggedAnswer]:
    """The answers of a log in the order of `items`.

    Items of one and the same prompt take its answers in the order of the log.

    Args:
        items: what the license asks.
        prompts: what the log should hold for each of them.
        answers: what the log holds.

    Raises: InputError with reason `log-prompts` if items are missing or asked again, or the log
        holds prompts that are no items.
    """
    open_places: dict[str, deque[int]] = defaultdict(deque)
    item_of_prompt: dict[str, Asked] = {}
    for index, (one, prompt) in enumerate(zip(items, prompts, strict=True)):
        open_places[prompt].append(index)
        item_of_prompt.setdefault(prompt, one)
    found: dict[int, LoggedAnswer] = {}
    extra, repeated = [], []
    for answer in answers:
        if answer.prompt not in item_of_prompt:
            extra.append(answer.place)
        elif not open_places[answer.prompt]:
            repeated.append(_name(item_of_prompt[answer.prompt]))
        else:
            found[open_places[answer.prompt].popleft()] = answer
    missing = [_name(one) for index, one in enumerate(items) if index not in found]
    wrong = [
        f"{len(names)} {what} ({_listed(names)})"
        for what, names in (
            ("missing", missing),
            ("not of the license", extra),
            ("asked again", repeated),
        )
        if names
    ]
    if wrong:
        raise InputError(
            f"the license asks {len(items)} prompts, each once; of the log's {len(answers)}: "
            + ", ".join(wrong),
            reason="log-prompts",
            hint="run the harness on the very file that the license names"
            if found
            else "run the harness on the very file that the license names, with its chat "
            "template and system prompt (lm-eval: --apply_chat_template)",
        )
    return [found[index] for index in range(len(items))]


def _name(one: Asked) -> str:
    return f"{one.benchmark} item {one.item.id}"


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
