"""`attest benchmark`: what is pinned, what is cached."""

from __future__ import annotations

from typing import Annotated

import typer

from attest.cli.console import emit_json, emit_text, progress, say, show

app = typer.Typer(
    help="Benchmarks: what is pinned, what is here.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a benchmark of the registry.")]


@app.command(name="list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print the registry as JSON.")] = False,
) -> None:
    """List every benchmark that the registry pins."""
    from attest.benchmark.load import is_cached
    from attest.benchmark.registry import registry

    sources = registry()
    if as_json:
        emit_json({name: source.to_dict() for name, source in sources.items()})
        return
    from attest.report.benchmark import registry_screen

    show(registry_screen(sources.values(), is_cached=is_cached))


@app.command(name="show")
def show_(name: Name) -> None:
    """Show source, digest, license and counts of one benchmark; never its prompts."""
    from attest.benchmark.registry import source

    emit_json(source(name).to_dict())


@app.command()
def pull(name: Name) -> None:
    """Download a benchmark from its publisher and check its digest."""
    from attest.benchmark.load import pull as download

    with progress("downloading", unit="bytes") as advance:
        path = download(name, progress=advance)
    say(f"{name} is here and has the pinned digest")
    emit_text(str(path))


@app.command()
def probes(
    as_json: Annotated[bool, typer.Option("--json", help="Print the probes as JSON.")] = False,
) -> None:
    """List every probe that a license can name: how prompts are put, with digests."""
    from attest.benchmark.probes import probes as registered

    found = registered()
    if as_json:
        emit_json(
            {name: {**probe.to_dict(), "sha256": probe.sha256} for name, probe in found.items()}
        )
        return
    from attest.report.benchmark import probes_screen

    show(probes_screen(found.values()))
