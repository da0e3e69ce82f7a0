"""Logs of lm-evaluation-harness: `samples_TASK_TIME.jsonl`, and `results_TIME.json` beside it.

A line of the samples has the very text that the model read and the settings of its call; the
results have the version, the arithmetic and the time. Both are plain JSON: lm_eval is not needed.

Source: `lm_eval/models/huggingface.py` (generate_until) and `normalize_gen_kwargs` of 0.4.13.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attest.canonical import parse_json, sha256_hex
from attest.errors import InputError
from attest.evaluation.imports import Log, LoggedAnswer, as_dtype, read_log_bytes, unfit

LIMIT_NAMES = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""What lm-eval calls the limit of new tokens; the first that is given counts."""

INERT = frozenset({"until", "do_sample", "temperature", "top_p", "top_k", *LIMIT_NAMES})
"""Settings of a call that do not move a greedy answer, or are checked by name."""


def read_lm_eval_log(samples: Path, results: Path | None = None) -> Log:
    """What the samples of one task say.

    Args:
        samples: file of the task that asked the prompts.
        results: file of the run; by default the one beside `samples` with the same time.

    Raises: InputError with reason `log` if a file is not what lm-eval writes, `log-incomplete` if
        the results are missing or the run was limited, or `log-conditions` if it was sampled,
        steered or asked otherwise than once each.
    """
    data = read_log_bytes(samples)
    run = _results(results or _beside(samples))
    lines = [
        _object(parse_json(line, what=f"{samples.name} line {number}"), samples)
        for number, line in enumerate(data.splitlines(), start=1)
    ]
    if not lines:
        raise InputError("no samples", reason="log-incomplete", where=str(samples))
    # Each filter writes all samples again; they differ in what was scored, not in what was said.
    first = lines[0].get("filter")
    answers, settings = [], []
    for number, line in enumerate(lines, start=1):
        if line.get("filter") == first:
            answer, keywords = _sample(line, f"{samples.name} line {number}")
            answers.append(answer)
            settings.append(keywords)
    if any(one != settings[0] for one in settings):
        raise unfit("the samples were generated with different settings", where=str(samples))
    limit, stops = _settings(settings[0])
    try:
        started = datetime.fromtimestamp(float(run["date"]), UTC)
        seconds = float(run["total_evaluation_time_seconds"])
        config = run["config"]
        return Log(
            harness="lm-eval",
            version=str(run["lm_eval_version"]),
            sha256=sha256_hex(data),
            model=str(run["model_name"]),
            started=started,
            finished=started + timedelta(seconds=math.ceil(seconds)),
            max_new_tokens=limit,
            dtype=as_dtype(config.get("model_dtype")),
            system_prompt=run.get("system_instruction"),
            template=None,
            stops=stops,
            is_rendered=True,
            answers=tuple(answers),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"not the results of an lm-eval run ({error})", reason="log", where="results"
        ) from error


def _beside(samples: Path) -> Path:
    time = samples.stem.rpartition("_")[2]
    return samples.with_name(f"results_{time}.json")


def _results(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(
            "no results of the run here",
            reason="log-incomplete",
            where=str(path),
            hint="give the results_TIME.json of the same run with --results",
        )
    run = _object(parse_json(read_log_bytes(path), what=path.name), path)
    config = run.get("config")
    if not isinstance(config, dict):
        raise InputError("not the results of an lm-eval run", reason="log", where=str(path))
    if config.get("limit") is not None:
        raise InputError(
            "the run was limited to a part of its samples",
            reason="log-incomplete",
            where=str(path),
            hint="run lm-eval again without --limit",
        )
    return run


def _object(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError("not what lm-eval writes", reason="log", where=str(path))
    return value


def _sample(line: dict[str, Any], place: str) -> tuple[LoggedAnswer, dict[str, Any]]:
    match line:
        case {
            "arguments": {"gen_args_0": {"arg_0": str(prompt), "arg_1": dict(settings)}},
            "resps": [[str(answer)]],
        }:
            return LoggedAnswer(prompt, answer, place), settings
        case {"resps": [[_, _, *_]]}:
            raise unfit("asked several times", where=place, hint="run the task with repeats: 1")
        case _:
            raise InputError(
                "expected one generated answer",
                reason="log",
                where=place,
                hint="run a task of output_type generate_until with --log_samples",
            )


def _settings(settings: dict[str, Any]) -> tuple[int, frozenset[str]]:
    """Limit of new tokens and stop texts of a call, if it decoded greedily."""
    do_sample, temperature = settings.get("do_sample"), settings.get("temperature", 0)
    if do_sample or (do_sample is None and temperature):
        raise unfit(
            "the answers were sampled, expected greedy decoding",
            hint="state do_sample: false in the generation_kwargs of the task",
        )
    steering = sorted(set(settings) - INERT)
    if steering:
        raise unfit(f"generated with {steering[0]}, which the terms do not know")
    limits = [settings[name] for name in LIMIT_NAMES if settings.get(name) is not None]
    if not limits or not isinstance(limits[0], int):
        raise unfit(
            "expected a limit of new tokens",
            hint="state max_gen_toks in the generation_kwargs of the task",
        )
    until = settings.get("until") or []
    return limits[0], frozenset([until] if isinstance(until, str) else until)
