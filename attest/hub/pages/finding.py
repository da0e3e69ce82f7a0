"""A verdict as its page tells it: in one sentence, in tables, and what it does not say."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Predicate, Statement
from attest.hub.hub import Hub
from attest.hub.pages.coverage import FileRow, file_rows
from attest.hub.pages.requirements import RequirementRow, requirement_rows
from attest.hub.pages.wording import WORDINGS, Wording
from attest.hub.policy import Rule
from attest.hub.store.queries_pages import FullVerdict
from attest.report.verification import replay_lines
from attest.verification.listings import Checked, FileDigests, ListingVerdict
from attest.verification.records import LEVELS, Verification
from attest.verification.states import State

_BELIEVED: frozenset[State] = frozenset(
    {"passed", "below-threshold", "files-changed", "partly-covered", "outdated", "withdrawn"}
)
"""States in which somebody known did sign what the attestation says of its files."""


@dataclass(frozen=True)
class FindingPage:
    """All that a page says of one verdict."""

    stored: FullVerdict
    verdict: ListingVerdict
    wording: Wording
    headline: str
    checked_how: str
    """A second sentence: who checked it, when, against what."""
    rule: Rule | None
    """None if the policy has no such rule any more, or another license under its name."""
    requirements: tuple[RequirementRow, ...]
    files: tuple[FileRow, ...]
    """Empty where the listing was asked about and not kept."""
    predicate: Predicate | None
    """What the attestation says, where it is stored and somebody known signed it."""
    is_bundle_stored: bool
    """Whether the attestation can be had here: it can if it ever verified."""
    not_said: tuple[str, ...]
    replayed: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def verification(self) -> Verification | None:
        """Every step that was taken."""
        return self.verdict.verification

    @property
    def is_signer_known(self) -> bool:
        """Whether somebody known did sign it, as far as the check went."""
        return self.verdict.state in _BELIEVED

    @property
    def level(self) -> str | None:
        """The level that was reached, with its name."""
        level = None if self.verification is None else self.verification.level
        return None if level is None else f"{level}, {LEVELS[level]}"


def finding_page(
    hub: Hub,
    stored: FullVerdict,
    *,
    bundle: bytes | None,
    listing: str | None,
    host: str | None,
) -> FindingPage:
    """The page of a verdict.

    Args:
        hub: whose verdict it is.
        stored: the verdict.
        bundle: the attestation that was gone by, if the store has it: it verified then.
        listing: canonical JSON of the files, if the store has it.
        host: short name of where the files lie; None for a listing that somebody sent.
    """
    verdict = ListingVerdict.model_validate_json(stored.record)
    rule = hub.policy.rules.get(stored.rule)
    if rule is not None and rule.license.sha256 != stored.license_sha256:
        rule = None
    predicate = None
    if bundle is not None and verdict.state in _BELIEVED:
        predicate = read_predicate(bundle)
    verification = verdict.verification
    findings = () if verification is None else verification.findings
    replay = None if verification is None else verification.replay
    return FindingPage(
        stored=stored,
        verdict=verdict,
        wording=WORDINGS[verdict.state],
        headline=headline(verdict, predicate, rule),
        checked_how=checked_how(verdict, stored.verified_at, hub.policy.file.name, host),
        rule=rule,
        requirements=requirement_rows(findings, None if rule is None else rule.license),
        files=()
        if listing is None
        else file_rows(
            files_of(listing),
            None if predicate is None else predicate.evaluation.manifest,
            verdict,
        ),
        predicate=predicate,
        is_bundle_stored=bundle is not None,
        not_said=not_said(verdict, predicate),
        replayed=() if replay is None else tuple(replay_lines(replay)),
        commands=commands(
            hub.policy.file.url, stored, verdict, rule=rule, has_bundle=bundle is not None
        ),
    )


def files_of(listing: str) -> dict[str, FileDigests]:
    """The files of a listing as it is stored."""
    values: Mapping[str, Mapping[str, object]] = json.loads(listing)
    return {path: FileDigests.model_validate(value) for path, value in values.items()}


def read_predicate(bundle: bytes) -> Predicate:
    """What a bundle says that verified when it was stored."""
    payload = open_bundle(bundle).dsse_envelope.payload
    return Statement.from_json(payload, what="statement").predicate


def headline(verdict: ListingVerdict, predicate: Predicate | None, rule: Rule | None) -> str:
    """What was found, in one plain sentence."""
    named = "the license" if rule is None else license_name(rule)
    result = verdict.verification
    match verdict.state:
        case "passed" | "below-threshold" if result is not None:
            return _measured(result, predicate, named, is_met=verdict.state == "passed")
        case "files-changed":
            return (
                "The files are not those that were measured: "
                f"{verdict.covered} of {verdict.total} are as attested under {named}."
            )
        case "partly-covered":
            return (
                f"{verdict.covered} of {verdict.total} files are as attested under {named}, and "
                "something that may be loaded was not measured."
            )
        case "unexpected-signer":
            return f"There is an attestation, signed by nobody who may speak for {named}."
        case "invalid-signature":
            return (
                "There is an attestation, and it does not hold: its signature, its form or its "
                "arithmetic is wrong."
            )
        case "outdated":
            return f"The attestation has expired, or was made under another version of {named}."
        case "withdrawn":
            return (
                "It was withdrawn: the attestation, its key, the checkpoint or the license was "
                "revoked."
            )
        case "no-attestation":
            return f"Nobody has shown that these files meet {named}."
        case _:
            return "The check could not be made, so nothing is said of these files."


def _measured(
    result: Verification, predicate: Predicate | None, named: str, *, is_met: bool
) -> str:
    who = " and ".join(signer_names(result)) or "Whoever holds the trusted key"
    if result.believed_as is not None:
        who = f"The {result.believed_as} {who}"
    on = ""
    if predicate is not None:
        used = [use.name for use in predicate.evaluation.benchmarks]
        on = f" on {_listed(used)}"
    when = "" if result.issued is None else f", signed {result.issued:%d %B %Y}".replace(" 0", " ")
    n_all = len(result.findings)
    n_met = sum(one.outcome == "pass" for one in result.findings)
    unmet = [one for one in result.duties if not one.is_met]
    said = f"{n_met} of {n_all} thresholds of {named} are met"
    if unmet:
        said += f", and {len(unmet)} of {len(result.duties)} duties are not"
    elif not is_met:
        missed = [one.requirement for one in result.findings if one.outcome != "pass"]
        verb = "is" if len(missed) == 1 else "are"
        shown = "shown to be met" if result.outcome == "inconclusive" else "met"
        said += f"; {_listed(list(dict.fromkeys(missed)))} {verb} not {shown}"
    return f"{who} measured these exact files{on}{when}: {said}."


def checked_how(
    verdict: ListingVerdict, verified_at: datetime, hub_name: str, host: str | None
) -> str:
    """Who checked it, when, and against what."""
    where = "somebody" if host is None else host
    against: dict[Checked, str] = {
        "listed-hash": f"the hashes that {where} lists",
        "served-bytes": f"the bytes that {where} serves",
        "replay": "the answers, replayed through the weights",
    }
    return f"{hub_name} checked this on {moment(verified_at)} against {against[verdict.checked]}."


def not_said(verdict: ListingVerdict, predicate: Predicate | None) -> tuple[str, ...]:
    """What a reader could take it to say, and it does not."""
    said = [
        "That the model is safe. It says what was measured, on these prompts and no others.",
    ]
    if verdict.checked == "listed-hash":
        said.append(
            "That the bytes you download are these. Hashes were compared as they are listed; hash "
            "what you have with the command below."
        )
    if verdict.checked != "replay" and verdict.verification is not None:
        said.append(
            "That the answers are the model's own. The counts are the signer's word; replaying the "
            "answers through the weights shows it (levels 3 and 4)."
        )
    if predicate is not None and predicate.assurance_level == "self_attested":
        said.append("That anybody but the publisher measured it.")
    said.append(
        "Anything of triggers that nobody knows, of changes made after loading, of quantised or "
        "merged copies, or of behavior behind another system prompt."
    )
    return tuple(said)


def commands(
    hub_url: str,
    stored: FullVerdict,
    verdict: ListingVerdict,
    *,
    rule: Rule | None,
    has_bundle: bool,
) -> tuple[str, ...]:
    """What gives the same verdict on a machine without a network connection to this hub.

    License and trust file are the reader's own: nothing that comes from here chooses them.
    """
    url = hub_url.rstrip("/")
    lines = [f"curl -o files.sha256 {shlex.quote(f'{url}/listings/{stored.listing_sha256}')}"]
    check = "attest hub check --listing files.sha256"
    if has_bundle and verdict.bundle_sha256 is not None:
        bundle = f"{url}/v1/attestations/{verdict.bundle_sha256}/bundle"
        lines.append(f"curl -o attestation.sigstore.json {shlex.quote(bundle)}")
        check += " --bundle attestation.sigstore.json"
    check += " --license license.yaml --trust trust.yaml"
    if rule is not None and rule.entry.revocations is not None:
        check += " --revocations revocations.yaml"
    lines.append(check)
    return tuple(lines)


def license_name(rule: Rule) -> str:
    """The license of a rule with its version."""
    return f"{rule.license.terms.name} {rule.license.terms.license_version}"


def signer_names(result: Verification) -> list[str]:
    """Everybody who signed, as the trust file calls them."""
    return list(dict.fromkeys(name for one in result.signers for name in one.names))


def moment(at: datetime) -> str:
    """A time as a person reads it, in UTC."""
    return f"{at:%d %B %Y, %H:%M} UTC".removeprefix("0")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
