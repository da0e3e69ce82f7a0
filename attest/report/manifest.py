"""A manifest for a person."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table

from attest.checkpoint.manifest import Manifest


def manifest_screen(manifest: Manifest) -> RenderableType:
    """Every file with role, size and digest, then the digests of the whole."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("file", overflow="fold")
    table.add_column("role")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("SHA-256", no_wrap=True)
    for file in manifest.files:
        table.add_row(file.path, file.role, decimal(file.size_bytes), file.sha256[:32] + "…")
    lines: list[RenderableType] = [table, f"checkpoint  sha256:{manifest.digest()}"]
    if manifest.weights is not None:
        weights = manifest.weights
        lines.append(
            f"weights     {weights.algorithm}:{weights.digest} "
            f"({weights.n_tensors} tensors, {weights.n_parameters:,} parameters)"
        )
    return Group(*lines)
