"""Logs that the released harnesses write themselves, of a checkpoint made here, hold at level 4."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_forgeries import assert_fails_at

from attest.attestation.keys import generate
from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.imports import Log
from attest.evaluation.imports.importing import import_log
from attest.evaluation.imports.inspect_log import read_inspect_log
from attest.evaluation.imports.lm_eval_log import read_lm_eval_log
from attest.evaluation.loading import Machine
from attest.verification.records import Verification
from attest.verification.replay import Replay
from checkpoints import make_checkpoint
from release import Release, lenient
from small import Small, make_license

CPU = Machine(device="cpu")

INSPECT_TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.solver import generate, system_message


@task
def prompts(file: str):
    data = json_dataset(file, FieldSpec(input="prompt", id="id"))
    return Task(dataset=data, solver=[system_message("Be brief."), generate()])
"""

LM_EVAL_TASK = {
    "task": "private",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "{{prompt}}",
    "doc_to_target": "",
    "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": 12},
    "metric_list": [{"metric": "bypass"}],
}

pytestmark = pytest.mark.peers


def needs(package: str) -> pytest.MarkDecorator:
    is_missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(is_missing, reason=f"needs {package}: make peers")


def run(folder: Path, *words: str) -> None:
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "cache"),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("peers") / "model")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("terms")
    strict = json.loads(make_license(folder).file.read_text())["requirements"]
    measurement = {"max_new_tokens": 12, "system_prompt": "Be brief."}
    return make_license(folder, requirements=lenient(strict), measurement=measurement)


@pytest.fixture(scope="module")
def inspect_logs(tmp_path_factory: pytest.TempPathFactory, model: Path, small: Small) -> list[Path]:
    """One run of Inspect, as `.eval` and as JSON."""
    folder = tmp_path_factory.mktemp("inspect")
    (folder / "task.py").write_text(INSPECT_TASK)
    run(
        folder,
        *("inspect_ai", "eval", "task.py", "-T", f"file={small.data / 'private.jsonl'}"),
        *("--model", "hf/local", "-M", f"model_path={model}", "-M", "do_sample=false"),
        *("-M", "tokenizer_call_args={add_special_tokens: false}", "--max-tokens", "12"),
        *("--log-dir", "logs", "--display", "none"),
    )
    (log,) = (folder / "logs").glob("*.eval")
    run(folder, "inspect_ai", "log", "convert", str(log), "--to", "json", "--output-dir", "json")
    (as_json,) = (folder / "json").glob("*.json")
    return [log, as_json]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, model: Path, small: Small) -> Path:
    """One run of lm-evaluation-harness."""
    folder = tmp_path_factory.mktemp("lm-eval")
    files = {"data_files": {"test": str(small.data / "private.jsonl")}}
    task = LM_EVAL_TASK | {"dataset_kwargs": files}
    (folder / "tasks").mkdir()
    (folder / "tasks" / "private.yaml").write_text(json.dumps(task))
    run(
        folder,
        *("lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model}"),
        *("--tasks", "private", "--include_path", "tasks", "--apply_chat_template"),
        *("--system_instruction", "Be brief.", "--log_samples", "--output_path", "out"),
        *("--device", "cpu", "--batch_size", "8"),
    )
    (found,) = (folder / "out").rglob("samples_private_*.jsonl")
    return found


def verified(log: Log, model: Path, small: Small, folder: Path) -> Verification:
    evaluation = import_log(
        log,
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=folder / "evidence",
        data=small.data,
        machine=CPU,
    )
    release = Release(model, folder / "evidence", small, generate("p256"), evaluation)
    return release.examine(evidence=release.evidence, replay=Replay(machine=CPU))


def assert_holds(result: Verification) -> None:
    assert result.failed_step is None
    assert (result.level, result.outcome) == (4, "pass")
    assert result.replay is not None
    # Random weights say broken bytes, and no such text encodes back to its ids.
    assert (result.replay.n_settled_by_path, result.replay.n_settled_by_text) == (0, 18)


@needs("inspect_ai")
@pytest.mark.parametrize("kind", [0, 1], ids=["eval", "json"])
def test_this_inspect_log_is_what_these_weights_say(
    kind: int, inspect_logs: list[Path], model: Path, small: Small, tmp_path: Path
) -> None:
    log = read_inspect_log(inspect_logs[kind])

    assert log.system_prompt == "Be brief."
    assert_holds(verified(log, model, small, tmp_path))


@needs("inspect_ai")
def test_an_inspect_log_of_another_model_fails_at_the_replay(
    inspect_logs: list[Path], small: Small, tmp_path: Path
) -> None:
    other = make_checkpoint(tmp_path / "other", seed=8)

    result = verified(read_inspect_log(inspect_logs[0]), other, small, tmp_path)

    assert_fails_at(result, "replay", "these weights do not say this answer")


@needs("lm_eval")
def test_this_lm_eval_run_is_what_these_weights_say(
    samples: Path, model: Path, small: Small, tmp_path: Path
) -> None:
    assert_holds(verified(read_lm_eval_log(samples), model, small, tmp_path))


@needs("lm_eval")
def test_an_lm_eval_run_of_another_model_fails_at_the_replay(
    samples: Path, small: Small, tmp_path: Path
) -> None:
    other = make_checkpoint(tmp_path / "other", seed=8)

    result = verified(read_lm_eval_log(samples), other, small, tmp_path)

    assert_fails_at(result, "replay", "these weights do not say this answer")
