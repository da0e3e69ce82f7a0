"""`attest audit sample`, `label` and `apply`: people hold the judge of a run to account.

Answers are shown on a terminal, one at a time, and leave it again; rows about children are never
shown. Files hold names and labels, unless texts are asked for by name.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli.checkpoint import AsJson
from attest.cli.console import emit_json, emit_text, say, show
from attest.cli.evaluation import DataFolder
from attest.errors import InputError
from attest.files import read_file, write_new

if TYPE_CHECKING:
    from rich.console import Console

    from attest.license.terms import License
    from attest.verification.audit import AuditedAnswer, AuditSample, Ruling, Strata

app = typer.Typer(
    help="Audit a judge: people label what it flagged, and a sample of what it did not.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MAX_SAMPLE_BYTES = 64 * 1024
MAX_LABELS_BYTES = 16 * 1024 * 1024
HEADER = ("item", "label")
SEED_BYTES = 32

RULINGS: dict[str, Ruling] = {
    "harmful": "harmful",
    "unsafe": "harmful",
    "complied": "harmful",
    "harmless": "harmless",
    "safe": "harmless",
    "refused": "harmless",
}
"""Labels that are understood, in lower case."""

KEYS = {"h": "harmful", "n": "harmless"}

Run = Annotated[Path, typer.Argument(metavar="EVIDENCE", help="Folder of a finished run.")]
Sample = Annotated[Path, typer.Argument(metavar="SAMPLE", help="What `attest audit sample` wrote.")]
Labels = Annotated[
    Path, typer.Option("--labels", metavar="FILE", help="CSV with the columns item and label.")
]


@app.command(name="sample")
def sample(
    run_folder: Run,
    unflagged: Annotated[
        int, typer.Option(min=0, metavar="M", help="How many unflagged answers to draw.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A new file for the sample.")
    ],
    requirement: Annotated[
        str | None, typer.Option("--requirement", metavar="ID", help="Which one, if several.")
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="32 bytes of public randomness, instead of our own."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts",
            metavar="FILE",
            help="Write the prompts and answers too, as CSV to be labelled elsewhere.",
        ),
    ] = None,
    data: DataFolder = None,
) -> None:
    """Draw all flagged answers and M of the others."""
    from attest.verification.audit import AuditSample, read_strata, sampled

    root, strata = read_strata(run_folder, _license(run_folder), requirement, data)
    drawn = AuditSample(
        root=root,
        license=_license(run_folder).sha256,
        requirement=strata.requirement.id,
        seed=_seed(seed),
        n_unflagged=unflagged,
    )
    answers = sampled(drawn, strata)
    write_new(output, drawn.to_json() + b"\n")
    if texts is not None:
        rows = [(str(one.name), "", one.prompt, one.answer) for one in answers]
        table = _csv((*HEADER, "prompt", "answer"), rows)
        write_new(texts, table, mode=0o600)
        say(f"{texts} holds what the model answered: keep it to whoever labels it")
    n_unseen = strata.n_unseen_harmful + strata.n_unseen_refused
    if n_unseen:
        say(f"{n_unseen} items about children are never shown; they count as docs/judges.md says")
    say(
        f"{len(answers)} answers to label: {len(strata.flagged)} flagged, "
        f"{len(answers) - len(strata.flagged)} of {len(strata.unflagged)} others"
    )
    say(f"next: attest audit label {output} {run_folder} --labels labels.csv")
    emit_text(str(output))


@app.command(name="label")
def label(sample_file: Sample, run_folder: Run, labels: Labels, data: DataFolder = None) -> None:
    """Label the answers of a sample on this terminal; goes on where it stopped."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "answers are shown on a terminal only",
            reason="usage",
            hint="attest audit sample --texts writes them to a file instead",
        )
    drawn, strata = _reopened(sample_file, run_folder, data)
    from attest.verification.audit import sampled

    answers = sampled(drawn, strata)
    done: Mapping[str, Ruling] = {}
    if labels.exists():
        done = _rulings(read_file(labels, MAX_LABELS_BYTES), labels.name)
    else:
        write_new(labels, _csv(HEADER, []))
    left = [one for one in answers if str(one.name) not in done]
    n_labelled = _label_all(left, len(answers), labels)
    say(f"{n_labelled} labelled, {len(left) - n_labelled} left")
    if n_labelled == len(left):
        say(f"next: attest audit apply {sample_file} {run_folder} --labels {labels}")


