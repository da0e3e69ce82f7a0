"""A measurement is bound to its license, keeps what it has, and ends the same however it went."""

import json
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import torch

from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import EvaluationError, InputError
from attest.evaluation.journal import ANSWERS, EVALUATION, SALT, TRANSCRIPTS, Journal
from attest.evaluation.loading import Machine
from attest.evaluation.records import Evaluation
from attest.evaluation.run import Progress, evaluate
from attest.license.decide import decide
from checkpoints import Architecture, make_checkpoint
from small import make_license


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("llama"))


def measure(model: Path, folder: Path, out: Path, **terms: object) -> Evaluation:
    small = make_license(folder, **terms)
    return evaluate(
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=out,
        data=small.data,
        machine=Machine(device="cpu", batch_size=4),
        today=date(2026, 5, 6),
    )


def test_asks_every_item_once_and_counts_what_the_terms_count(llama: Path, tmp_path: Path) -> None:
    evaluation = measure(llama, tmp_path, tmp_path / "out")

    assert evaluation.evidence.n_leaves == 18
    assert [(use.name, use.n_items) for use in evaluation.benchmarks] == [("private", 18)]
    counts = {(count.requirement, count.category): count.n_items for count in evaluation.counts}
    assert counts == {
        ("refuses", None): 12,
        ("refuses", "theft"): 6,
        ("refuses", "fraud"): 6,
        ("answers", None): 6,
        ("varies", None): 6,
    }
    assert evaluation.conditions.rendered_on == date(2026, 5, 6)
    license = make_license(tmp_path).license
    assert decide(license, evaluation.counts).license_sha256 == evaluation.license.sha256


def test_the_record_reads_back_as_it_was_written(llama: Path, tmp_path: Path) -> None:
    evaluation = measure(llama, tmp_path, tmp_path / "out")

    assert Evaluation.from_json(evaluation.to_json(), what="evaluation") == evaluation
    assert (tmp_path / "out" / EVALUATION).read_bytes() == evaluation.to_json()
    assert (tmp_path / "out" / SALT).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "gemma2", "gpt2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_measures_real_architectures_in_their_own_arithmetic(
    architecture: Architecture, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = make_checkpoint(tmp_path / "model", architecture, dtype=dtype)

    evaluation = measure(model, tmp_path, tmp_path / "out")

    assert evaluation.conditions.dtype == str(dtype).removeprefix("torch.")
    assert evaluation.conditions.architecture.lower().startswith(architecture)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "gemma2", "gpt2"])
def test_answers_what_each_prompt_alone_is_answered(
    architecture: Architecture, tmp_path: Path
) -> None:
    """Left padding and the shrinking batch change nothing in float32."""
    from attest.evaluation.engines.local import LocalEngine
    from attest.evaluation.engines.model import Model, ModelOptions

    folder = make_checkpoint(tmp_path, architecture)
    model = Model(folder, ModelOptions(max_new_tokens=24, device="cpu"))
    engine = LocalEngine(model)
    prompts = [model.encode(text) for text in ("Hi", "What is the capital of France?" * 3, "Bake")]

    assert engine.generate(prompts) == [engine.generate([prompt])[0] for prompt in prompts]


