"""The door: parse, call one verb, report, exit.

Commands import what they need when they run, so that `--help` and `verify` never wait for torch.
This is the only place that catches every exception.
"""

from __future__ import annotations

import os
import sys
import traceback

import typer

from attest.cli import (
    attestation,
    audit,
    benchmark,
    checkpoint,
    countersigning,
    evaluation,
    evidence,
    hub,
    imports,
    judging,
    license,
    trust,
    verification,
)
from attest.cli.console import say
from attest.errors import AttestError, ExitCode
from attest.version import __version__

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

app = typer.Typer(
    name="attest",
    help="Check that a model license was met: measured, signed, verifiable by anyone.",
    epilog="Exit codes: 0 the license is met, 1 verified but not met, 2 usage or unreadable "
    "input, 3 not verified, 4 inconclusive, 5 could not run, try again.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"attest {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_version, is_eager=True
    ),
) -> None:
    del version


app.command(name="run")(attestation.run)
app.command(name="verify")(verification.verify)
app.command(name="digest")(checkpoint.digest)
app.command(name="evaluate")(evaluation.evaluate)
app.command(name="decide")(evaluation.decide)
app.command(name="sign")(attestation.sign)
app.command(name="countersign")(countersigning.countersign)
app.command(name="show")(attestation.show)
app.command(name="keygen")(attestation.keygen)
app.command(name="judge")(judging.judge)
app.add_typer(license.app, name="license")
app.add_typer(trust.app, name="trust")
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(evidence.app, name="evidence")
app.add_typer(audit.app, name="audit")
app.add_typer(imports.app, name="import")
app.add_typer(hub.app, name="hub")


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(_guarded())


def _guarded() -> int:
    try:
        app(standalone_mode=True)
    except AttestError as error:
        say(str(error))
        if error.hint is not None:
            say(f"hint: {error.hint}")
        return error.exit_code
    except SystemExit as left:
        if left.code != INTERRUPTED:
            raise
        say("interrupted; finished answers are kept, the same command goes on from there")
        return ExitCode.TRY_AGAIN
    except BrokenPipeError:
        # The reader of our output left; Python would complain again while flushing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.TRY_AGAIN
    except Exception:  # noqa: BLE001 - the door: a defect must not look like a verdict
        traceback.print_exc()
        say("this is a defect of attest, not a finding; please report it with the lines above")
        return ExitCode.TRY_AGAIN
    return ExitCode.MET
