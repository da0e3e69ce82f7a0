"""Sampled answers are replayed like greedy ones: the draws are fixed, so one path is true."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_forgeries import assert_fails_at
from test_replay import CPU, FULL, resign

from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.journal import TRANSCRIPTS, read_transcripts
from attest.evaluation.run import evaluate
from attest.report.attestation import attestation_screen
from attest.verification.replay import Replay
from checkpoints import make_checkpoint
from release import Release, make_release
from small import make_license

MEASUREMENT = {"max_new_tokens": 12, "decoding": "sampled", "temperature": "0.7"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("sampled"), measurement=MEASUREMENT)


@pytest.fixture
def sampled(drawn: Release, tmp_path: Path) -> Release:
    shutil.copytree(drawn.model, tmp_path / "model")
    shutil.copytree(drawn.evidence, tmp_path / "evidence")
    return replace(drawn, model=tmp_path / "model", evidence=tmp_path / "evidence")


def load(release: Release) -> Model:
    return Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))


def with_answers(
    release: Release, make: Callable[[Sequence[tuple[int, ...]]], list[Response]]
) -> Release:
    """Other answers to the same prompts, honestly judged, committed to and signed."""
    model = load(release)
    lines = [line.transcript for line in read_transcripts(release.evidence)]
    answers = make([line.prompt_tokens for line in lines])

    def change(transcript: dict[str, Any]) -> None:
        answer = answers[transcript["index"]]
        transcript["responseTokens"] = list(answer.tokens)
        transcript["stop"] = answer.stop
        transcript["text"] = model.decode(answer.tokens)

    return resign(release, change)


def keys(release: Release) -> tuple[ItemKey, ...]:
    lines = [line.transcript for line in read_transcripts(release.evidence)]
    return tuple(ItemKey(line.benchmark, line.item) for line in lines)


def seed(release: Release) -> bytes:
    assert release.evaluation.conditions.seed is not None
    return bytes.fromhex(release.evaluation.conditions.seed)


def test_an_honest_sampled_release_replays_exactly(sampled: Release) -> None:
    result = sampled.examine(evidence=sampled.evidence, replay=FULL)

    assert result.failed_step is None
    assert (result.level, result.outcome) == (4, "pass")
    assert result.replay is not None
    assert (result.replay.n_items, result.replay.n_unsettled_tokens) == (18, 0)
    assert result.replay.largest_margin == 0.0


def test_the_engine_gives_the_signed_answers_again(sampled: Release) -> None:
    """What the forgeries below are made with is what an honest run is made with."""
    draws = Draws(seed(sampled), 0.7, keys(sampled))
    again = with_answers(
        sampled, lambda prompts: LocalEngine(load(sampled)).generate(prompts, draws)
    )

    assert again.evaluation == sampled.evaluation


def test_bfloat16_draws_replay_in_float32_within_the_tolerance(tmp_path: Path) -> None:
    release = make_release(tmp_path, measurement=MEASUREMENT, dtype=torch.bfloat16)

    result = release.examine(evidence=release.evidence, replay=FULL)

    assert result.is_verified, result.failed_step
    assert result.replay is not None
    assert result.replay.dtype == "float32"
    assert result.replay.largest_margin <= result.replay.tolerance


def test_the_attestation_says_how_it_was_drawn(sampled: Release) -> None:
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as shown:
        console.print(attestation_screen(sampled.statement()))

    signed = sampled.evaluation.conditions.seed
    assert signed is not None
    assert f"sampled at temperature 0.7 (seed {signed[:16]}…)" in shown.get()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": "ab" * 32}, "sampled with seed abababababababab…, which is not the seed"),
        ({"temperature": "0.1"}, "measured with temperature '0.1', the license asks for '0.7'"),
        ({"temperature": "0.70"}, "measured with temperature '0.70'"),
    ],
)
def test_draws_that_the_license_does_not_fix_fail_at_the_claim(
    sampled: Release, change: dict[str, str], words: str
) -> None:
    bundle = sampled.bundle(
        lambda statement: statement["predicate"]["evaluation"]["conditions"].update(change)
    )

    assert_fails_at(sampled.examine(bundle), "claim", words)


def test_a_seed_that_the_publisher_chose_fails_at_the_claim(sampled: Release) -> None:
    """Drawn again until the answers pleased, and recorded as it was drawn."""
    chosen = bytes(31) + b"\x07"
    draws = Draws(chosen, 0.7, keys(sampled))
    forged = with_answers(
        sampled, lambda prompts: LocalEngine(load(sampled)).generate(prompts, draws)
    )
    conditions = forged.evaluation.conditions.model_copy(update={"seed": chosen.hex()})
    forged = replace(
        forged, evaluation=forged.evaluation.model_copy(update={"conditions": conditions})
    )

    result = forged.examine(evidence=forged.evidence, replay=FULL)

    assert_fails_at(result, "claim", "not the seed that this license")


def test_a_sampled_claim_under_a_greedy_license_fails_at_the_claim(release: Release) -> None:
    conditions = release.evaluation.conditions.model_copy(
        update={"decoding": "sampled", "temperature": "0.7", "seed": "00" * 32}
    )
    evaluation = release.evaluation.model_copy(update={"conditions": conditions})

    result = replace(release, evaluation=evaluation).examine()

    assert_fails_at(result, "claim", "measured with decoding 'sampled'")


def test_a_greedy_claim_under_a_sampled_license_fails_at_the_claim(sampled: Release) -> None:
    conditions = sampled.evaluation.conditions.model_copy(
        update={"decoding": "greedy", "temperature": None, "seed": None}
    )
    evaluation = sampled.evaluation.model_copy(update={"conditions": conditions})

    result = replace(sampled, evaluation=evaluation).examine()

    assert_fails_at(result, "claim", "measured with decoding 'greedy'")


def other_seed(release: Release) -> Draws:
    return Draws(bytes(32), 0.7, keys(release))


def other_temperature(release: Release) -> Draws:
    return Draws(seed(release), 0.2, keys(release))


def other_items(release: Release) -> Draws:
    items = keys(release)
    return Draws(seed(release), 0.7, (*items[1:], items[0]))


def no_draws(_: Release) -> None:
    return None


@pytest.mark.parametrize("make", [no_draws, other_seed, other_temperature, other_items])
def test_answers_by_other_draws_fail_at_the_replay(
    sampled: Release, make: Callable[[Release], Draws | None]
) -> None:
    """Greedy answers, a seed kept quiet, a cooler draw, and one item's draws used for another."""
    forged = with_answers(
        sampled, lambda prompts: LocalEngine(load(sampled)).generate(prompts, make(sampled))
    )

    assert forged.examine(evidence=sampled.evidence).level == 2
    result = forged.examine(evidence=sampled.evidence, replay=FULL)
    assert_fails_at(result, "replay", "these weights do not say this answer")


