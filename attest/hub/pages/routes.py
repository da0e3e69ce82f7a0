"""The pages for people, and the badge.

They read the store and the policy, and change nothing. What a visitor asks for is looked up as it
is; it never becomes part of a path or an address that this machine opens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from attest.hub.badge import badge_json, badge_of, badge_svg
from attest.hub.hub import Hub
from attest.hub.pages.coverage import MAX_ROWS, sha256sum_lines
from attest.hub.pages.finding import (
    FindingPage,
    files_of,
    finding_page,
    license_name,
    read_predicate,
)
from attest.hub.pages.rendering import SECURITY_HEADERS, STATIC, Pages
from attest.hub.pages.requirements import requirement_rows
from attest.hub.pages.standing import Shown, show
from attest.hub.pages.wording import WORDINGS
from attest.hub.service.auth import RateLimit
from attest.hub.store import attestations, queries_pages
from attest.hub.store.queries_pages import MAX_HISTORY, PAGE_SIZE, FullVerdict, Standing

MAX_QUERY = 200
"""Longest search, in characters."""
MAX_PAGE = 10_000
SAME_LOOK = timedelta(minutes=1)
"""A check and what was written down of it lie no further apart."""
RECENT = 12
"""Repositories on the first page."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HOST = re.compile(r"[a-z0-9-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,96}(/[A-Za-z0-9_.-]{1,96})?")
_BADGE = {".svg": "image/svg+xml", ".json": "application/json"}
_STATIC = {"hub.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}


def router(hub: Hub) -> APIRouter:
    """The routes of the pages of `hub`."""
    routes = APIRouter(include_in_schema=False)
    visitors = _Visitors(hub)
    for path, answer in (
        ("/", visitors.home),
        ("/search", visitors.search),
        ("/base-models/{name:path}", visitors.base_model),
        ("/r/{host}/{name:path}", visitors.repository),
        ("/verdicts/{key}", visitors.verdict),
        ("/attestations/{sha256}", visitors.attestation),
        ("/listings/{sha256}", visitors.listing),
        ("/badge/{host}/{name:path}", visitors.badge),
        ("/static/{name}", _static),
    ):
        routes.add_api_route(path, answer, methods=["GET", "HEAD"])
    return routes


class _Visitors:
    """Answers to visitors."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pages = Pages(hub)
        self._limit = RateLimit()

    def home(self, request: Request) -> Response:
        """What this hub checks, and what it checked last."""
        self._admit(request)
        with self._hub.store.read() as connection:
            counts = queries_pages.count_by_base_model(connection)
            recent = queries_pages.recent(connection, RECENT)
        return self._pages.page(
            "home.html",
            rules=self._hub.policy.rules.values(),
            license_name=license_name,
            counts=counts,
            recent=self._shown(recent),
        )

    def search(self, request: Request, q: str = "") -> Response:
        """Repositories by name, or everything that bears a hash."""
        self._admit(request)
        asked = q.strip()[:MAX_QUERY]
        digest = asked.lower().removeprefix("sha256:")
        if _SHA256.fullmatch(digest):
            return self._by_digest(asked, digest)
        found: Sequence[Standing] = ()
        if asked and asked.isprintable():
            with self._hub.store.read() as connection:
                found = queries_pages.named_like(connection, asked)
        return self._pages.page(
            "search.html",
            asked=asked,
            repositories=self._shown(found[:PAGE_SIZE]),
            is_more=len(found) > PAGE_SIZE,
        )

    def _by_digest(self, asked: str, digest: str) -> Response:
        with self._hub.store.read() as connection:
            covering = attestations.covering(connection, digest)
            bearing = queries_pages.of_digest(connection, digest)
            names = {one.attestation.sha256 for one in covering.covered_by}
            names |= {one.sha256 for one in bearing}
            found = list(queries_pages.going_by(connection, sorted(names)))
            known = {one.repository_id for one in found}
            found += [
                one
                for one in queries_pages.having_listing(connection, digest)
                if one.repository_id not in known
            ]
            verdict = queries_pages.full_verdict(connection, digest)
        return self._pages.page(
            "hash.html",
            asked=asked,
            digest=digest,
            covering=covering,
            bearing=bearing,
            repositories=self._shown(found),
            verdict=verdict,
        )

    def base_model(self, request: Request, name: str, state: str = "", page: int = 0) -> Response:
        """All derivatives of a base model, and how they stand: the licensor's overview."""
        self._admit(request)
        rule = self._hub.policy.by_base_model.get(name)
        if rule is None or (state and state not in WORDINGS) or not 0 <= page <= MAX_PAGE:
            return self._pages.missing("no such base model in the policy of this hub")
        with self._hub.store.read() as connection:
            counts = queries_pages.count_derivatives(connection, name)
            found = queries_pages.derivatives(connection, name, state=state or None, page=page)
        by_state = {one.state: one.n for one in counts}
        return self._pages.page(
            "base_model.html",
            base_model=name,
            rule=rule,
            license=license_name(rule),
            counts=[(known, by_state[known]) for known in WORDINGS if known in by_state],
            n_all=sum(by_state.values()),
            state=state,
            page=page,
            repositories=self._shown(found[:PAGE_SIZE]),
            is_more=len(found) > PAGE_SIZE,
        )

    def repository(self, request: Request, host: str, name: str) -> Response:
        """How a repository stands, or stood at a commit: `/r/HOST/NAME@COMMIT`."""
        self._admit(request)
        name, _, revision = name.partition("@")
        if not _is_name(host, name) or (revision and not _DIGEST.fullmatch(revision)):
            return self._pages.missing("no such repository")
        with self._hub.store.read() as connection:
            standing = queries_pages.standing(connection, host, name)
            if standing is None:
                return self._pages.missing("no such repository")
            key = standing.verdict
            if revision:
                key = queries_pages.checked_at(connection, standing.repository_id, revision)
                if key is None:
                    return self._pages.missing("no check of this commit")
            history = queries_pages.history(connection, standing.repository_id)
            finding = self._finding(connection, key, host)
        shown = show(standing, self._hub.policy, self._hub.clock())
        is_current = not revision or key == standing.verdict
        again = None
        if finding is not None and standing.at is not None:
            is_later = standing.at > finding.stored.verified_at + SAME_LOOK
            again = standing.at if is_later else None
        return self._pages.page(
            "repository.html",
            looked_again=again,
            shown=shown,
            standing=standing,
            revision=revision or standing.revision,
            is_current=is_current,
            finding=finding,
            history=history[:MAX_HISTORY],
            is_more=len(history) > MAX_HISTORY,
            max_rows=MAX_ROWS,
            badge_at=shown.checkpoint or shown.revision,
        )

    def verdict(self, request: Request, key: str) -> Response:
        """One verdict, which never changes."""
        self._admit(request)
        finding = None
        if _SHA256.fullmatch(key):
            with self._hub.store.read() as connection:
                finding = self._finding(connection, key, None)
        if finding is None:
            return self._pages.missing("no such verdict")
        return self._pages.page("verdict.html", finding=finding, max_rows=MAX_ROWS)

    def attestation(self, request: Request, sha256: str) -> Response:
        """What an attestation said when it verified, and which repositories go by it."""
        self._admit(request)
        if not _SHA256.fullmatch(sha256):
            return self._pages.missing("no such attestation")
        with self._hub.store.read() as connection:
            about = attestations.attestation(connection, sha256)
            bundle = attestations.bundle_of(connection, sha256)
            found = queries_pages.going_by(connection, [sha256])
        if about is None or bundle is None:
            return self._pages.missing("no such attestation")
        predicate = read_predicate(bundle)
        rule = self._hub.policy.rules.get(about.rule)
        is_same = rule is not None and rule.license.sha256 == about.license_sha256
        license = rule.license if rule is not None and is_same else None
        return self._pages.page(
            "attestation.html",
            about=about,
            predicate=predicate,
            requirements=requirement_rows(predicate.verdict.findings, license),
            is_past=about.expires < self._hub.clock(),
            repositories=self._shown(found),
        )

    def listing(self, request: Request, sha256: str) -> Response:
        """The files of a verdict, as `sha256sum` writes them."""
        self._admit(request)
        found = None
        if _SHA256.fullmatch(sha256):
            with self._hub.store.read() as connection:
                found = queries_pages.listing(connection, sha256)
        if found is None:
            return self._pages.missing("no such listing")
        headers = {"Content-Disposition": 'attachment; filename="files.sha256"'}
        return Response(
            sha256sum_lines(files_of(found.files)), headers=headers, media_type="text/plain"
        )

    def badge(self, request: Request, host: str, name: str) -> Response:
        """The badge: `/badge/HOST/NAME.svg`, or `NAME@DIGEST.svg` for one digest alone."""
        self._admit(request)
        suffix = next((one for one in _BADGE if name.endswith(one)), None)
        if suffix is None:
            return self._pages.missing("no such badge; a badge ends in .svg or .json")
        name, _, digest = name.removesuffix(suffix).partition("@")
        standing = None
        if _is_name(host, name) and (not digest or _DIGEST.fullmatch(digest)):
            with self._hub.store.read() as connection:
                standing = queries_pages.standing(connection, host, name)
        shown = None if standing is None else show(standing, self._hub.policy, self._hub.clock())
        badge = badge_of(shown, digest or None)
        # Shown on other people's pages, and never longer than it may be wrong.
        headers = SECURITY_HEADERS | {
            "Cache-Control": "public, max-age=60",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
        }
        text = badge_svg(badge) if suffix == ".svg" else badge_json(badge)
        return Response(text, headers=headers, media_type=_BADGE[suffix])

    def _admit(self, request: Request) -> None:
        visitor = request.client.host if request.client is not None else "unknown"
        self._limit.check(visitor, self._hub.policy.file.limits.requests_per_minute)

    def _shown(self, found: Sequence[Standing]) -> list[Shown]:
        now = self._hub.clock()
        return [show(one, self._hub.policy, now) for one in found]

    def _finding(
        self, connection: sa.Connection, key: str | None, host: str | None
    ) -> FindingPage | None:
        stored: FullVerdict | None = None
        if key is not None:
            stored = queries_pages.full_verdict(connection, key)
        if stored is None:
            return None
        listing = queries_pages.listing(connection, stored.listing_sha256)
        bundle = None
        if stored.attestation is not None:
            bundle = attestations.bundle_of(connection, stored.attestation)
        return finding_page(
            self._hub,
            stored,
            bundle=bundle,
            listing=None if listing is None else listing.files,
            host=host,
        )


def _static(name: str) -> Response:
    """The style sheet and the mark; no other file."""
    if name not in _STATIC:
        return Response(status_code=404)
    headers = SECURITY_HEADERS | {"Cache-Control": "public, max-age=300"}
    return Response((STATIC / name).read_bytes(), headers=headers, media_type=_STATIC[name])


def _is_name(host: str, name: str) -> bool:
    return _HOST.fullmatch(host) is not None and _NAME.fullmatch(name) is not None
