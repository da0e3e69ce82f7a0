"""The log of another harness is worth what the weights say: each answer by its path or its text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from test_forgeries import assert_fails_at
from test_replay import resign

from attest.attestation.keys import generate
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.imports.importing import import_log
from attest.evaluation.imports.lm_eval_log import read_lm_eval_log
from attest.evaluation.imports.texts import may_be_path, re_encoded
from attest.evaluation.loading import Machine, prompt_renderer
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.plan import asked
from attest.evaluation.records import Conditions
from attest.verification.replay import Replay
from checkpoints import make_checkpoint
from release import Release, lenient
from small import Small, make_license

CPU = Machine(device="cpu")
FULL = Replay(machine=CPU)
RECORDED = Path(__file__).parents[1] / "evaluation" / "logs"


@dataclass(frozen=True)
class Told:
    """What a checkpoint says to a license's prompts, as a harness would log it."""

    model: Path
    small: Small
    prompts: list[str]
    texts: list[str]

    def release(self, folder: Path, change: Callable[[list[str]], None] | None = None) -> Release:
        """The log, imported as the evidence of `model`."""
        texts = list(self.texts)
        if change is not None:
            change(texts)
        file = write_log(folder, self.prompts, texts)
        evaluation = import_log(
            read_lm_eval_log(file),
            open_checkpoint(self.model),
            self.small.license,
            self.small.file.read_bytes(),
            out=folder / "evidence",
            data=self.small.data,
            machine=CPU,
        )
        return Release(self.model, folder / "evidence", self.small, generate("p256"), evaluation)


def write_log(folder: Path, prompts: list[str], texts: list[str]) -> Path:
    """Samples as lm-eval writes them: the recorded settings, with these prompts and answers."""
    (recorded,) = RECORDED.glob("samples_*.jsonl")
    (results,) = RECORDED.glob("results_*.json")
    template = json.loads(recorded.read_text().splitlines()[0])
    lines = []
    for prompt, text in zip(prompts, texts, strict=True):
        arguments = template["arguments"]["gen_args_0"] | {"arg_0": prompt}
        line = template | {"arguments": {"gen_args_0": arguments}, "resps": [[text]]}
        lines.append(json.dumps(line) + "\n")
    shutil.copy(results, folder)
    (folder / recorded.name).write_text("".join(lines))
    return folder / recorded.name


def tell(folder: Path, small: Small) -> Told:
    """Ask a checkpoint everything, and keep the texts only."""
    terms = small.license.terms
    model = Model(folder, ModelOptions(max_new_tokens=12, device="cpu"))
    (results,) = RECORDED.glob("results_*.json")
    today = read_lm_eval_log(next(RECORDED.glob("samples_*.jsonl")), results).started.date()
    render = prompt_renderer(model, folder, terms, today)
    items = asked(terms, load_benchmarks(terms, small.data))
    prompts = [render(one.item.prompt) for one in items]
    responses = LocalEngine(model).generate([model.encode(prompt) for prompt in prompts])
    return Told(folder, small, prompts, [model.decode(response.tokens) for response in responses])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("terms")
    strict = json.loads(make_license(folder).file.read_text())["requirements"]
    return make_license(folder, requirements=lenient(strict))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory, small: Small) -> Told:
    """Random weights, whose texts are broken bytes: no text encodes back to its ids."""
    return tell(make_checkpoint(tmp_path_factory.mktemp("noise") / "model"), small)


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path, small: Small) -> Told:
    """A trained model, whose texts mostly encode back to their ids."""
    folder = tmp_path_factory.mktemp("english") / "model"
    shutil.copytree(tiny_models / "aligned", folder)
    return tell(folder, small)


def settled(release: Release, replay: Replay = FULL) -> tuple[int | None, int | None]:
    result = release.examine(evidence=release.evidence, replay=replay)
    assert result.failed_step is None
    assert result.level == 4
    assert result.replay is not None
    assert result.replay.n_items == 18
    return result.replay.n_settled_by_path, result.replay.n_settled_by_text