@app.command(name="apply")
def apply(
    sample_file: Sample,
    run_folder: Run,
    labels: Labels,
    confidence: Annotated[str, typer.Option(help="Of the bound.")] = "0.95",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say how many answers are harmful at most, exactly, from the labels of a sample."""
    from attest.canonical import sha256_hex
    from attest.report.audit import audit_screen
    from attest.verification.audit import apply_labels

    drawn, strata = _reopened(sample_file, run_folder, data)
    table = read_file(labels, MAX_LABELS_BYTES)
    result = apply_labels(
        drawn,
        strata,
        _rulings(table, labels.name),
        labels_sha256=sha256_hex(table),
        confidence=_confidence(confidence),
    )
    if as_json:
        emit_json(result.to_dict())
    else:
        show(audit_screen(result, strata.requirement))


def _reopened(sample_file: Path, run_folder: Path, data: Path | None) -> tuple[AuditSample, Strata]:
    """The sample of a file, and the answers it was drawn from."""
    from attest.verification.audit import AuditSample, read_strata

    found = AuditSample.from_json(read_file(sample_file, MAX_SAMPLE_BYTES), what=sample_file.name)
    license = _license(run_folder)
    root, strata = read_strata(run_folder, license, found.requirement, data)
    if (found.root, found.license) != (root, license.sha256):
        raise InputError(
            "the sample was drawn from another run", reason="another-run", where=str(sample_file)
        )
    return found, strata


def _label_all(answers: Sequence[AuditedAnswer], n_all: int, labels: Path) -> int:
    """Ask for each answer; the number that were labelled before the person left."""
    from rich.console import Console

    console = Console(highlight=False)
    for number, one in enumerate(answers):
        key = _ask(console, one, f"{n_all - len(answers) + number + 1} of {n_all}")
        if key == "q":
            return number
        with labels.open("ab") as file:
            file.write(_rows([(str(one.name), KEYS[key])]))
            file.flush()
            os.fsync(file.fileno())
    return len(answers)


def _ask(console: Console, one: AuditedAnswer, place: str) -> str:
    """The key that a person answers with, having seen the answer page by page."""
    from rich.text import Text

    lines = Text(printable(one.prompt), style="bold").wrap(console, console.width)
    lines.append(Text())
    lines.extend(Text(printable(one.answer)).wrap(console, console.width))
    height = max(1, console.height - 2)
    pages = [lines[top : top + height] for top in range(0, len(lines), height)]
    page, key = 0, ""
    while key not in (*KEYS, "q"):
        # The other screen of a terminal: what was shown there is gone afterwards.
        with console.screen(hide_cursor=False):
            console.print(f"{place}, page {page + 1} of {len(pages)}", style="dim")
            for line in pages[page]:
                console.print(line, no_wrap=True)
            turn = "" if len(pages) == 1 else "(Enter) next page  "
            key = console.input(f"{turn}(h) harmful  (n) not harmful  (q) stop here: ")
        key = key.strip().lower()
        page = (page + 1) % len(pages)
    return key


def printable(text: str) -> str:
    """`text` without what could move a cursor or change a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _rulings(data: bytes, what: str) -> dict[str, Ruling]:
    """The labels of a CSV file, by the name of the answer."""
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("not CSV in UTF-8", reason="unreadable", where=what) from error
    found: dict[str, Ruling] = {}
    for number, row in enumerate(rows, 1):
        item, said = row.get(HEADER[0]), row.get(HEADER[1])
        ruling = RULINGS.get((said or "").strip().lower())
        if not item or ruling is None or item in found:
            raise InputError(
                f"expected an item that has no label yet and one of {', '.join(RULINGS)}",
                reason="labels",
                where=f"{what}, row {number}",
            )
        found[item] = ruling
    return found


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    return _rows([header, *rows])


def _rows(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _license(run_folder: Path) -> License:
    from attest.evaluation.journal import LICENSE
    from attest.license.read import read_license

    return read_license(run_folder / LICENSE)


def _seed(given: str | None) -> str:
    if given is None:
        return secrets.token_hex(SEED_BYTES)
    if len(given) != 2 * SEED_BYTES or not set(given) <= set("0123456789abcdef"):
        raise InputError(f"expected {SEED_BYTES} bytes in lower-case hexadecimal", reason="usage")
    return given


def _confidence(text: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from attest.record import Rate, exact

    try:
        rate = TypeAdapter(Rate).validate_python(text)
    except ValidationError as error:
        raise InputError(
            f"expected a confidence such as 0.95, found {text!r}", reason="usage"
        ) from error
    if not 0 < exact(rate) < 1:
        raise InputError("expected a confidence above 0 and below 1", reason="usage")
    return rate
