"""`attest digest`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from attest.cli.console import emit_json, progress, show

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of the checkpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]


def digest(
    model: Model,
    tensors: Annotated[
        bool,
        typer.Option("--tensors", help="Add the weights digest, the same for any sharding."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print manifest and digests of a checkpoint, after the strict checks."""
    from attest.checkpoint.digest import digest as make_digest
    from attest.checkpoint.folder import open_checkpoint

    checkpoint = open_checkpoint(model)
    with hashing_progress(checkpoint.size_bytes) as on_bytes:
        manifest = make_digest(checkpoint, tensors=tensors, on_bytes=on_bytes)
    if as_json:
        emit_json(manifest.to_dict())
        return
    from attest.report.manifest import manifest_screen

    show(manifest_screen(manifest))


@contextmanager
def hashing_progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar for a work of `total` bytes, told of each portion as it is read."""
    done = 0
    with progress("hashing", unit="bytes") as advance:

        def on_bytes(n: int) -> None:
            nonlocal done
            done += n
            advance(done, total)

        yield on_bytes
