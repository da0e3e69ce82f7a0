"""The YAML of a license, read so that it can mean only one thing.

Every scalar is the text that was written: `0.05` stays a decimal, `2026-01-31` stays text, and
no `no` becomes false. Anchors, aliases, tags, merge keys, duplicate keys and second documents are
refused, so that what a person reads on the page is what counts. JSON is read as the YAML it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from attest.errors import InputError

if TYPE_CHECKING:
    from yaml.events import Event

MAX_DOCUMENT_BYTES = 256 * 1024
"""Longest document that is read; real licenses have under ten thousand bytes."""
MAX_DOCUMENT_VALUES = 32 * 1024
"""Most keys and values that are read, in under a second; the longest revocation list has fewer."""
MAX_DOCUMENT_DEPTH = 16
"""Deepest nesting that is read; the terms nest five levels."""

Node = str | list[Any] | dict[str, Any] | None
"""Text, a list, a mapping, or None for a value that was left open."""

FieldPath = tuple[str | int, ...]
"""Keys and positions that lead from the document to one of its values."""


@dataclass(frozen=True)
class Document:
    """The mapping that a YAML text writes, and where each part of it stands."""

    root: dict[str, Any]
    what: str
    places: Mapping[FieldPath, str] = field(default_factory=dict)
    """`line:column`, both from 1, of every key and list entry."""

    def where(self, path: FieldPath) -> str:
        """The name, line and column of the value at `path`, or of the nearest one around it."""
        while path and path not in self.places:
            path = path[:-1]
        return f"{self.what}:{self.places[path]}" if path else self.what


def parse_document(data: bytes, *, what: str) -> Document:
    """The mapping that the UTF-8 YAML text `data` writes.

    Args:
        data: the bytes of the file.
        what: name of the file, for error messages.

    Raises: InputError with reason `too-large`, `not-utf8`, `not-yaml`, `too-deep`,
        `duplicate-key`, `not-plain-yaml` (anchor, alias, tag, merge key, second document,
        control character) or `schema` (the document is no mapping).
    Source: YAML 1.1 as PyYAML parses it, cut down to what JSON can say.
    """
    import yaml

    if len(data) > MAX_DOCUMENT_BYTES:
        raise InputError(
            f"expected at most {MAX_DOCUMENT_BYTES} bytes, found {len(data)}",
            reason="too-large",
            where=what,
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", reason="not-utf8", where=what
        ) from error
    try:
        return _Composer(yaml.parse(text, Loader=yaml.SafeLoader), what).document()
    except yaml.MarkedYAMLError as error:
        problem = error.problem or error.context or "unreadable"
        where = f"{what}:{_place(error.problem_mark)}" if error.problem_mark else what
        raise InputError(f"not YAML: {problem}", reason="not-yaml", where=where) from error
    except yaml.YAMLError as error:
        message = str(error).splitlines()[0]
        raise InputError(f"not YAML: {message}", reason="not-yaml", where=what) from error


class _Composer:
    """Builds plain values from the event stream of one document."""

    def __init__(self, events: Iterator[Event], what: str) -> None:
        self.events = events
        self.what = what
        self.places: dict[FieldPath, str] = {}
        self.n_values = 0

    def document(self) -> Document:
        from yaml import events

        next(self.events)  # the start of the stream
        first = next(self.events)
        if not isinstance(first, events.DocumentStartEvent):
            self.refuse("expected a mapping, found an empty document", first, "schema")
        start = next(self.events)
        root = self.node(start, (), 0)
        if not isinstance(root, dict):
            self.refuse("expected a mapping", start, "schema")
        next(self.events)  # the end of the document
        last = next(self.events)
        if not isinstance(last, events.StreamEndEvent):
            self.refuse("a second document", last, "not-plain-yaml")
        return Document(root, self.what, self.places)

    def node(self, event: Event, path: FieldPath, depth: int) -> Node:
        from yaml import events

        if depth > MAX_DOCUMENT_DEPTH:
            self.refuse(f"nested deeper than {MAX_DOCUMENT_DEPTH} levels", event, "too-deep")
        self.n_values += 1
        if self.n_values > MAX_DOCUMENT_VALUES:
            self.refuse(f"more than {MAX_DOCUMENT_VALUES} keys and values", event, "too-large")
        if isinstance(event, events.AliasEvent):
            self.refuse(f"an alias, *{event.anchor}", event, "not-plain-yaml")
        assert isinstance(event, (events.ScalarEvent, events.CollectionStartEvent))
        if event.anchor is not None:
            self.refuse(f"an anchor, &{event.anchor}", event, "not-plain-yaml")
        if event.tag is not None:
            self.refuse(f"a tag, {event.tag}", event, "not-plain-yaml")
        if isinstance(event, events.ScalarEvent):
            if any("\ud800" <= character <= "\udfff" for character in event.value):
                self.refuse("a surrogate escape, which has no UTF-8 form", event, "not-utf8")
            if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in event.value):
                # YAML writes these by escapes only, and on a terminal they hide or forge words.
                self.refuse("an escaped control character", event, "not-plain-yaml")
            is_open = event.style is None and event.value in ("", "~", "null")
            return None if is_open else event.value
        if isinstance(event, events.SequenceStartEvent):
            return self.sequence(path, depth)
        return self.mapping(path, depth)

    def sequence(self, path: FieldPath, depth: int) -> list[Any]:
        from yaml import events

        found: list[Any] = []
        while not isinstance(event := next(self.events), events.SequenceEndEvent):
            below = (*path, len(found))
            self.places[below] = _place(event.start_mark)
            found.append(self.node(event, below, depth + 1))
        return found

    def mapping(self, path: FieldPath, depth: int) -> dict[str, Any]:
        from yaml import events

        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), events.MappingEndEvent):
            if not isinstance(event, (events.ScalarEvent, events.AliasEvent)):
                self.refuse("expected a word as key", event, "not-plain-yaml")
            key = self.node(event, path, depth)
            if not isinstance(key, str):
                self.refuse("expected a word as key", event, "not-plain-yaml")
            if key == "<<":
                self.refuse("a merge key, <<", event, "not-plain-yaml")
            if key in found:
                self.refuse(f"key {key!r} appears twice", event, "duplicate-key")
            self.places[(*path, key)] = _place(event.start_mark)
            found[key] = self.node(next(self.events), (*path, key), depth + 1)
        return found

    def refuse(self, message: str, event: Event, reason: str) -> NoReturn:
        hint = "write every value out, in one document" if reason == "not-plain-yaml" else None
        where = f"{self.what}:{_place(event.start_mark)}"
        raise InputError(message, reason=reason, where=where, hint=hint)


class _Mark(Protocol):
    """What the marks of both parsers of PyYAML have."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _place(mark: _Mark | None) -> str:
    assert mark is not None, "this parser marks every event and problem"
    return f"{mark.line + 1}:{mark.column + 1}"


def without_open_values(node: Node) -> Node:
    """The same values without the keys that were left open (`key:`, `~` or `null`)."""
    if isinstance(node, dict):
        return {key: without_open_values(v) for key, v in node.items() if v is not None}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [without_open_values(v) for v in node]
    return node