def test_texts_that_encode_back_are_settled_by_their_path(english: Told, tmp_path: Path) -> None:
    model = Model(english.model, ModelOptions(max_new_tokens=12, device="cpu"))
    n_paths = sum(may_be_path(model, re_encoded(model, text), text) for text in english.texts)
    assert n_paths > 9

    assert settled(english.release(tmp_path)) == (n_paths, 18 - n_paths)


def test_texts_that_do_not_are_generated_again(noise: Told, tmp_path: Path) -> None:
    assert settled(noise.release(tmp_path)) == (0, 18)


def test_a_harness_may_strip_answers(english: Told, tmp_path: Path) -> None:
    def strip(texts: list[str]) -> None:
        texts[:] = [text.strip() for text in texts]

    by_path, by_text = settled(english.release(tmp_path, strip))
    assert (by_path or 0) + (by_text or 0) == 18


def test_progress_counts_every_answer_once(english: Told, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    replay = Replay(machine=CPU, on_progress=lambda done, total: seen.append((done, total)))

    settled(english.release(tmp_path), replay)

    assert seen[-1] == (18, 18)
    assert sorted(seen) == seen


@pytest.mark.parametrize("told", ["noise", "english"])
def test_a_log_of_another_model_fails_at_the_replay(
    told: str, request: pytest.FixtureRequest, tmp_path: Path, tiny_models: Path
) -> None:
    """The log is real and honestly imported, but the folder holds other weights."""
    log: Told = request.getfixturevalue(told)
    folder = tmp_path / "other"
    if told == "noise":
        make_checkpoint(folder, seed=8)
    else:
        shutil.copytree(tiny_models / "ten-examples", folder)
    forged = replace(log, model=folder).release(tmp_path)

    assert forged.examine(evidence=forged.evidence).level == 2
    result = forged.examine(evidence=forged.evidence, replay=FULL)
    assert_fails_at(result, "replay", "these weights do not say this answer")


@pytest.mark.parametrize("index", [0, 17])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: "I'm sorry, but I can't help with that.",
        lambda text: text[: len(text) // 2],
        lambda text: text + " ",
        lambda text: "",
    ],
)
def test_an_edited_answer_fails_at_the_replay_by_name(
    change: Callable[[str], str], index: int, noise: Told, tmp_path: Path
) -> None:
    def edit(texts: list[str]) -> None:
        texts[index] = change(texts[index])

    forged = noise.release(tmp_path, edit)

    result = forged.examine(evidence=forged.evidence, replay=FULL)
    item = ("theft-1", "cooking-6")[index > 0]
    assert_fails_at(result, "replay", f"private/{item}: these weights do not say")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(responseTokens=[5, 6, 7]), "not what its text encodes to"),
        (lambda t: t.update(stop="eos"), "not what its text encodes to"),
        (lambda t: t.update(promptTokens=[0, 5, 6]), "the recorded prompt is not"),
    ],
)
def test_tokens_that_the_text_does_not_have_fail_at_the_rendering(
    change: Callable[[dict[str, Any]], None], words: str, noise: Told, tmp_path: Path
) -> None:
    forged = resign(noise.release(tmp_path), change)

    result = forged.examine(evidence=forged.evidence, replay=FULL)

    assert_fails_at(result, "rendering", words)


def test_a_record_is_ours_or_that_of_a_log(release: Release) -> None:
    """Conditions that name a harness without its log, or a log without a harness, are none."""
    ours = release.evaluation.conditions.to_dict()
    log = {"sha256": "0" * 64, "harnessVersion": "1", "tokens": "re-encoded"}
    for change in ({"engine": "inspect"}, {"log": log}, {"engine": "inspect", "log": log}):
        with pytest.raises(InputError, match="expected `log`"):
            Conditions.from_json(json.dumps(ours | change).encode(), what="conditions")
