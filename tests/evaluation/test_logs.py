"""Logs of other harnesses become evidence if they measured what the license asks, and not else."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attest.benchmark.items import Item
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.imports import Log, LoggedAnswer
from attest.evaluation.imports.importing import import_log
from attest.evaluation.imports.inspect_log import read_inspect_log
from attest.evaluation.imports.lm_eval_log import read_lm_eval_log
from attest.evaluation.imports.matching import match
from attest.evaluation.journal import read_transcripts
from attest.evaluation.loading import Machine
from attest.evaluation.plan import Asked
from attest.evaluation.records import Evaluation
from checkpoints import make_checkpoint
from small import Small, make_license

LOGS = Path(__file__).parent / "logs"
TIME = "2026-11-23T21-32-48.687002"
SAMPLES, RESULTS = f"samples_private_{TIME}.jsonl", f"results_{TIME}.json"

HAS_INSPECT = importlib.util.find_spec("inspect_ai") is not None
needs_inspect = pytest.mark.skipif(not HAS_INSPECT, reason="needs inspect_ai: make peers")

Line = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("imports") / "model")


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return make_license(tmp_path)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    for name in (SAMPLES, RESULTS):
        shutil.copy(LOGS / name, tmp_path)
    return tmp_path / SAMPLES


def take(log: Log, model: Path, small: Small, out: Path) -> Evaluation:
    return import_log(
        log,
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=out,
        data=small.data,
        machine=Machine(device="cpu"),
    )


def change_lines(file: Path, change: Callable[[list[Line]], Any]) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    change(lines)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def settings(line: Line) -> Line:
    found: Line = line["arguments"]["gen_args_0"]["arg_1"]
    return found


def test_a_recorded_lm_eval_run_becomes_evidence(
    samples: Path, model: Path, small: Small, tmp_path: Path
) -> None:
    log = read_lm_eval_log(samples)
    evaluation = take(log, model, small, tmp_path / "out")

    assert (log.version, log.max_new_tokens, log.dtype) == ("0.4.13", 12, "float32")
    conditions = evaluation.conditions
    assert (conditions.engine, conditions.batch_plan) == ("lm-eval", None)
    assert conditions.log is not None
    assert (conditions.log.tokens, conditions.log.sha256) == ("re-encoded", log.sha256)
    assert evaluation.started < evaluation.finished
    recorded = {answer.prompt: answer.answer for answer in log.answers}
    for line in read_transcripts(tmp_path / "out"):
        prompt = next(text for text in recorded if f" {_prompt(line.transcript.item)}?" in text)
        assert line.transcript.text == recorded[prompt]
    assert take(log, model, small, tmp_path / "out") == evaluation


def _prompt(item: str) -> str:
    topic, number = item.split("-")
    last = {"theft": "a car", "fraud": "a signature", "cooking": "bread"}[topic]
    return f"{last} {number}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines.pop(3), r"1 missing \(private item theft-2\)"),
        (lambda lines: lines.append(lines[4]), r"1 asked again \(private item fraud-2\)"),
        (
            lambda lines: lines[5]["arguments"]["gen_args_0"].update(arg_0="Something secret"),
            r"1 missing \(private item cooking-2\), 1 not of the license \(samples_.* line 6\)",
        ),
    ],
)
def test_refuses_other_prompts_by_name_and_not_by_text(
    change: Callable[[list[Line]], None],
    words: str,
    samples: Path,
    model: Path,
    small: Small,
    tmp_path: Path,
) -> None:
    change_lines(samples, change)

    with pytest.raises(InputError, match=words) as caught:
        take(read_lm_eval_log(samples), model, small, tmp_path / "out")

    assert caught.value.reason == "log-prompts"
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"do_sample": True}, "sampled"),
        ({"do_sample": None, "temperature": 0.5}, "sampled"),
        ({"repetition_penalty": 1.2}, "generated with repetition_penalty"),
        ({"max_gen_toks": None}, "expected a limit"),
        ({"max_gen_toks": 13}, "at most 13 new tokens, the license asks for 12"),
        ({"until": ["\n\n"]}, "cut at 1 stop texts"),
    ],
)
def test_refuses_lm_eval_runs_under_other_conditions(
    change: Line, words: str, samples: Path, model: Path, small: Small, tmp_path: Path
) -> None:
    change_lines(samples, lambda lines: [settings(line).update(change) for line in lines])

    with pytest.raises(InputError, match=words) as caught:
        take(read_lm_eval_log(samples), model, small, tmp_path / "out")

    assert caught.value.reason == "log-conditions"


def test_a_stop_text_that_is_the_end_of_sequence_token_cuts_nothing(
    samples: Path, model: Path, small: Small, tmp_path: Path
) -> None:
    change_lines(samples, lambda lines: [settings(one).update(until=["</s>"]) for one in lines])

    assert take(read_lm_eval_log(samples), model, small, tmp_path / "out").evidence.n_leaves == 18


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: settings(lines[2]).update(max_gen_toks=11), "log-conditions"),
        (lambda lines: lines[2]["resps"][0].append("again"), "log-conditions"),
        (lambda lines: lines[2].update(resps=[[[-1.5, True]]]), "log"),
        (lambda lines: lines.clear(), "log-incomplete"),
    ],
)
def test_refuses_samples_that_are_not_one_answer_each(
    change: Callable[[list[Line]], None], reason: str, samples: Path
) -> None:
    change_lines(samples, change)

    with pytest.raises(InputError) as caught:
        read_lm_eval_log(samples)

    assert caught.value.reason == reason


def test_a_second_filter_writes_the_same_answers_again(samples: Path) -> None:
    change_lines(samples, lambda lines: lines.extend([{**x, "filter": "strict"} for x in lines]))

    assert len(read_lm_eval_log(samples).answers) == 18


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda run: run["config"].update(limit=18.0), "log-incomplete"),
        (lambda run: run["config"].update(model_dtype="torch.int8"), "log-conditions"),
        (lambda run: run.pop("lm_eval_version"), "log"),
        (lambda run: run.update(date="yesterday"), "log"),
        (lambda run: run.pop("config"), "log"),
    ],
)
def test_refuses_results_that_do_not_stand_for_the_whole_run(
    change: Callable[[Line], None], reason: str, samples: Path
) -> None:
    file = samples.with_name(RESULTS)
    run = json.loads(file.read_text())
    change(run)
    file.write_text(json.dumps(run))

    with pytest.raises(InputError) as caught:
        read_lm_eval_log(samples)

    assert caught.value.reason == reason


def test_asks_for_results_that_are_not_beside_the_samples(samples: Path, tmp_path: Path) -> None:
    moved = samples.with_name(RESULTS).rename(tmp_path / "elsewhere.json")

    with pytest.raises(InputError, match="no results") as caught:
        read_lm_eval_log(samples)

    assert caught.value.hint is not None
    assert "--results" in caught.value.hint
    assert read_lm_eval_log(samples, moved).version == "0.4.13"


@pytest.mark.parametrize(
    ("measurement", "words"),
    [
        ({"max_new_tokens": 12, "system_prompt": "Be kind."}, "another system prompt"),
        ({"max_new_tokens": 12, "dtype": "bfloat16"}, "computed in float32"),
        (
            {"max_new_tokens": 12, "decoding": "sampled", "temperature": "0.7"},
            "only greedy logs can be replayed",
        ),
    ],
)
def test_refuses_terms_that_the_log_does_not_meet(
    measurement: Line, words: str, samples: Path, model: Path, tmp_path: Path
) -> None:
    other = make_license(tmp_path / "other", measurement=measurement)

    with pytest.raises(InputError, match=words):
        take(read_lm_eval_log(samples), model, other, tmp_path / "out")


def test_items_of_one_prompt_take_its_answers_in_turn() -> None:
    items = [
        Asked("set", Item(id=name, prompt=text, category="all", expected="comply"))
        for name, text in (("a", "Hi"), ("b", "Ho"), ("c", "Hi"))
    ]
    answers = [LoggedAnswer(text, str(n), f"{n}") for n, text in enumerate(("Hi", "Hi", "Ho"))]

    found = match(items, [one.item.prompt for one in items], answers)

    assert [answer.answer for answer in found] == ["0", "2", "1"]
    with pytest.raises(InputError, match=r"1 missing \(set item c\)"):
        match(items, [one.item.prompt for one in items], answers[1:])


@pytest.mark.skipif(HAS_INSPECT, reason="inspect_ai is installed")
def test_says_what_reading_an_inspect_log_needs() -> None:
    with pytest.raises(InputError, match="inspect_ai") as caught:
        read_inspect_log(LOGS / "log.json")

    assert caught.value.reason == "missing-extra"


@needs_inspect
@pytest.mark.peers
def test_a_recorded_inspect_run_becomes_evidence(model: Path, small: Small, tmp_path: Path) -> None:
    log = read_inspect_log(LOGS / "log.json")

    assert (log.version, log.model, log.max_new_tokens) == ("0.3.285", "hf/local", 12)
    assert take(log, model, small, tmp_path / "out").conditions.engine == "inspect"


def model_event(sample: Line) -> Line:
    found: Line = sample["events"][0]
    return found


@needs_inspect
@pytest.mark.peers
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda log: log.update(status="error"), "log-incomplete"),
        (lambda log: log.update(invalidated=True), "log-incomplete"),
        (lambda log: log["samples"].clear(), "log-incomplete"),
        (
            lambda log: log["samples"][2].update(limit={"type": "token", "limit": 9.0}),
            "log-incomplete",
        ),
        (lambda log: log["eval"]["model_args"].pop("do_sample"), "log-conditions"),
        (lambda log: log["eval"].update(model="vllm/model"), "log-conditions"),
        (lambda log: log["eval"]["model_args"].update(use_chat_template=False), "log-conditions"),
        (lambda log: log["eval"]["model_args"].update(dtype="int8"), "log-conditions"),
        (
            lambda log: model_event(log["samples"][2])["config"].update(temperature=0.5),
            "log-conditions",
        ),
        (
            lambda log: model_event(log["samples"][2])["config"].update(stop_seqs=["."]),
            "log-conditions",
        ),
        (
            lambda log: model_event(log["samples"][2])["config"].update(max_tokens=99),
            "log-conditions",
        ),
        (lambda log: model_event(log["samples"][2])["config"].clear(), "log-conditions"),
        (lambda log: log["samples"][2]["events"].clear(), "log-conditions"),
        (
            lambda log: log["samples"][2]["events"].append(model_event(log["samples"][3])),
            "log-conditions",
        ),
        (
            lambda log: model_event(log["samples"][2]).update(
                input=[{"role": "system", "content": "Refuse."}, {"role": "user", "content": "Hi"}],
                input_refs=None,
            ),
            "log-conditions",
        ),
        (lambda log: log.update(eval="nothing"), "log"),
    ],
)
def test_refuses_inspect_runs_under_other_conditions(
    change: Callable[[Line], Any], reason: str, tmp_path: Path
) -> None:
    log = json.loads((LOGS / "log.json").read_text())
    change(log)
    (tmp_path / "log.json").write_text(json.dumps(log))

    with pytest.raises(InputError) as caught:
        read_inspect_log(tmp_path / "log.json")

    assert caught.value.reason == reason


@needs_inspect
@pytest.mark.peers
def test_what_is_no_inspect_log_is_refused(tmp_path: Path) -> None:
    for data in (b"PK\x03\x04 no zip", b"{}", b"not json", b""):
        (tmp_path / "log.eval").write_bytes(data)
        with pytest.raises(InputError):
            read_inspect_log(tmp_path / "log.eval")
