"""A sampled run says the same whenever, in whatever batch and after whatever interruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.engines.replay import replay
from attest.evaluation.journal import RUN, TRANSCRIPTS
from attest.evaluation.loading import Machine
from attest.evaluation.records import Evaluation
from attest.evaluation.run import Progress, evaluate
from attest.evaluation.seed import derive_seed
from checkpoints import Architecture, make_checkpoint
from small import make_license

MEASUREMENT = {"max_new_tokens": 12, "decoding": "sampled", "temperature": "0.7"}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("llama"))


def measure(
    model: Path,
    folder: Path,
    out: str,
    *,
    batch_size: int = 4,
    measurement: dict[str, object] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Evaluation:
    small = make_license(folder, measurement=measurement or MEASUREMENT)
    return evaluate(
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=folder / out,
        data=small.data,
        machine=Machine(device="cpu", batch_size=batch_size),
        today=date(2026, 5, 6),
        on_progress=on_progress,
    )


def tokens(folder: Path, out: str) -> list[list[int]]:
    lines = (folder / out / TRANSCRIPTS).read_text().splitlines()
    return [json.loads(line)["transcript"]["responseTokens"] for line in lines]


def test_the_record_states_the_draws_that_license_and_checkpoint_fix(
    llama: Path, tmp_path: Path
) -> None:
    evaluation = measure(llama, tmp_path, "out")

    conditions = evaluation.conditions
    assert (conditions.decoding, conditions.temperature) == ("sampled", "0.7")
    license = make_license(tmp_path, measurement=MEASUREMENT).license
    assert conditions.seed == derive_seed(license.sha256, evaluation.manifest.digest())
    assert Evaluation.from_json(evaluation.to_json(), what="evaluation") == evaluation


def test_a_greedy_record_is_written_as_before(llama: Path, tmp_path: Path) -> None:
    greedy = measure(llama, tmp_path, "out", measurement={"max_new_tokens": 12})

    assert sorted(greedy.conditions.to_dict()) == [
        *("architecture", "attention", "batchPlan", "decoding", "dtype", "engine"),
        *("eosTokenIds", "maxNewTokens", "renderedOn", "template"),
    ]
    assert b"seed" not in (tmp_path / "out" / RUN).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": None},
        {"temperature": None},
        {"decoding": "greedy"},
        {"decoding": "greedy", "seed": None},
    ],
)
def test_conditions_that_cannot_be_repeated_are_no_conditions(
    llama: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    conditions = measure(llama, tmp_path, "out").conditions

    with pytest.raises(ValueError, match="exactly when decoding is `sampled`"):
        type(conditions).model_validate(conditions.model_dump() | changes)


def test_the_same_command_gives_the_same_answers_and_not_the_greedy_ones(
    llama: Path, tmp_path: Path
) -> None:
    for out in ("first", "second"):
        measure(llama, tmp_path, out)
    measure(llama, tmp_path, "greedy", measurement={"max_new_tokens": 12})

    assert tokens(tmp_path, "first") == tokens(tmp_path, "second")
    assert tokens(tmp_path, "first") != tokens(tmp_path, "greedy")


def test_another_license_or_checkpoint_draws_otherwise(llama: Path, tmp_path: Path) -> None:
    first = measure(llama, tmp_path, "first")
    touched = make_checkpoint(tmp_path / "model")
    (touched / "README.md").write_text("# A model\n")
    second = measure(touched, tmp_path, "second")
    third = measure(llama, tmp_path, "third", measurement=MEASUREMENT | {"temperature": "0.70"})

    assert len({run.conditions.seed for run in (first, second, third)}) == 3
    assert tokens(tmp_path, "first") != tokens(tmp_path, "second")
    assert tokens(tmp_path, "first") != tokens(tmp_path, "third")


def test_the_batch_size_changes_no_answer_in_float32(llama: Path, tmp_path: Path) -> None:
    for size in (1, 4, 18):
        measure(llama, tmp_path, str(size), batch_size=size)

    assert tokens(tmp_path, "1") == tokens(tmp_path, "4") == tokens(tmp_path, "18")


def test_an_interrupted_run_ends_as_if_nothing_had_happened(llama: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_halfway(progress: Progress) -> None:
        if progress.stage == "answering" and progress.done >= 8:
            raise StopError

    measure(llama, tmp_path, "whole")
    with pytest.raises(StopError):
        measure(llama, tmp_path, "torn", on_progress=stop_halfway)
    measure(llama, tmp_path, "torn")

    assert (tmp_path / "torn" / TRANSCRIPTS).read_bytes() == (
        tmp_path / "whole" / TRANSCRIPTS
    ).read_bytes()


def test_a_temperature_near_zero_is_greedy(llama: Path, tmp_path: Path) -> None:
    measure(llama, tmp_path, "cold", measurement=MEASUREMENT | {"temperature": "0.000000001"})
    measure(llama, tmp_path, "greedy", measurement={"max_new_tokens": 12})

    assert tokens(tmp_path, "cold") == tokens(tmp_path, "greedy")


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "gemma2", "gpt2"])
def test_every_architecture_replays_what_it_drew(
    architecture: Architecture, tmp_path: Path
) -> None:
    """Rows that end early, slices and padding change nothing but the last digits."""
    folder = make_checkpoint(tmp_path, architecture)
    model = Model(folder, ModelOptions(max_new_tokens=40, device="cpu"))
    # Some tokens end an answer, so that rows leave the batch at different times.
    model.eos_token_ids = tuple(range(1, 12))
    prompts = [model.encode(text) for text in ("Hi", "What is the capital of France?" * 2, "Bake")]
    prompts += [prompt[:-1] for prompt in prompts[:2]]
    draws = Draws(bytes(32), 1.3, tuple(ItemKey("private", str(i)) for i in range(5)))

    responses = LocalEngine(model).generate(prompts, draws)

    alone = [LocalEngine(model).generate([p], draws.of([i]))[0] for i, p in enumerate(prompts)]
    assert responses == alone
    assert {response.stop for response in responses} >= {"eos"}
    for max_logit_bytes in (1, 4 * 3 * 320 * 7, 1 << 28):
        found = dict(
            replay(
                model,
                prompts,
                responses,
                batch_size=3,
                draws=draws,
                max_logit_bytes=max_logit_bytes,
            )
        )
        for index, response in enumerate(responses):
            n_expected = len(response.tokens) + (response.stop == "eos")
            assert len(found[index].margins) == n_expected
            assert max(found[index].margins) < 1e-4 * found[index].spread
