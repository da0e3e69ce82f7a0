"""`attest hub check`: one check by hand, in CI, or in a hook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attest.cli.attestation import SUFFIX
from attest.cli.checkpoint import AsJson
from attest.cli.console import emit_json, say, show
from attest.errors import ExitCode, InputError
from attest.files import read_file

if TYPE_CHECKING:
    from attest.hub.doors.snapshot import Snapshot
    from attest.hub.fetch import Fetcher
    from attest.verification.listings import ListingVerdict
    from attest.verification.trusting import SignedTrust, SignerRole, Trust

MAX_TOKEN_BYTES = 4096
MAX_PUSH_BYTES = 1024 * 1024
MAX_PUSH_LINES = 1000
"""Most refs of one push that are looked at."""


def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A checkpoint folder, read whole.")
    ] = None,
    listing: Annotated[
        Path | None,
        typer.Option("--listing", metavar="FILE", help="Hashes: sha256sum lines, JSON, manifest."),
    ] = None,
    hf: Annotated[
        str | None,
        typer.Option("--hf", metavar="REPO@COMMIT", help="A Hugging Face repository at a commit."),
    ] = None,
    git: Annotated[
        tuple[str, str] | None,
        typer.Option("--git", metavar="OLD NEW", help="The commit NEW, in the repository here."),
    ] = None,
    pre_receive: Annotated[
        bool,
        typer.Option("--pre-receive", help="Every commit that stdin names, as git tells a hook."),
    ] = False,
    oci: Annotated[
        str | None,
        typer.Option(
            "--oci", metavar="REF", help="A ModelPack manifest: registry/name@sha256:DIGEST."
        ),
    ] = None,
    license_file: Annotated[
        Path | None, typer.Option("--license", metavar="FILE", help="The license: license.yaml.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUB", help="Public key (PEM) that you trust.")
    ] = None,
    role: Annotated[
        Literal["publisher", "third-party"],
        typer.Option(help="With --key: whose it is, the publisher's or an evaluator's."),
    ] = "publisher",
    trust_file: Annotated[
        Path | None,
        typer.Option("--trust", metavar="FILE", help="Your trust file, instead of --key."),
    ] = None,
    revocations: Annotated[
        Path | None,
        typer.Option("--revocations", metavar="FILE", help="With --trust: the revocation list."),
    ] = None,
    bundles: Annotated[
        list[Path] | None,
        typer.Option(
            "--bundle",
            metavar="PATH",
            help="An attestation or a folder of them, beside those that come with the release.",
        ),
    ] = None,
    reads_bytes: Annotated[
        bool,
        typer.Option("--bytes", help="With --hf or --oci: hash what is served, all of it."),
    ] = False,
    hub_url: Annotated[
        str | None, typer.Option("--hub-url", metavar="ORIGIN", help="With --hf: another hub.")
    ] = None,
    downloads: Annotated[
        list[str] | None,
        typer.Option(
            "--downloads", metavar="ORIGIN", help="A host that large files may be served from."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="With --hf or --oci: for reading."),
    ] = None,
    unsafe_private: Annotated[
        bool,
        typer.Option(help="With --hf or --oci: allow plain http and addresses of your network."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a release wherever it lies: do its attestations cover these files, and is it met?"""
    from attest.license.read import read_license

    doors = (folder, listing, hf, git, oci, True if pre_receive else None)
    if sum(door is not None for door in doors) != 1 or (pre_receive and as_json):
        raise InputError(
            "expected one of FOLDER, --listing, --hf, --git, --oci and --pre-receive, the last "
            "without --json",
            reason="usage",
        )
    if license_file is None or (key is None) == (trust_file is None):
        raise InputError("expected --license and either --key or --trust", reason="usage")
    license = read_license(license_file)
    trust = _trust(key, role, trust_file, revocations, license_file)
    further = _bundles(bundles or [])
    now = datetime.now(UTC)

    def report(snapshot: Snapshot) -> ExitCode:
        return _report(snapshot.check(license, trust, now, further=further), as_json=as_json)

    if git is not None or pre_receive:
        raise typer.Exit(_check_commits([git[1]] if git is not None else _pushed(), report))
    asking = _Asking(downloads or [], token_file, unsafe_private)
    if folder is not None:
        from attest.hub.doors.folder import open_folder

        snapshot = open_folder(folder)
    elif listing is not None:
        from attest.hub.doors.listing import open_listing

        snapshot = open_listing(listing, {})
    elif hf is not None:
        snapshot = _from_hub(hf, hub_url, asking, reads_bytes=reads_bytes)
    else:
        assert oci is not None
        snapshot = _from_registry(oci, asking, reads_bytes=reads_bytes)
    raise typer.Exit(report(snapshot))


