"""How a prompt is put: probes, plain data with a name and a digest.

A probe says what stands around a prompt (system message, other messages, a suffix), what the answer
already begins with, and how often it is drawn and at which settings. A license names probes of the
registry by digest, or writes its own out. The version is part of the name: what a probe says never
changes under one name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.record import Record, RelativePath, Sha256, Slug

PLACE = "{prompt}"
"""Where the prompt goes, exactly once in the messages of a probe."""

PLAIN: Final = "plain"
"""The name of asking without a probe."""
RESERVED = frozenset({PLAIN, "base", "checkpoint"})

MAX_MESSAGES = 32
MAX_TEXT_CHARS = 16_384
"""Longest text of one message, prefill or system message."""
MAX_PREFILL_TOKENS = 1024
MAX_ATTEMPTS = 64
"""Most answers to one item under one probe."""

Decoding = Literal["greedy", "sampled"]
"""`greedy`: the likeliest token each time; `sampled`: a draw at a temperature, which license and
checkpoint fix."""

_TEMPERATURE = re.compile(r"^(0\.0*[1-9][0-9]*|1(\.[0-9]+)?|2(\.0+)?)$")
_TOP_P = re.compile(r"^0\.0*[1-9][0-9]*$")


def _temperature(text: str) -> str:
    if len(text) > 14 or not _TEMPERATURE.fullmatch(text):
        raise ValueError("expected a decimal above 0 and up to 2 written out, such as 0.7")
    return text


def _top_p(text: str) -> str:
    if len(text) > 14 or not _TOP_P.fullmatch(text):
        raise ValueError("expected a decimal above 0 and below 1 written out, such as 0.9")
    return text


Temperature = Annotated[str, AfterValidator(_temperature)]
"""With which logits are divided before a draw, as a decimal string in (0, 2]."""

TopP = Annotated[str, AfterValidator(_top_p)]
"""Share of probability that the likeliest tokens must hold together before others are left out of
a draw, as a decimal string in (0, 1)."""

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]


class SystemPrompt(Record):
    """Which system message goes before the conversation."""

    source: Literal["terms", "none", "text", "file"] = "terms"
    """`terms`: that of the measurement; `none`: none is sent; `text`: this one; `file`: the one
    that the checkpoint ships, or none where it ships none."""
    text: Text | None = None
    path: RelativePath | None = None

    @model_validator(mode="after")
    def _has_its_text(self) -> Self:
        if (self.source == "text") != (self.text is not None):
            raise ValueError("expected `text` exactly when source is `text`")
        if (self.source == "file") != (self.path is not None):
            raise ValueError("expected `path` exactly when source is `file`")
        return self


class Message(Record):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: Text


class Prefill(Record):
    """What the answer already begins with; only its continuation is judged."""

    text: Text
    n_tokens: Annotated[int, Field(ge=1, le=MAX_PREFILL_TOKENS)]
    """How many tokens of the text, encoded by the model's own tokenizer, are given."""


class Setting(Record):
    """How tokens are chosen, and how often an item is asked so."""

    decoding: Decoding = "greedy"
    temperature: Temperature | None = None
    """Of sampled decoding."""
    top_p: TopP | None = None
    """Of sampled decoding; None draws from all tokens."""
    draws: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = 1

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        is_sampled = self.decoding == "sampled"
        if is_sampled != (self.temperature is not None):
            raise ValueError("expected `temperature` exactly when decoding is `sampled`")
        if not is_sampled and (self.top_p is not None or self.draws > 1):
            raise ValueError("greedy decoding has one answer: no `top_p`, one draw")
        return self


class Probe(Record):
    """One way to put a prompt."""

    name: Slug
    description: Annotated[str, Field(min_length=1, max_length=500)]
    """What it does, in a sentence for a person."""
    system_prompt: SystemPrompt = SystemPrompt()
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES)] = (
        Message(role="user", content=PLACE),
    )
    """The conversation, in which `{prompt}` stands for the prompt exactly once."""
    prefill: Prefill | None = None
    decodings: Annotated[tuple[Setting, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    """An item is asked once for each setting and draw, and the worst answer counts; empty asks
    once, as the measurement says."""
    suffix: Literal["licensor"] | None = None
    """`licensor`: a random suffix follows the prompt, drawn from a signature that the licensor
    gives after the weights are fixed."""

    @model_validator(mode="after")
    def _asks_the_prompt(self) -> Self:
        if sum(message.content.count(PLACE) for message in self.messages) != 1:
            raise ValueError(f"expected {PLACE} exactly once in the messages")
        if self.messages[-1].role != "user":
            raise ValueError("expected the last message to be the user's")
        if sum(setting.draws for setting in self.decodings) > MAX_ATTEMPTS:
            raise ValueError(f"expected at most {MAX_ATTEMPTS} draws in all")
        return self

    @property
    def sha256(self) -> str:
        """The digest of a probe: SHA-256 of its canonical JSON."""
        return sha256_hex(self.to_json())

    @property
    def attempts(self) -> tuple[Setting | None, ...]:
        """The setting of each answer to an item, in order; None is that of the measurement."""
        return tuple(one for one in self.decodings for _ in range(one.draws)) or (None,)


PLAIN_PROBE = Probe(name=PLAIN, description="The prompt alone, as the measurement says.")


class _Registry(Record):
    probes: tuple[Probe, ...]


@cache
def probes() -> Mapping[str, Probe]:
    """All probes that ship with this package by name, in the order of `probes.json`."""
    data = files("attest.benchmark").joinpath("probes.json").read_bytes()
    found = _Registry.from_json(data, what="probes.json").probes
    return MappingProxyType({probe.name: probe for probe in found})


def probe(name: str, sha256: Sha256 | None = None) -> Probe:
    """The probe of that name.

    Raises: InputError with reason `unknown-probe`, or `another-probe` if this version of the
        package has a probe of that name with another digest.
    """
    known = probes()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        raise InputError(
            f"expected a known probe, found {name!r}",
            reason="unknown-probe",
            hint=f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}",
        )
    found = known[name]
    if sha256 not in (None, found.sha256):
        raise InputError(
            f"probe {name} has digest {found.sha256[:16]}…, the terms name {sha256[:16]}…",
            reason="another-probe",
            where="probes",
            hint="take the digest that `attest benchmark probes` prints, or write the probe out",
        )
    return found
