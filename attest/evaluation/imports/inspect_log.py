"""Logs of Inspect AI, `.eval` and JSON, read with its own API because their format is not frozen.

What counts is the event of the model call: its input, its configuration and its output. What
solvers and scorers did before and after changes nothing that the model said.

Source: `inspect_ai.log.read_eval_log` and the `hf` provider of Inspect AI 0.3.285.
"""

from __future__ import annotations

import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.evaluation.imports import Log, LoggedAnswer, as_dtype, read_log_bytes, unfit

INERT = frozenset(
    {
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "max_connections",
        "adaptive_connections",
        "max_retries",
        "timeout",
        "attempt_timeout",
        "logprobs",
        "top_logprobs",
        "cache",
    }
)
"""Generation settings that do not move a greedy answer, or are checked by name."""

INSTALL = "pip install 'attest-weights[imports]'"


def read_inspect_log(path: Path) -> Log:
    """What an Inspect log says.

    Raises: InputError with reason `missing-extra` where inspect_ai is not installed, `log` if this
        is no Inspect log, `log-incomplete` if it is not the log of a whole, finished run, or
        `log-conditions` if it was sampled, steered or asked otherwise than once each.
    """
    data = read_log_bytes(path)
    log = _read(data, path)
    _ensure_complete(log)
    answers, systems, limits = [], set(), set()
    for number, sample in enumerate(log.samples, start=1):
        place = f"sample {number}"
        event = _only_call(sample, place)
        _ensure_inert(event.config, place)
        system, prompt = _asked(event.input, place)
        systems.add(system)
        limits.add(event.config.max_tokens)
        answers.append(LoggedAnswer(prompt, _answer(event.output, place), place))
    if len(systems) > 1:
        raise unfit("the samples have different system messages")
    if len(limits) > 1 or None in limits:
        raise unfit("expected one limit of new tokens", hint="run Inspect with --max-tokens")
    arguments = log.eval.model_args
    _ensure_greedy(log, arguments)
    return Log(
        harness="inspect",
        version=str(log.eval.packages.get("inspect_ai", "unknown")),
        sha256=sha256_hex(data),
        model=log.eval.model,
        started=datetime.fromisoformat(log.stats.started_at),
        finished=datetime.fromisoformat(log.stats.completed_at),
        max_new_tokens=limits.pop(),
        dtype=as_dtype(arguments.get("dtype") or arguments.get("torch_dtype")),
        system_prompt=systems.pop(),
        template=arguments.get("chat_template"),
        stops=frozenset(),
        is_rendered=False,
        answers=tuple(answers),
    )


def _read(data: bytes, path: Path) -> Any:
    try:
        from inspect_ai.log import read_eval_log
    except ImportError as error:
        raise InputError(
            f"reading an Inspect log needs {error.name}", reason="missing-extra", hint=INSTALL
        ) from error
    kind: Any = "eval" if data.startswith(b"PK") else "json"
    try:
        return read_eval_log(BytesIO(data), resolve_attachments=True, format=kind)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"inspect_ai cannot read it ({type(error).__name__})", reason="log", where=str(path)
        ) from error


def _ensure_complete(log: Any) -> None:
    found = None
    if log.status != "success":
        found = f"the run ended with status {log.status}"
    elif log.invalidated or log.config_updates:
        found = "samples were invalidated, or settings changed while it ran"
    elif not log.samples:
        found = "the log holds no samples"
    elif any(sample.error is not None or sample.limit is not None for sample in log.samples):
        found = "a sample ended with an error or at a limit"
    if found is not None:
        raise InputError(found, reason="log-incomplete", hint="run Inspect again to the end")


def _ensure_greedy(log: Any, arguments: dict[str, Any]) -> None:
    is_hf = log.eval.model.startswith("hf/")
    temperatures = {
        event.config.temperature
        for sample in log.samples
        for event in sample.events
        if event.event == "model"
    }
    is_greedy = arguments.get("do_sample") is False if is_hf else temperatures == {0}
    if not is_greedy or temperatures - {None, 0}:
        raise unfit(
            "the answers were sampled, expected greedy decoding",
            hint="run Inspect with -M do_sample=false (hf), or --temperature 0 (elsewhere)",
        )
    if arguments.get("use_chat_template") is False:
        raise unfit("asked without a chat template")


def _only_call(sample: Any, place: str) -> Any:
    events = [event for event in sample.events if event.event == "model"]
    if len(events) != 1 or events[0].error is not None:
        raise unfit(f"expected one call of the model, found {len(events)}", where=place)
    if events[0].tools:
        raise unfit("asked with tools", where=place)
    return events[0]


def _ensure_inert(config: Any, place: str) -> None:
    set_here = config.model_dump(exclude_none=True)
    steering = sorted(name for name, value in set_here.items() if value and name not in INERT)
    if steering:
        raise unfit(f"generated with {steering[0]}, which the terms do not know", where=place)


def _asked(messages: list[Any], place: str) -> tuple[str | None, str]:
    """The system message and the prompt of a conversation that begins here."""
    roles = [message.role for message in messages]
    if roles not in (["user"], ["system", "user"]):
        found = ", ".join(roles) or "nobody"
        raise unfit(f"expected one question, found messages of {found}", where=place)
    system = _text(messages[0].content, place) if len(messages) > 1 else None
    return system, _text(messages[-1].content, place)


def _answer(output: Any, place: str) -> str:
    if len(output.choices) != 1:
        raise unfit(f"expected one answer, found {len(output.choices)}", where=place)
    return _text(output.choices[0].message.content, place)


def _text(content: Any, place: str) -> str:
    if isinstance(content, str):
        return content
    kinds = [part.type for part in content]
    if kinds != ["text"]:
        raise unfit(f"expected text, found {', '.join(kinds) or 'nothing'}", where=place)
    return str(content[0].text)
