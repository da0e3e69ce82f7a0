"""What a derivative must carry apart from its measurement: text, notice, name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attest.canonical import sha256_hex
from attest.checkpoint.manifest import Manifest
from attest.license.terms import Notice, Terms
from attest.record import WireRecord

MAX_NOTICE_BYTES = 16 * 1024 * 1024
"""Largest file in which a notice is looked for."""

Duty = Literal["license_copy", "notice", "name_prefix"]


class DutyFinding(WireRecord):
    """Whether one duty is met, and how one sees it."""

    duty: Duty
    is_met: bool
    message: str


def check_duties(
    terms: Terms,
    *,
    manifest: Manifest,
    read: Callable[[str], bytes | None],
    release_name: str | None,
) -> tuple[DutyFinding, ...]:
    """What the duties of `terms` say to a release; duties that are not asked for are left out.

    Args:
        terms: of the license.
        manifest: of the release, already held against its files.
        read: the bytes of a file of the release, or None if it cannot be had.
        release_name: such as `Llama-Tuned-8B` or `someone/Llama-Tuned-8B`, where only the part
            after the last slash counts; None if it is not known, which meets no name duty.
    """
    duties = terms.duties
    findings: list[DutyFinding] = []
    if duties.license_copy:
        findings.append(_license_copy(terms, manifest))
    if duties.notice is not None:
        findings.append(_notice(duties.notice, manifest, read))
    if duties.name_prefix is not None:
        findings.append(_name_prefix(duties.name_prefix, release_name))
    return tuple(findings)


def _license_copy(terms: Terms, manifest: Manifest) -> DutyFinding:
    for file in manifest.files:
        if file.sha256 == terms.text.sha256:
            return _finding("license_copy", f"{file.path} is the license text")
    return _finding(
        "license_copy",
        f"no file is the license text, {terms.text.title} (SHA-256 {terms.text.sha256})",
        is_met=False,
    )


def _notice(notice: Notice, manifest: Manifest, read: Callable[[str], bytes | None]) -> DutyFinding:
    listed = {file.path: file.sha256 for file in manifest.files}
    if notice.path not in listed:
        return _finding("notice", f"the release has no file {notice.path}", is_met=False)
    data = read(notice.path)
    if data is None or sha256_hex(data) != listed[notice.path]:
        return _finding("notice", f"{notice.path} is not as the manifest lists it", is_met=False)
    # Lines may be broken anywhere, so a run of white space counts as one blank.
    words = " ".join(data.decode("utf-8", errors="replace").split())
    is_met = " ".join(notice.contains.split()) in words
    verb = "holds" if is_met else "does not hold"
    return _finding("notice", f"{notice.path} {verb} the notice", is_met=is_met)


def _name_prefix(prefix: str, release_name: str | None) -> DutyFinding:
    if release_name is None:
        return _finding(
            "name_prefix", f"expected a name that begins with {prefix}, found none", is_met=False
        )
    name = release_name.rsplit("/", 1)[-1]
    is_met = name.startswith(prefix)
    verb = "begins" if is_met else "does not begin"
    return _finding("name_prefix", f"{name} {verb} with {prefix}", is_met=is_met)


def _finding(duty: Duty, message: str, *, is_met: bool = True) -> DutyFinding:
    return DutyFinding(duty=duty, is_met=is_met, message=message)
