"""What the hub finds of some files under a rule of its policy, and what follows for the upload."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from attest.canonical import canonical_bytes, sha256_hex
from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.hub.doors.snapshot import Snapshot
from attest.hub.policy import Action, Depth, Rule
from attest.verification.listings import Checked, FileDigests, ListingVerdict, verify_listing
from attest.version import __version__

VERIFIER = f"attest {__version__}"

CACHE_BYTES = 64 * 1024 * 1024
"""Most that a process remembers of what it found."""
CACHE_AGE = timedelta(seconds=60)
"""How long: attestations and trust files expire by themselves."""

_LISTING = TypeAdapter(dict[str, FileDigests])

_DEPTHS: tuple[Depth, ...] = ("listed-hash", "served-bytes", "replay")


@dataclass(frozen=True)
class Judgement:
    """A verdict on some files, under a rule."""

    key: str
    """Names the verdict; see `verdict_key`."""
    rule: Rule
    listing_sha256: str
    """Of the files as canonical JSON."""
    verdict: ListingVerdict
    verified_at: datetime
    action: Action
    record: str
    """The verdict as JSON, absent fields left out."""
    verifier: str = VERIFIER

    @property
    def wants_more(self) -> bool:
        """True if it passed, and the rule asks for a deeper check."""
        verdict = self.verdict
        return verdict.state == "passed" and not is_deep_enough(
            self.rule.entry.level, verdict.checked
        )


def listing_values(files: Mapping[str, FileDigests]) -> dict[str, dict[str, Any]]:
    """A listing as JSON values; what is not known is left out."""
    values: dict[str, dict[str, Any]] = _LISTING.dump_python(
        dict(files), mode="json", by_alias=True, exclude_none=True
    )
    return values


def weights_of(files: Mapping[str, FileDigests]) -> list[str]:
    """SHA-256 of the files that hold weights: by them attestations are looked up.

    Tokenizers and configurations are the same in thousands of derivatives.
    """
    return [
        digests.sha256
        for path, digests in files.items()
        if digests.sha256 is not None and role_of(path) == "weights"
    ]


def inputs_digest(rule: Rule, listing: str, bundles: Iterable[str], checked: Checked) -> str:
    """SHA-256 over everything that decides a verdict, apart from the time.

    Args:
        rule: with its license and whom it believes.
        listing: SHA-256 of the files as canonical JSON.
        bundles: SHA-256 of each attestation.
        checked: what the digests rest on.
    """
    return sha256_hex(
        canonical_bytes(
            {
                "listing": listing,
                "bundles": sorted(set(bundles)),
                "license": rule.license.sha256,
                "trust": rule.trust_version,
                "verifier": VERIFIER,
                "checked": checked,
            }
        )
    )


def verdict_key(inputs: str, verdict: ListingVerdict) -> str:
    """The name of a verdict: what it was found from, its state, and what speaks against a pass.

    The state belongs to it because time alone turns one that passed into one that is outdated,
    and both are to be in the history.
    """
    return sha256_hex(
        canonical_bytes(
            {"inputs": inputs, "state": verdict.state, "problems": list(verdict.problems)}
        )
    )


def action_of(rule: Rule, verdict: ListingVerdict) -> Action:
    """What the policy says to do with an upload of which this was found.

    Before a check is as deep as the rule asks, and whenever none could be made, it is held.
    """
    entry = rule.entry
    if verdict.state == "no-attestation":
        return entry.unattested
    if verdict.state == "could-not-check":
        return "hold"
    if verdict.state != "passed" or not _is_believed(rule, verdict):
        return entry.failed
    return "allow" if is_deep_enough(entry.level, verdict.checked) else "hold"


def is_deep_enough(asked: Depth, checked: Checked) -> bool:
    """True if a check of this kind is what was asked for, or more."""
    return _DEPTHS.index(checked) >= _DEPTHS.index(asked)


def _is_believed(rule: Rule, verdict: ListingVerdict) -> bool:
    verification = verdict.verification
    return verification is not None and verification.believed_as in rule.entry.roles


class Judge:
    """Judges files, and remembers listings for a while. Safe to share by threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Judgement] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def listing(
        self,
        rule: Rule,
        files: Mapping[str, FileDigests],
        bundles: Mapping[str, Callable[[], bytes]],
    ) -> Judgement:
        """What is found of a listing by itself.

        Args:
            rule: of the policy.
            files: all files of the release, as somebody lists them.
            bundles: how to get each attestation, by its SHA-256; called only if the same question
                was not answered a moment ago.

        Raises: InputError if the listing has no canonical form.
        """
        now = self._clock()
        listing = listing_digest(files)
        inputs = inputs_digest(rule, listing, bundles, "listed-hash")
        with self._lock:
            known = self._known.get(inputs)
            # The action is by the rule as it was then, and another one may share its license.
            if known is not None and known.rule is rule and now - known.verified_at < CACHE_AGE:
                self._known.move_to_end(inputs)
                return known
        data = [load() for load in bundles.values()]
        verdict = verify_listing(files, data, rule.license, rule.trust, now)
        judgement = _judgement(rule, listing, inputs, verdict, now)
        with self._lock:
            before = self._known.pop(inputs, None)
            self._size_bytes -= 0 if before is None else len(before.record)
            self._known[inputs] = judgement
            self._size_bytes += len(judgement.record)
            while self._size_bytes > CACHE_BYTES:
                _, forgotten = self._known.popitem(last=False)
                self._size_bytes -= len(forgotten.record)
        return judgement

    def snapshot(self, rule: Rule, snapshot: Snapshot, further: Mapping[str, bytes]) -> Judgement:
        """What is found of a snapshot, whose small files were read as well.

        Args:
            rule: of the policy.
            snapshot: as a door gave it, with the attestations that came with it.
            further: attestations from elsewhere, by their SHA-256.
        """
        now = self._clock()
        verdict = snapshot.check(rule.license, rule.trust, now, further=list(further.values()))
        listing = listing_digest(snapshot.files)
        bundles = [*map(sha256_hex, snapshot.bundles.values()), *further]
        inputs = inputs_digest(rule, listing, bundles, snapshot.checked)
        return _judgement(rule, listing, inputs, verdict, now)


def listing_digest(files: Mapping[str, FileDigests]) -> str:
    """SHA-256 of a listing as canonical JSON."""
    return sha256_hex(canonical_bytes(listing_values(files)))


def _judgement(
    rule: Rule, listing: str, inputs: str, verdict: ListingVerdict, now: datetime
) -> Judgement:
    return Judgement(
        key=verdict_key(inputs, verdict),
        rule=rule,
        listing_sha256=listing,
        verdict=verdict,
        verified_at=now,
        action=action_of(rule, verdict),
        record=verdict.model_dump_json(by_alias=True, exclude_none=True),
    )


def check_size(files: Mapping[str, FileDigests], *, max_files: int, max_bytes: int) -> None:
    """Ensure that a listing is not larger than an uploader may ask to have checked.

    Raises: InputError with reason `too-many` or `too-large`.
    """
    if len(files) > max_files:
        raise InputError(
            f"expected at most {max_files} files, found {len(files)}", reason="too-many"
        )
    size_bytes = sum(digests.size_bytes or 0 for digests in files.values())
    if size_bytes > max_bytes:
        raise InputError(
            f"expected files of at most {max_bytes} bytes, found {size_bytes}", reason="too-large"
        )
