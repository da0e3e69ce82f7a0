"""Where output goes: data to stdout, everything for the person to stderr.

Messages begin `attest:`, in lower case and without a full stop; a hint stands on a line of its
own. Progress is shown on a terminal only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType

SCREEN_WIDTH = 140
"""Columns used where the output is no terminal, so that transcripts do not depend on one."""


def say(message: str) -> None:
    """Tell the person one thing."""
    print(f"attest: {message}", file=sys.stderr)  # noqa: T201 - this is where output is made


def emit_text(text: str) -> None:
    """Write plain data to stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def emit_json(value: Any) -> None:
    """Write a record to stdout, in the order and with the names of its schema."""
    emit_text(json.dumps(value, indent=2, ensure_ascii=False))


def show(screen: RenderableType) -> None:
    """Write a table or a sentence to stdout, in color on a terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else SCREEN_WIDTH
    # Digests and paths are copied from the screen, so they are never broken into lines.
    Console(width=width, highlight=False).print(screen, soft_wrap=True)


class Advance(Protocol):
    """How a long work reports."""

    def __call__(self, done: int, total: int | None) -> None:
        """`done` of `total` units are done."""
        ...


@contextmanager
def progress(what: str, *, unit: str) -> Iterator[Advance]:
    """A progress bar on a terminal, with rate and time left; silence elsewhere.

    Args:
        what: what is going on, one word.
        unit: `bytes`, or what is counted.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005 - the protocol names its arguments
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns: list[ProgressColumn] = [TextColumn("attest: {task.description}"), BarColumn()]
    if unit == "bytes":
        columns += [DownloadColumn(), TransferSpeedColumn()]
    else:
        columns += [MofNCompleteColumn(), TextColumn(f"{unit}, {{task.fields[rate]}}")]
    columns.append(TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None, rate="")

    def advance(done: int, total: int | None) -> None:
        # A terminal holds one live display: each begins with its work and ends with it.
        bar.start()
        speed = bar.tasks[0].speed
        bar.update(task, completed=done, total=total, rate=f"{speed:.1f}/s" if speed else "")
        if total is not None and done >= total:
            bar.stop()

    try:
        yield advance
    finally:
        bar.stop()