@pytest.mark.parametrize("tied", [False, True])
def test_a_sharded_copy_gives_the_same_answers(tied: bool, tmp_path: Path) -> None:
    whole = make_checkpoint(tmp_path / "whole", tied=tied)
    sharded = make_checkpoint(tmp_path / "sharded", tied=tied, shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1

    first = measure(whole, tmp_path, tmp_path / "first")
    second = measure(sharded, tmp_path, tmp_path / "second")

    assert first.counts == second.counts
    assert first.manifest.digest() != second.manifest.digest()
    assert texts(tmp_path / "first") == texts(tmp_path / "second")


def test_terms_can_say_how_to_render_where_the_tokenizer_does_not(tmp_path: Path) -> None:
    model = make_checkpoint(tmp_path / "model", template=None)
    with pytest.raises(InputError, match="no chat template"):
        measure(model, tmp_path, tmp_path / "out")

    template = {"source": "terms", "jinja": "Q: {{ messages[0].content }}\nA:"}
    evaluation = measure(
        model,
        tmp_path,
        tmp_path / "other",
        measurement={"max_new_tokens": 4, "chat_template": template},
    )

    assert evaluation.conditions.template.source == "terms"


def test_a_base_that_cannot_be_asked_is_refused_before_the_checkpoint_is(
    llama: Path, tmp_path: Path
) -> None:
    base = open_checkpoint(make_checkpoint(tmp_path / "base", template=None))
    absolute = json.loads(make_license(tmp_path).file.read_text())["requirements"][0]
    absolute["per_category"] = False
    compared = {**absolute, "id": "compared", "rule": "non_inferiority", "threshold": None}
    small = make_license(
        tmp_path,
        requirements=[absolute, {**compared, "confidence": "0.9", "margin": "0.9"}],
        base_models=[{"name": "base", "checkpoint": digest(base).digest()}],
    )

    with pytest.raises(InputError, match="base: the checkpoint has no chat template"):
        evaluate(
            open_checkpoint(llama),
            small.license,
            small.file.read_bytes(),
            out=tmp_path / "out",
            data=small.data,
            base=base,
            machine=Machine(device="cpu"),
        )
    assert not (tmp_path / "out").exists()


def test_takes_no_decoding_from_the_generation_config(tmp_path: Path) -> None:
    plain = make_checkpoint(tmp_path / "plain")
    steered = make_checkpoint(tmp_path / "steered")
    file = steered / "generation_config.json"
    hidden = {"temperature": 9.0, "do_sample": True, "repetition_penalty": 5.0}
    file.write_text(json.dumps(json.loads(file.read_bytes()) | hidden))

    measure(plain, tmp_path, tmp_path / "first")
    measure(steered, tmp_path, tmp_path / "second")

    assert texts(tmp_path / "first") == texts(tmp_path / "second")


def texts(out: Path) -> list[str]:
    lines = (out / TRANSCRIPTS).read_text().splitlines()
    return [json.loads(line)["transcript"]["text"] for line in lines]


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    model = make_checkpoint(tmp_path / "model")
    small = make_license(tmp_path, measurement={"max_new_tokens": 200})
    command = [
        *(sys.executable, "-m", "attest", "evaluate", str(model)),
        *("--license", str(small.file), "--data", str(small.data)),
        *("--batch-size", "1", "--device", "cpu"),
    ]
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    subprocess.run([*command, "--out", str(whole)], check=True, capture_output=True)

    n_kills = 0
    for _ in range(2):
        process = subprocess.Popen([*command, "--out", str(torn)], stderr=subprocess.DEVNULL)
        before = n_lines(torn / ANSWERS)
        while process.poll() is None and n_lines(torn / ANSWERS) < before + 2:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        n_kills += process.wait() == -signal.SIGKILL
    assert n_kills > 0
    kept = n_lines(torn / ANSWERS)
    subprocess.run([*command, "--out", str(torn)], check=True, capture_output=True)

    assert 0 < kept < 18
    assert (torn / TRANSCRIPTS).read_bytes() == (whole / TRANSCRIPTS).read_bytes()
    first, second = (
        Evaluation.from_json((out / EVALUATION).read_bytes(), what="evaluation")
        for out in (whole, torn)
    )
    assert first.counts == second.counts
    assert not (torn / ANSWERS).exists()


def n_lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_a_torn_last_line_is_asked_again(llama: Path, tmp_path: Path) -> None:
    measure(llama, tmp_path, tmp_path / "whole")
    seen: list[Progress] = []
    small = make_license(tmp_path)

    class StopError(Exception):
        pass

    def stop_halfway(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "answering" and progress.done >= 8:
            raise StopError

    with pytest.raises(StopError):
        evaluate(
            open_checkpoint(llama),
            small.license,
            small.file.read_bytes(),
            out=tmp_path / "torn",
            data=small.data,
            machine=Machine(device="cpu", batch_size=4),
            today=date(2026, 5, 6),
            on_progress=stop_halfway,
        )
    journal = tmp_path / "torn" / ANSWERS
    journal.write_bytes(journal.read_bytes() + b'{"batch":2,"respon')
    evaluation = measure(llama, tmp_path, tmp_path / "torn")

    assert n_lines(tmp_path / "torn" / TRANSCRIPTS) == evaluation.evidence.n_leaves
    assert texts(tmp_path / "torn") == texts(tmp_path / "whole")


def test_a_finished_run_is_not_measured_again(llama: Path, tmp_path: Path) -> None:
    first = measure(llama, tmp_path, tmp_path / "out")

    assert measure(llama, tmp_path, tmp_path / "out") == first


def test_another_run_may_not_go_on_in_the_folder(llama: Path, tmp_path: Path) -> None:
    measure(llama, tmp_path, tmp_path / "out")

    with pytest.raises(InputError, match=r"license: .* before, .* now") as caught:
        measure(llama, tmp_path, tmp_path / "out", measurement={"max_new_tokens": 13})
    assert caught.value.reason == "another-run"
    # What lies there may be the evidence of a release: nobody is told to remove it.
    assert str(caught.value.hint).startswith("name another folder with --out")


def test_a_folder_of_something_else_is_left_alone(llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("precious")

    with pytest.raises(InputError, match=r"found thesis\.tex"):
        measure(llama, tmp_path, out)
    assert sorted(path.name for path in out.iterdir()) == ["thesis.tex"]


def test_a_journal_that_does_not_fit_is_refused(llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measure(llama, tmp_path, out)
    (out / EVALUATION).unlink()
    for line in ('{"batch":0,"responses":[]}', '{"batch":99,"responses":[]}', "[]"):
        (out / ANSWERS).write_text(line + "\n")
        with pytest.raises(InputError) as caught:
            measure(llama, tmp_path, out)
        assert caught.value.reason == "journal"


def test_two_processes_cannot_write_to_one_run(llama: Path, tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path / "out"),
        pytest.raises(EvaluationError, match="another process is writing"),
    ):
        measure(llama, tmp_path, tmp_path / "out")


def test_notices_weights_that_change_after_they_were_hashed(tmp_path: Path) -> None:
    model = make_checkpoint(tmp_path / "model")
    small = make_license(tmp_path)
    weights = model / "model.safetensors"
    honest = weights.read_bytes()

    def swap(progress: Progress) -> None:
        if progress.stage == "answering":
            weights.write_bytes(honest)

    with pytest.raises(InputError, match=r"model\.safetensors") as caught:
        evaluate(
            open_checkpoint(model),
            small.license,
            small.file.read_bytes(),
            out=tmp_path / "out",
            data=small.data,
            machine=Machine(device="cpu"),
            on_progress=swap,
        )
    assert caught.value.reason == "changed-while-read"
    assert not (tmp_path / "out" / EVALUATION).exists()


def test_refuses_terms_that_name_another_judge(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this version of attest has") as caught:
        measure(
            llama,
            tmp_path,
            tmp_path / "out",
            judge={"name": "refusal-rules", "sha256": "0" * 64},
        )
    assert caught.value.reason == "another-judge"


def test_refuses_a_prompt_longer_than_the_model(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="512 positions") as caught:
        measure(llama, tmp_path, tmp_path / "out", measurement={"max_new_tokens": 510})
    assert caught.value.reason == "prompt-too-long"


def test_refuses_weights_that_need_code_of_their_own(tmp_path: Path) -> None:
    model = make_checkpoint(tmp_path / "model")
    config = model / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"unheard-of"'))

    with pytest.raises(InputError, match="cannot load") as caught:
        measure(model, tmp_path, tmp_path / "out")
    assert caught.value.reason == "cannot-load"
