"""The door: parse, call one verb, report, exit.

A command is imported when it is called, and imports what it needs when it runs, so that `--help`
and `verify` never wait for others. This is the only place that catches every exception.
"""

from __future__ import annotations

import os
import sys
import traceback

import typer

from attest.cli.console import say
from attest.cli.later import add_later
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


add_later(app, "run", "attestation:run", "Digest, evaluate, decide and sign in one go.")
add_later(app, "verify", "verification:verify", "Check an attestation against files and license.")
add_later(app, "digest", "checkpoint:digest", "Print manifest and digests of a checkpoint.")
add_later(app, "evaluate", "evaluation:evaluate", "Ask a checkpoint all that a license asks.")
add_later(app, "decide", "evaluation:decide", "Say what a license says to an evaluation.")
add_later(app, "sign", "attestation:sign", "Sign an evaluation, whatever its verdict is.")
add_later(app, "countersign", "countersigning:countersign", "Sign an attestation of somebody else.")
add_later(app, "show", "attestation:show", "Show what an attestation says.")
add_later(app, "keygen", "attestation:keygen", "Make a key pair for signing attestations.")
add_later(app, "judge", "judging:judge", "Run a judge over recorded answers.")
add_later(app, "license", "license:app", "Licenses: write, lint, read and sign the terms.")
add_later(app, "trust", "trust:app", "Trust files: whom you believe, and what was taken back.")
add_later(app, "benchmark", "benchmark:app", "Benchmarks: what is pinned, what is here.")
add_later(app, "evidence", "evidence:app", "Open parts of a run's evidence, and check them.")
add_later(app, "audit", "audit:app", "Audit a judge: people label some of its verdicts.")
add_later(app, "import", "imports:app", "Make evidence of a log that another harness wrote.")
add_later(app, "hub", "hub:app", "A hub that checks every upload: service, workers, one check.")


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
