"""`attest evidence open`, `attest evidence verdicts` and `attest evidence verify`.

What a model answered is written to files and never to a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli.console import emit_text, say
from attest.cli.evaluation import DataFolder
from attest.errors import InputError, VerificationError
from attest.files import read_file, write_new

if TYPE_CHECKING:
    from attest.attestation.keys import PublicKey
    from attest.attestation.statement import Predicate
    from attest.evaluation.opening import Opening, VerdictsOpening
    from attest.evaluation.recount import CheckedCount, Recount
    from attest.license.terms import License

app = typer.Typer(
    help="Open parts of a run's evidence, and check what was opened.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

STATEMENT_STEP, CLAIM_STEP = 4, 10
"""Steps of `verify` that are taken here too."""

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]
OutFile = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="A new file; never a screen.")
]


@app.command(name="open")
def open_(
    run_folder: RunFolder,
    items: Annotated[
        list[str],
        typer.Option("--item", metavar="BENCHMARK/ID", help="Which item; may be given again."),
    ],
    output: OutFile,
    verdict_only: Annotated[
        bool, typer.Option("--verdict-only", help="Show what the judge said, and no text.")
    ] = False,
) -> None:
    """Open single items to a licensor, each with the proof that it was committed to."""
    from attest.evaluation.opening import open_items
    from attest.evaluation.records import ItemName

    openings = open_items(
        run_folder, [ItemName.parse(item) for item in items], with_text=not verdict_only
    )
    lines = b"".join(opening.to_json() + b"\n" for opening in openings)
    write_new(output, lines, mode=None if verdict_only else 0o600)
    opened = f"{len(openings)} item{'s' * (len(openings) > 1)} opened"
    if verdict_only:
        say(f"{opened}; the file holds verdicts, no text")
    else:
        say(f"{opened}; the file holds what the model answered: give it to the licensor only")
    emit_text(str(output))


@app.command(name="verdicts")
def verdicts(run_folder: RunFolder, output: OutFile) -> None:
    """Open all verdicts, without any text, so that anyone can recount what was signed."""
    from attest.evaluation.opening import open_verdicts

    opening = open_verdicts(run_folder)
    write_new(output, opening.to_json() + b"\n")
    say(f"{len(opening.verdicts)} verdicts opened; the file holds no text and may be published")
    emit_text(str(output))


@app.command(name="verify")
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `evidence open` or `verdicts` wrote.")
    ],
    bundle: Annotated[
        Path, typer.Option("--bundle", metavar="BUNDLE", help="The attestation of the run.")
    ],
    key: Annotated[
        Path, typer.Option("--key", metavar="PUB", help="Public key (PEM) that you trust.")
    ],
    license_file: Annotated[
        Path | None,
        typer.Option("--license", metavar="FILE", help="The license, to recount under its terms."),
    ] = None,
    data: DataFolder = None,
    without_benchmarks: Annotated[
        bool,
        typer.Option(
            "--without-benchmarks", help="Recount what can be recounted without benchmark files."
        ),
    ] = False,
) -> None:
    """Check openings against the root that was signed with a key of your choice."""
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.attestation.keyfiles import load_public_key
    from attest.evaluation.opening import MAX_OPENED_BYTES, VerdictsOpening, read_opened
    from attest.license.read import read_license

    public_key = load_public_key(key)
    license = None if license_file is None else read_license(license_file)
    # The signature first: what is checked against must be known to be signed.
    predicate = _signed(read_file(bundle, MAX_BUNDLE_BYTES), public_key)
    if license is not None:
        _check_claim(predicate, license)
    opened = read_opened(read_file(file, MAX_OPENED_BYTES), what=str(file))
    if isinstance(opened, VerdictsOpening):
        _verify_verdicts(opened, predicate, license, data, without_benchmarks=without_benchmarks)
    else:
        _verify_items(opened, predicate)
    say(
        f"signed with key {public_key.hint[:16]}… for checkpoint "
        f"{predicate.evaluation.manifest.digest()[:16]}…"
    )


def _verify_items(openings: Sequence[Opening], predicate: Predicate) -> None:
    from attest.evaluation.opening import ClosedPart, check_opening

    for opening in openings:
        check_opening(opening, predicate.evaluation.evidence)
    for opening in openings:
        label = (
            "verdict closed"
            if isinstance(opening.judgements, ClosedPart)
            else ", ".join(one.label for one in opening.judgements.judgements)
        )
        text = "closed" if isinstance(opening.transcript, ClosedPart) else "in the file"
        name = opening.name
        emit_text(f"verified  {name}: {label}, text {text}")


def _verify_verdicts(
    opening: VerdictsOpening,
    predicate: Predicate,
    license: License | None,
    data: Path | None,
    *,
    without_benchmarks: bool,
) -> None:
    from attest.evaluation.materials import load_benchmarks
    from attest.evaluation.recount import check_all_verdicts, check_verdicts

    evaluation = predicate.evaluation
    checked: tuple[CheckedCount, ...] = ()
    if license is None:
        check_all_verdicts(opening, evaluation)
    else:
        benchmarks = None if without_benchmarks else load_benchmarks(license.terms, data)
        checked = check_verdicts(opening, evaluation, license, benchmarks)
    emit_text(f"verified  {len(opening.verdicts)} verdicts hash to the signed root")
    for one in checked:
        count = one.count
        category = "" if count.category is None else f" ({count.category})"
        emit_text(
            f"{_FOUND[one.recount]}  {count.requirement}{category}: {count.failures} failures in "
            f"{count.n_items} items{_WHY[one.recount]}"
        )
    if license is None:
        say("the signed counts were not recounted: give --license")


_FOUND: dict[Recount, str] = {
    "recounted": "recounted",
    "needs-texts": "signed   ",
    "needs-benchmark": "signed   ",
}
_WHY: dict[Recount, str] = {
    "recounted": "",
    "needs-texts": "; not recounted: equal answers are known from the texts alone",
    "needs-benchmark": "; not recounted: the benchmark file says which items these are",
}


def _signed(bundle: bytes, public_key: PublicKey) -> Predicate:
    from attest.attestation.bundle import open_bundle
    from attest.attestation.statement import Statement

    payload = open_bundle(bundle).verify(public_key)
    try:
        return Statement.from_json(payload, what="statement").predicate
    except InputError as error:
        raise VerificationError(str(error), step=STATEMENT_STEP, hint=error.hint) from error


def _check_claim(predicate: Predicate, license: License) -> None:
    from attest.verification.claim import check_claim

    try:
        check_claim(predicate, license)
    except InputError as error:
        raise VerificationError(str(error), step=CLAIM_STEP, hint=error.hint) from error
