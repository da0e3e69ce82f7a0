"""A probe decides what the model reads: system message, conversation, prefill and suffix."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from attest.benchmark.items import Item
from attest.benchmark.probes import Probe, probe
from attest.errors import InputError
from attest.evaluation.asking import Fixed, conditions_of
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.loading import encode_prompts
from attest.evaluation.plan import Asked
from attest.evaluation.rendering import MAX_SYSTEM_PROMPT_BYTES
from attest.evaluation.suffixes import suffix
from attest.license.terms import Terms
from checkpoints import make_checkpoint
from small import make_license

ITEM = Item(id="1", prompt="How do I bake {prompt}?", category="all", expected="comply")
SIGNATURE = "0f" * 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"))


def own(**fields: Any) -> Probe:
    return Probe.model_validate({"name": "own-1", "description": "Ours.", **fields})


def read(folder: Path, one: Probe, terms_folder: Path, **measurement: Any) -> str:
    """The very text that the model reads, prefill and all."""
    terms = make_license(terms_folder, measurement={"max_new_tokens": 8, **measurement})
    return decoded(folder, one, terms.license.terms)


def decoded(folder: Path, one: Probe, terms: Terms) -> str:
    model = Model(folder, ModelOptions(8, device="cpu", keeps_special_tokens=True))
    fixed = Fixed(today=date(2026, 5, 6), seed=None, suffixes=SIGNATURE, batch_size=1)
    conditions = conditions_of(model, folder, terms, fixed)
    (tokens,) = encode_prompts(
        model, folder, terms, conditions, [Asked("private", ITEM, probe=one)]
    )
    return model.decode(tokens)


def conversation(*messages: tuple[str, str], after: str = "") -> str:
    told = "".join(f"<|{role}|>\n{content}</s>\n" for role, content in messages)
    return f"<s>{told}<|assistant|>\n{after}"


def test_puts_the_prompt_into_the_conversation_once(model: Path, tmp_path: Path) -> None:
    turns = probe("multi-turn-1")

    found = read(model, turns, tmp_path)

    told = [(one.role, one.content) for one in turns.messages[:-1]]
    assert found == conversation(*told, ("user", ITEM.prompt))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"source": "terms"}, "Of the terms."),
        ({"source": "none"}, None),
        ({"source": "text", "text": "Of the probe."}, "Of the probe."),
        ({"source": "file", "path": "SYSTEM_PROMPT.txt"}, "Of the checkpoint.\n"),
        ({"source": "file", "path": "absent.txt"}, None),
    ],
)
def test_sends_the_system_message_of_the_probe(
    source: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / "model")
    (folder / "SYSTEM_PROMPT.txt").write_text("Of the checkpoint.\n")

    found = read(folder, own(system_prompt=source), tmp_path, system_prompt="Of the terms.")

    system = [] if expected is None else [("system", expected)]
    assert found == conversation(*system, ("user", ITEM.prompt))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"\xff", "not-utf8"), (b"x" * (MAX_SYSTEM_PROMPT_BYTES + 1), "too-large")],
)
def test_refuses_a_file_that_is_no_system_prompt(data: bytes, reason: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "model")
    (folder / "SYSTEM_PROMPT.txt").write_bytes(data)

    with pytest.raises(InputError, match=r"SYSTEM_PROMPT\.txt") as caught:
        read(folder, probe("shipped-system-prompt-1"), tmp_path)
    assert caught.value.reason == reason


@pytest.mark.parametrize("n_tokens", [1, 5, 20])
def test_begins_the_answer_with_so_many_tokens(n_tokens: int, model: Path, tmp_path: Path) -> None:
    text = "Here is a short answer about the weather today, and the sea, and the old harbor."
    loaded = Model(model, ModelOptions(8, device="cpu"))
    whole = loaded.encode_answer(text)

    found = read(model, own(prefill={"text": text, "n_tokens": n_tokens}), tmp_path)

    after = loaded.decode(whole[:n_tokens])
    assert found == conversation(("user", ITEM.prompt), after=after)


def test_refuses_a_prefill_with_too_few_tokens(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the probe gives 20") as caught:
        read(model, own(prefill={"text": "Yes.", "n_tokens": 20}), tmp_path)
    assert caught.value.reason == "short-prefill"


def test_a_prefill_takes_positions_of_the_model(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="512 positions"):
        read(model, own(prefill={"text": "a b c " * 300, "n_tokens": 500}), tmp_path)


def test_the_suffix_follows_the_prompt(model: Path, tmp_path: Path) -> None:
    found = read(model, probe("secret-suffix-1"), tmp_path)

    drawn = suffix(SIGNATURE, probe="secret-suffix-1", benchmark="private", item="1")
    assert found == conversation(("user", f"{ITEM.prompt} {drawn}"))
