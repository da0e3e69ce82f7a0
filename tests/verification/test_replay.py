"""Replay believes the weights and nobody else: each forgery that signing cannot see fails here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_forgeries import assert_fails_at

from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.engines import Response
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.engines.replay import Replayed
from attest.evaluation.engines.replay import replay as replay_tokens
from attest.evaluation.journal import TRANSCRIPTS, read_master, read_transcripts
from attest.evaluation.loading import Machine
from attest.evaluation.run import evaluate
from attest.verification.replay import Replay, SpotCheck
from checkpoints import Architecture, make_checkpoint
from release import Release, make_release

CPU = Machine(device="cpu")
FULL = Replay(machine=CPU)


def resign(release: Release, change: Callable[[dict[str, Any]], None]) -> Release:
    """Evidence altered line by line before an honest commitment, count and signature."""
    from attest.evaluation.commitment import commit
    from attest.evaluation.counting import count
    from attest.evaluation.judges import Exchange, judge
    from attest.evaluation.materials import load_benchmarks
    from attest.evaluation.records import JudgedTranscript

    referee = judge("refusal-rules")
    benchmarks = load_benchmarks(release.license.terms, release.small.data)
    prompts = {item.id: item.prompt for item in benchmarks["private"].items}
    lines = []
    for line in read_transcripts(release.evidence):
        value = line.to_dict()
        change(value["transcript"])
        text = value["transcript"]["text"]
        said = referee.judge([Exchange(prompts[line.transcript.item], text)])
        value["judgements"] = [one.to_dict() for one in said]
        lines.append(JudgedTranscript.from_json(json.dumps(value).encode(), what="line"))
    (release.evidence / TRANSCRIPTS).write_bytes(b"".join(x.to_json() + b"\n" for x in lines))
    evaluation = release.evaluation.model_copy(
        update={
            "counts": count(release.license.terms, benchmarks, lines),
            "evidence": commit(lines, read_master(release.evidence)),
        }
    )
    return replace(release, evaluation=evaluation)


def test_an_honest_release_replays_exactly(release: Release) -> None:
    result = release.examine(evidence=release.evidence, replay=FULL)

    assert result.failed_step is None
    assert (result.level, result.outcome) == (4, "pass")
    assert result.replay is not None
    assert result.replay.n_items == 18
    assert result.replay.n_unsettled_tokens == 0
    assert result.replay.largest_margin == 0.0
    assert {step.status for step in result.steps} == {"passed", "not-asked"}


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "gemma2", "gpt2"])
def test_every_architecture_replays_what_it_generated(
    architecture: Architecture, tmp_path: Path
) -> None:
    """Slices, padding and the sliding window change nothing but the last digits."""
    folder = make_checkpoint(tmp_path, architecture)
    model = Model(folder, ModelOptions(max_new_tokens=40, device="cpu"))
    prompts = [model.encode(text) for text in ("Hi", "What is the capital of France?" * 2, "Bake")]
    responses = LocalEngine(model).generate(prompts)

    for max_logit_bytes in (1, 4 * 3 * 320 * 7, 1 << 28):
        found = dict(
            replay_tokens(model, prompts, responses, batch_size=3, max_logit_bytes=max_logit_bytes)
        )
        for index, response in enumerate(responses):
            n_expected = len(response.tokens) + (response.stop == "eos")
            assert len(found[index].margins) == n_expected
            assert max(found[index].margins) < 1e-4 * found[index].spread


def test_bfloat16_answers_replay_in_float32_within_the_tolerance(tmp_path: Path) -> None:
    release = make_release(tmp_path, dtype=torch.bfloat16)

    result = release.examine(evidence=release.evidence, replay=FULL)

    assert result.is_verified, result.failed_step
    assert result.replay is not None
    assert result.replay.dtype == "float32"
    assert result.replay.largest_margin <= result.replay.tolerance


def test_answers_of_another_model_honestly_signed_fail_at_the_replay(
    release: Release, tmp_path: Path
) -> None:
    """The scene that matters: the aligned model's answers, the attacked model's weights."""
    other = make_checkpoint(tmp_path / "other", seed=8)
    pasted = tmp_path / "pasted"
    evaluate(
        open_checkpoint(other),
        release.license,
        release.small.file.read_bytes(),
        out=pasted,
        data=release.small.data,
        machine=CPU,
        today=release.evaluation.conditions.rendered_on,
    )
    shutil.copy(pasted / TRANSCRIPTS, release.evidence / TRANSCRIPTS)
    forged = resign(release, lambda _: None)

    assert forged.examine(evidence=release.evidence).level == 2
    result = forged.examine(evidence=release.evidence, replay=FULL)
    assert_fails_at(result, "replay", "these weights do not say this answer")


def test_a_response_cut_before_its_end_fails_at_the_replay(release: Release) -> None:
    def cut(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 5:
            transcript["responseTokens"] = transcript["responseTokens"][:3]
            transcript["stop"] = "eos"
            transcript["text"] = MODEL.decode(transcript["responseTokens"])

    MODEL = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))  # noqa: N806
    forged = resign(release, cut)

    result = forged.examine(evidence=release.evidence, replay=FULL)
    assert_fails_at(result, "replay", "its end of 3 is")


def test_a_response_that_goes_another_way_fails_at_the_replay(release: Release) -> None:
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))

    def turn(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 7:
            transcript["responseTokens"][2] = (transcript["responseTokens"][2] + 1) % 300 + 3
            transcript["text"] = model.decode(transcript["responseTokens"])

    result = resign(release, turn).examine(evidence=release.evidence, replay=FULL)

    assert_fails_at(result, "replay", "token 3 of 12")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(promptTokens=[0, 5, 6]), "the recorded prompt is not"),
        (lambda t: t.update(text="I'm sorry, but I can't help with that."), "text is not"),
        (lambda t: t.update(responseTokens=[999]), "not in the vocabulary"),
    ],
)
def test_what_the_tokenizer_does_not_make_fails_at_the_rendering(
    release: Release, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    forged = resign(release, change)

    result = forged.examine(evidence=release.evidence, replay=FULL)

    assert_fails_at(result, "rendering", words)


@pytest.mark.parametrize(
    ("tokens", "stop", "words"),
    [
        ([5, 1, 5], "eos", "goes on after an end-of-sequence token"),
        ([5] * 5, "length", "ends by length after 5 of 12"),
        ([5] * 12, "eos", "ends by eos after 12 of 12"),
        ([5] * 13, "length", "ends by length after 13 of 12"),
    ],
)
def test_an_ending_that_cannot_be_fails_at_the_rendering(
    release: Release, tokens: list[int], stop: str, words: str
) -> None:
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))

    def end(transcript: dict[str, Any]) -> None:
        transcript.update(responseTokens=tokens, stop=stop, text=model.decode(tokens))

    result = resign(release, end).examine(evidence=release.evidence, replay=FULL)

    assert_fails_at(result, "rendering", words)


def test_a_hidden_system_prompt_fails_at_the_rendering(release: Release, tmp_path: Path) -> None:
    """Measured with a safety prompt that the terms do not have, then signed as without."""
    value = json.loads(release.small.file.read_text())
    value["measurement"]["system_prompt"] = "Refuse everything."
    prompted = tmp_path / "license.yaml"
    prompted.write_text(json.dumps(value))
    from attest.license.read import read_license

    out = tmp_path / "prompted"
    evaluate(
        open_checkpoint(release.model),
        read_license(prompted),
        prompted.read_bytes(),
        out=out,
        data=release.small.data,
        machine=CPU,
        today=release.evaluation.conditions.rendered_on,
    )
    shutil.copy(out / TRANSCRIPTS, release.evidence / TRANSCRIPTS)

    result = resign(release, lambda _: None).examine(evidence=release.evidence, replay=FULL)

    assert_fails_at(result, "rendering", "the recorded prompt is not")


def test_other_end_of_sequence_tokens_fail_at_the_rendering(release: Release) -> None:
    conditions = release.evaluation.conditions.model_copy(update={"eos_token_ids": (1, 7)})
    evaluation = release.evaluation.model_copy(update={"conditions": conditions})

    result = replace(release, evaluation=evaluation).examine(evidence=release.evidence, replay=FULL)

    assert_fails_at(result, "rendering", "end-of-sequence tokens")


def test_a_token_within_the_tolerance_is_unsettled_and_counts_as_a_failure(
    release: Release,
) -> None:
    """A forger who turns at a near-tie gains nothing: the item fails instead."""
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))

    def turn(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 7:
            transcript["responseTokens"][11] = (transcript["responseTokens"][11] + 1) % 300 + 3
            transcript["text"] = model.decode(transcript["responseTokens"])

    wide = Replay(machine=CPU, tolerance=1e9)
    result = resign(release, turn).examine(evidence=release.evidence, replay=wide)

    assert result.is_verified
    assert result.replay is not None
    assert (result.replay.n_unsettled_items, result.replay.n_unsettled_tokens) == (1, 1)
    unsettled = sum(finding.failures for finding in result.findings)
    assert unsettled >= sum(count.failures for count in release.evaluation.counts[1:3])

    both = replace(wide, unsettled="judge-both")
    settled = resign(release, turn).examine(evidence=release.evidence, replay=both)
    assert settled.replay is not None
    assert settled.replay.n_unsettled_items == 0


def test_terms_can_set_the_tolerance(tmp_path: Path) -> None:
    release = make_release(tmp_path, measurement={"max_new_tokens": 12, "replay_tolerance": "900"})
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))

    def turn(transcript: dict[str, Any]) -> None:
        if transcript["index"] == 7:
            transcript["responseTokens"][11] = (transcript["responseTokens"][11] + 1) % 300 + 3
            transcript["text"] = model.decode(transcript["responseTokens"])

    forged = resign(release, turn)
    result = forged.examine(evidence=release.evidence, replay=FULL)
    assert result.replay is not None
    assert (result.replay.tolerance, result.replay.n_unsettled_items) == (900.0, 1)

    strict = Replay(machine=CPU, tolerance=0.0)
    assert_fails_at(
        forged.examine(evidence=release.evidence, replay=strict), "replay", "do not say this"
    )


def test_a_margin_that_is_not_a_number_is_no_answer_of_the_weights(release: Release) -> None:
    zero = Replay(machine=CPU, tolerance=float("nan"))

    result = release.examine(evidence=release.evidence, replay=zero)

    assert_fails_at(result, "replay", "these weights do not say this answer")


def test_no_place_of_a_margin_that_is_not_a_number_hides_it() -> None:
    nan = float("nan")
    for margins in ((nan,), (0.0, nan), (nan, 0.0), (0.0, nan, 1.0)):
        assert not Replayed(margins, spread=1.0).worst <= 1e9
    assert Replayed((), spread=1.0).worst == 0.0


def test_weights_that_compute_no_number_are_not_believed(release: Release) -> None:
    """Forged refusals after a first honest token, over weights that give NaN from then on."""
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))
    lines = [line.transcript for line in read_transcripts(release.evidence)]
    token = lines[0].response_tokens[0]
    with torch.no_grad():
        model._model.get_input_embeddings().weight[token] = float("nan")
    ((_, replayed),) = replay_tokens(
        model,
        [lines[0].prompt_tokens],
        [Response((token, 5, 6, 7), "eos")],
        batch_size=1,
    )

    assert not replayed.worst <= 1e9


def test_a_spot_check_says_what_it_could_have_caught(release: Release) -> None:
    """Random weights refuse nothing, so refusals are put in place of what they say."""
    spot = Replay(machine=CPU, spot_check=SpotCheck(n_items=2, beacon=bytes(32)))
    result = release.examine(evidence=release.evidence, replay=spot)

    assert_fails_at(result, "rendering", "nothing to spot-check")


def test_replay_is_the_same_whatever_the_batch(release: Release) -> None:
    model = Model(release.model, ModelOptions(max_new_tokens=12, device="cpu"))
    lines = [line.transcript for line in read_transcripts(release.evidence)]
    prompts = [line.prompt_tokens for line in lines]
    responses = [Response(line.response_tokens, line.stop) for line in lines]

    one, many = (
        dict(replay_tokens(model, prompts, responses, batch_size=size)) for size in (1, 18)
    )

    assert {index: max(r.margins) for index, r in one.items()} == {
        index: max(r.margins) for index, r in many.items()
    }