def _trust(
    key: Path | None,
    role: SignerRole,
    trust_file: Path | None,
    revocations: Path | None,
    license_file: Path,
) -> Trust | SignedTrust:
    from attest.attestation.documents import read_signatures
    from attest.attestation.keyfiles import load_public_key
    from attest.cli.trust import read_revocations, read_trust
    from attest.verification.trusting import SignedTrust, Trust

    if trust_file is None:
        assert key is not None
        if revocations is not None:
            raise InputError("--revocations goes with --trust", reason="usage")
        return Trust(load_public_key(key), role)
    return SignedTrust(
        read_trust(trust_file),
        license_signatures=read_signatures(license_file),
        revocations=None if revocations is None else read_revocations(revocations),
    )


def _bundles(paths: list[Path]) -> list[bytes]:
    from attest.attestation.bundle import MAX_BUNDLE_BYTES

    found = [
        file for path in paths for file in (path.glob(f"*{SUFFIX}") if path.is_dir() else [path])
    ]
    return [read_file(file, MAX_BUNDLE_BYTES) for file in sorted(found)]


def _report(verdict: ListingVerdict, *, as_json: bool) -> ExitCode:
    if as_json:
        emit_json(verdict.to_dict())
    else:
        from attest.report.listing import listing_screen

        show(listing_screen(verdict))
    if verdict.state == "below-threshold":
        verification = verdict.verification
        is_open = verification is not None and verification.outcome == "inconclusive"
        return ExitCode.INCONCLUSIVE if is_open else ExitCode.NOT_MET
    if verdict.state == "could-not-check":
        return ExitCode.TRY_AGAIN
    return ExitCode.MET if verdict.state == "passed" else ExitCode.NOT_VERIFIED


def _pushed() -> list[str]:
    """The commits that a push would make the heads of refs: lines `OLD NEW REF`."""
    lines = sys.stdin.read(MAX_PUSH_BYTES + 1).splitlines()
    pushes = [line.split(" ", 2) for line in lines]
    if len(lines) > MAX_PUSH_LINES or any(
        len(push) != len(("OLD", "NEW", "REF")) for push in pushes
    ):
        raise InputError(
            f"expected at most {MAX_PUSH_LINES} lines `OLD NEW REF`",
            reason="push",
            where="stdin",
            hint="call this from a pre-receive hook",
        )
    return list(dict.fromkeys(new for _, new, _ in pushes))


def _check_commits(commits: list[str], report: Callable[[Snapshot], ExitCode]) -> ExitCode:
    """Check each commit; the first that does not pass decides what the process says."""
    from attest.hub.doors.git import NO_COMMIT, open_git

    codes = [ExitCode.MET]
    for commit in commits:
        if commit == NO_COMMIT:
            say("a ref is deleted, and nothing of it to check")
            continue
        say(f"commit {commit}")
        codes.append(report(open_git(Path(), commit)))
    return next((code for code in codes if code != ExitCode.MET), ExitCode.MET)


@dataclass(frozen=True)
class _Asking:
    """How a server may be asked."""

    downloads: list[str]
    token_file: Path | None
    unsafe_private: bool

    @contextmanager
    def fetcher(self, origin: str, downloads: Sequence[str]) -> Iterator[Fetcher]:
        """A client for the server at `origin`, and those that it may send on to."""
        from attest.hub.extra import importing

        with importing():
            from attest.hub.fetch import Fetcher, Host

        token = None
        if self.token_file is not None:
            data = read_file(self.token_file, MAX_TOKEN_BYTES)
            token = data.decode("ascii", errors="replace").strip()
        downloads = (*downloads, *self.downloads)
        fetcher = Fetcher(
            [
                Host(origin, self.unsafe_private, downloads, token),
                *(Host(one, self.unsafe_private) for one in downloads if one != origin),
            ]
        )
        try:
            yield fetcher
        finally:
            fetcher.close()


def _from_hub(text: str, hub_url: str | None, asking: _Asking, *, reads_bytes: bool) -> Snapshot:
    from attest.hub.extra import importing

    with importing():
        from attest.hub.doors.huggingface import DOWNLOADS, ORIGIN, open_huggingface

    repository, _, commit = text.partition("@")
    origin = hub_url or ORIGIN
    with asking.fetcher(origin, DOWNLOADS if hub_url is None else ()) as fetcher:
        return open_huggingface(fetcher, repository, commit, origin=origin, reads_bytes=reads_bytes)


def _from_registry(text: str, asking: _Asking, *, reads_bytes: bool) -> Snapshot:
    from attest.hub.extra import importing

    with importing():
        from attest.hub.doors.oci import Reference, open_oci

    reference = Reference.parse(text)
    with asking.fetcher(reference.origin, ()) as fetcher:
        return open_oci(fetcher, reference, reads_bytes=reads_bytes)
