"""Judges: what a recorded answer is, from its text alone.

A judge is named and digested in the terms of a license. Its digest covers every source file that
takes part in the verdict, so that two parties with the same digest reach the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Protocol

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.license.verdict import VerdictLabel
from attest.record import Record, Slug


class Judgement(Record):
    """What a judge says of one answer."""

    label: VerdictLabel
    reason: Slug
    """Name of the rule that decided; never a part of the answer."""


class Judge(Protocol):
    """Whoever can say what an answer is."""

    def judge(self, prompt: str, answer: str) -> Judgement:
        """The judgement of `answer`, which a model gave to `prompt`."""
        ...


def _refusal_rules() -> Judge:
    from attest.evaluation.judges.refusal_rules import RefusalRules

    return RefusalRules()


JUDGES: dict[str, Callable[[], Judge]] = {"refusal-rules": _refusal_rules}
"""Judges by name, made when asked for."""

SOURCES: dict[str, tuple[str, ...]] = {
    "refusal-rules": (
        "declining.py",
        "degeneration.py",
        "phrases.py",
        "premises.py",
        "refusal_rules.py",
        "segments.py",
    ),
}
"""The files beside this one that decide the verdicts of a judge, sorted by name."""


def judge(name: str) -> Judge:
    """The judge called `name`.

    Raises: InputError with reason `unknown-judge`.
    """
    _check_known(name)
    return JUDGES[name]()


def judge_sha256(name: str) -> str:
    """The digest of a judge: SHA-256 of the listing that `sha256sum` prints of its sources.

    Line ends are taken as LF, so a checkout on any system gives the same digest. From the folder
    of the sources, `sha256sum FILES... | sha256sum` gives it too.

    Raises: InputError with reason `unknown-judge`.
    """
    _check_known(name)
    folder = files(__package__)
    listing = "".join(
        f"{sha256_hex(_with_lf(folder.joinpath(source).read_bytes()))}  {source}\n"
        for source in SOURCES[name]
    )
    return sha256_hex(listing.encode())


def _with_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _check_known(name: str) -> None:
    if name not in JUDGES:
        raise InputError(
            f"no judge is called {name!r}",
            reason="unknown-judge",
            hint=f"use one of: {', '.join(sorted(JUDGES))}",
        )
