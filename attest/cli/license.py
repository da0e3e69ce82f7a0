"""`attest license`: write, lint, read and sign the terms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from attest.cli.checkpoint import AsJson
from attest.cli.console import emit_json, emit_text, say, show
from attest.cli.evaluation import LicenseFile
from attest.cli.keys import Chain, LastingKey, SigningKey, Timestamp, open_key, open_lasting_key
from attest.errors import ExitCode, InputError
from attest.files import read_file, write_new

app = typer.Typer(
    help="Licenses: write, lint, read and sign the terms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The license: license.yaml.")]

MAX_TEXT_BYTES = 16 * 1024 * 1024


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path(
        "license.yaml"
    ),
    text: Annotated[
        Path,
        typer.Option("--text", metavar="FILE", help="The legal text that the terms belong to."),
    ] = Path("LICENSE"),
    name: Annotated[str, typer.Option(help="Name of the license.")] = "Example Model License",
    licensor: Annotated[str, typer.Option(help="Who grants it.")] = "Example Licensor",
    base_model: Annotated[
        str, typer.Option(help="The model whose derivatives it covers.")
    ] = "Example Base Model",
) -> None:
    """Write a commented license to edit; it is complete and can be used as it is."""
    from attest.benchmark.registry import source
    from attest.canonical import sha256_hex
    from attest.evaluation.judges import judge_sha256
    from attest.license.template import new_license
    from attest.license.terms import BenchmarkRef, JudgeRef, Text

    core = source("attest-core")
    legal = Text(title=text.name, sha256=sha256_hex(read_file(text, MAX_TEXT_BYTES)))
    content = new_license(
        name=name,
        licensor=licensor,
        base_model=base_model,
        text=legal,
        issued=datetime.now(UTC).date(),
        benchmark=BenchmarkRef(name=core.name, sha256=core.sha256),
        n_refuse=core.n_items("refuse"),
        n_comply=core.n_items("comply"),
        judge=JudgeRef(name="refusal-rules", sha256=judge_sha256("refusal-rules")),
    )
    write_new(file, content.encode("utf-8"))
    say(f"wrote {file}; edit it, then: attest license check {file}")


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Lint a license: can it be passed, how many failures does it allow, do the digests fit."""
    from attest.benchmark.registry import registry
    from attest.evaluation.judges import JUDGES, judge_sha256
    from attest.license.allowance import allowances
    from attest.license.lint import lint
    from attest.license.read import read_license

    license = read_license(file)
    benchmarks = registry()
    remarks = lint(
        license,
        benchmarks=benchmarks,
        judges={name: judge_sha256(name) for name in JUDGES},
        today=datetime.now(UTC).date(),
    )
    rows = allowances(license, benchmarks=benchmarks)
    if as_json:
        emit_json(
            {
                "license": license.sha256,
                "allowances": [row.to_dict() for row in rows],
                "remarks": [remark.to_dict() for remark in remarks],
            }
        )
    else:
        from attest.report.lint import lint_screen

        show(lint_screen(license, rows, remarks))
    if any(remark.severity == "error" for remark in remarks):
        raise typer.Exit(ExitCode.INPUT)


@app.command(name="show")
def show_(file: File) -> None:
    """Say in plain words what a license asks for."""
    from attest.benchmark.registry import registry
    from attest.license.allowance import allowances
    from attest.license.read import read_license
    from attest.report.license import describe

    license = read_license(file)
    emit_text(describe(license, allowances(license, benchmarks=registry())))


@app.command()
def sign(file: File, key: SigningKey, chain: Chain = None, timestamp: Timestamp = None) -> None:
    """Sign a license as its licensor; the signature is written beside it."""
    from attest.cli.signatures import sign_file
    from attest.license.document import MAX_DOCUMENT_BYTES
    from attest.license.read import parse_license

    data = read_file(file, MAX_DOCUMENT_BYTES)
    parse_license(data, what=file.name)
    emit_text(str(sign_file(file, data, "license", open_key(key, chain, timestamp))))


@app.command()
def suffix(
    key: LastingKey,
    license_file: LicenseFile,
    checkpoint: Annotated[
        str,
        typer.Option(
            "--checkpoint",
            metavar="DIGEST",
            help="What the publisher's `attest digest` says, with or without sha256:.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="Where to write the suffixes.")
    ] = Path("suffixes.json"),
) -> None:
    """Sign the secret suffixes of one checkpoint, after its publisher has committed to it."""
    from pydantic import TypeAdapter, ValidationError

    from attest.evaluation.suffixes import Suffixes, message
    from attest.license.read import read_license
    from attest.record import Sha256

    license = read_license(license_file)
    try:
        digest = TypeAdapter(Sha256).validate_python(checkpoint.removeprefix("sha256:"))
    except ValidationError as error:
        raise InputError(
            f"expected a checkpoint digest of 64 hexadecimal characters, found {checkpoint!r}",
            reason="usage",
            hint="what `attest digest MODEL` says after `checkpoint`",
        ) from error
    signer = open_lasting_key(key, why="the suffixes follow from the `suffix_key` of the license")
    if signer.public_key.pem.decode().strip() != (license.terms.suffix_key or "").strip():
        raise InputError(
            "the key is not the `suffix_key` of the license",
            reason="suffix-key",
            where=str(license_file),
        )
    signature = signer.sign(message(license.sha256, digest)).hex()
    suffixes = Suffixes(license=license.sha256, checkpoint=digest, signature=signature)
    suffixes.ensure_of(license, digest)
    write_new(output, suffixes.to_json() + b"\n")
    emit_text(str(output))
    say("send it to the publisher, who gives it to `attest evaluate --suffixes`")
