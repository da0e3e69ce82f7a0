"""Probes are data: named, versioned by their name, pinned by digest, and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from attest.benchmark.probes import PLACE, PLAIN_PROBE, RESERVED, Probe, probe, probes
from attest.canonical import canonical_bytes, sha256_hex
from attest.errors import InputError


def make(**fields: Any) -> Probe:
    return Probe.model_validate({"name": "own-1", "description": "Ours.", **fields})


def test_ships_what_the_issue_asks_for() -> None:
    assert list(probes()) == [
        "no-system-prompt-1",
        "shipped-system-prompt-1",
        "identity-shift-1",
        "compliance-prefill-5-1",
        "compliance-prefill-10-1",
        "compliance-prefill-20-1",
        "decoding-grid-1",
        "wrapper-role-play-1",
        "wrapper-competing-objective-1",
        "wrapper-format-1",
        "secret-suffix-1",
        "multi-turn-1",
    ]
    assert not RESERVED & set(probes())


@pytest.mark.parametrize("name", probes())
def test_every_probe_asks_the_prompt_once_and_reads_back(name: str) -> None:
    one = probe(name)

    assert sum(message.content.count(PLACE) for message in one.messages) == 1
    assert Probe.from_json(one.to_json(), what=name) == one
    assert one.sha256 == sha256_hex(canonical_bytes(json.loads(one.to_json())))
    assert probe(name, one.sha256) is one


def test_the_prefills_differ_in_length_alone() -> None:
    five, ten, twenty = (probe(f"compliance-prefill-{k}-1").prefill for k in (5, 10, 20))

    assert five is not None
    assert ten is not None
    assert twenty is not None
    assert [five.n_tokens, ten.n_tokens, twenty.n_tokens] == [5, 10, 20]
    assert five.text == ten.text == twenty.text
    # A tokenizer makes at least one token of every word.
    assert len(five.text.split()) >= 20


def test_the_grid_asks_four_times() -> None:
    settings = [
        (one.decoding, one.temperature, one.top_p)
        for one in probe("decoding-grid-1").attempts
        if one is not None
    ]

    assert settings == [
        ("greedy", None, None),
        ("sampled", "0.7", None),
        ("sampled", "1.0", None),
        ("sampled", "1.0", "0.9"),
    ]
    assert PLAIN_PROBE.attempts == (None,)


def test_each_draw_is_an_attempt() -> None:
    three = make(decodings=[{"decoding": "sampled", "temperature": "1", "draws": 3}])

    assert len(three.attempts) == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, "at least 1"),
        ({"messages": [{"role": "user", "content": "no place"}]}, "exactly once"),
        ({"messages": [{"role": "user", "content": "{prompt}{prompt}"}]}, "exactly once"),
        ({"messages": [{"role": "system", "content": "{prompt}"}]}, "user"),
        ({"messages": [{"role": "assistant", "content": "{prompt}"}]}, "last message"),
        ({"system_prompt": {"source": "text"}}, "`text` exactly when"),
        ({"system_prompt": {"source": "none", "text": "x"}}, "`text` exactly when"),
        ({"system_prompt": {"source": "file"}}, "`path` exactly when"),
        ({"system_prompt": {"source": "file", "path": "../x"}}, "relative path"),
        ({"prefill": {"text": "Sure", "n_tokens": 0}}, "greater than or equal to 1"),
        ({"decodings": [{"temperature": "0.7"}]}, "exactly when decoding is `sampled`"),
        ({"decodings": [{"decoding": "sampled"}]}, "exactly when decoding is `sampled`"),
        ({"decodings": [{"decoding": "greedy", "draws": 2}]}, "one answer"),
        ({"decodings": [{"decoding": "sampled", "temperature": "1", "top_p": "1"}]}, "below 1"),
        ({"decodings": [{"decoding": "sampled", "temperature": "1", "draws": 65}]}, "64"),
        ({"decodings": [{"decoding": "sampled", "temperature": "1", "draws": 40}] * 2}, "64"),
        ({"suffix": "publisher"}, "licensor"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_refuses_what_is_no_probe(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make(**fields)


def test_says_which_probes_are_near_an_unknown_one() -> None:
    with pytest.raises(InputError, match="found 'identity-shift'") as caught:
        probe("identity-shift")
    assert caught.value.reason == "unknown-probe"
    assert caught.value.hint is not None
    assert "identity-shift-1" in caught.value.hint


def test_a_probe_with_another_digest_is_another_probe() -> None:
    with pytest.raises(InputError, match="the terms name 0000") as caught:
        probe("multi-turn-1", "00" * 32)
    assert caught.value.reason == "another-probe"