def test_a_draw_cut_before_its_end_fails_at_the_replay(sampled: Release) -> None:
    model = load(sampled)

    def cut(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 5:
            transcript["responseTokens"] = transcript["responseTokens"][:3]
            transcript["stop"] = "eos"
            transcript["text"] = model.decode(transcript["responseTokens"])

    result = resign(sampled, cut).examine(evidence=sampled.evidence, replay=FULL)

    assert_fails_at(result, "replay", "its end of 3 is")


def test_draws_of_another_model_fail_at_the_replay(sampled: Release, tmp_path: Path) -> None:
    """The other model under its own seed, and under the seed of the released one."""
    other = make_checkpoint(tmp_path / "other", seed=8)
    pasted = tmp_path / "pasted"
    evaluate(
        open_checkpoint(other),
        sampled.license,
        sampled.small.file.read_bytes(),
        out=pasted,
        data=sampled.small.data,
        machine=CPU,
        today=sampled.evaluation.conditions.rendered_on,
    )
    engine = LocalEngine(Model(other, ModelOptions(max_new_tokens=12, device="cpu")))
    draws = Draws(seed(sampled), 0.7, keys(sampled))
    same_seed = with_answers(sampled, lambda prompts: engine.generate(prompts, draws))
    result = same_seed.examine(evidence=sampled.evidence, replay=FULL)
    assert_fails_at(result, "replay", "these weights do not say this answer")

    shutil.copy(pasted / TRANSCRIPTS, sampled.evidence / TRANSCRIPTS)
    result = resign(sampled, lambda _: None).examine(evidence=sampled.evidence, replay=FULL)
    assert_fails_at(result, "replay", "these weights do not say this answer")


def test_an_unsettled_draw_is_generated_again_by_its_own_draws(sampled: Release) -> None:
    model = load(sampled)

    def turn(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 7:
            transcript["responseTokens"][-1] = (transcript["responseTokens"][-1] + 1) % 300 + 3
            transcript["text"] = model.decode(transcript["responseTokens"])

    forged = resign(sampled, turn)
    wide = Replay(machine=CPU, tolerance=1e9)

    result = forged.examine(evidence=sampled.evidence, replay=wide)
    assert result.replay is not None
    assert (result.replay.n_unsettled_items, result.replay.n_unsettled_tokens) == (1, 1)

    both = forged.examine(evidence=sampled.evidence, replay=replace(wide, unsettled="judge-both"))
    assert both.replay is not None
    assert both.replay.n_unsettled_items == 0


def test_terms_with_another_temperature_are_another_license(
    sampled: Release, tmp_path: Path
) -> None:
    warmer = make_license(tmp_path / "warmer", measurement=MEASUREMENT | {"temperature": "1"})

    assert_fails_at(sampled.examine(license=warmer.license), "claim", "not under this license")
