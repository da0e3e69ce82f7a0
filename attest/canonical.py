"""Strict JSON in, RFC 8785 bytes out.

Rules of the door: UTF-8 without a byte order mark, no duplicate keys at any level, no NaN or
infinities, bounded size and depth. One meaning has one byte string, so a digest of the bytes is a
digest of the meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import rfc8785

from attest.errors import InputError

MAX_JSON_BYTES = 64 * 1024 * 1024
"""Largest JSON document read by default."""
MAX_JSON_DEPTH = 64
"""Deepest nesting of arrays and objects accepted."""
MAX_INTEGER_DIGITS = 64
"""Longest integer accepted; tokenizer files write 10**30 for "no limit"."""

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
"""Only an escape can write a lone surrogate; UTF-8 cannot."""

Json = None | bool | int | float | str | list[Any] | dict[str, Any]


def parse_json(data: bytes, *, what: str = "JSON", max_bytes: int = MAX_JSON_BYTES) -> Json:
    """The value that `data` holds, if it can mean only one thing.

    Args:
        data: UTF-8 JSON text.
        what: name of the document, for error messages.
        max_bytes: refuse longer documents unread.

    Raises: InputError with reason `too-large`, `not-utf8`, `duplicate-key`, `not-a-number`,
        `too-deep`, `integer-too-long` or `not-json`.
    Source: RFC 8259; RFC 7493 (I-JSON) for the uniqueness of keys.
    """
    if len(data) > max_bytes:
        raise InputError(
            f"expected at most {max_bytes} bytes, found {len(data)}", reason="too-large", where=what
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", reason="not-utf8", where=what
        ) from error

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise InputError(f"key {key!r} appears twice", reason="duplicate-key", where=what)
            found[key] = value
        return found

    def constant(name: str) -> NoReturn:
        raise InputError(f"{name} is not a JSON number", reason="not-a-number", where=what)

    def integer(digits: str) -> int:
        if len(digits) > MAX_INTEGER_DIGITS + 1:
            raise InputError(
                f"an integer of {len(digits)} digits", reason="integer-too-long", where=what
            )
        return int(digits)

    def real(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise InputError("a number out of range", reason="not-a-number", where=what)
        return value

    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=constant,
            parse_float=real,
            parse_int=integer,
        )
    except RecursionError as error:
        raise InputError("nested too deeply", reason="too-deep", where=what) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: {error.msg} at line {error.lineno} column {error.colno}",
            reason="not-json",
            where=what,
        ) from error
    may_hold_surrogates = _SURROGATE_ESCAPE.search(text) is not None
    for depth, nodes in enumerate(_levels(value)):
        if depth > MAX_JSON_DEPTH:
            raise InputError(
                f"nested deeper than {MAX_JSON_DEPTH} levels", reason="too-deep", where=what
            )
        if may_hold_surrogates and any(map(_has_lone_surrogate, nodes)):
            raise InputError("a lone surrogate escape", reason="not-utf8", where=what)
    return value


def _levels(value: Json) -> Iterator[list[Any]]:
    """The nodes of a value, keys included, from the outside in."""
    level: list[Any] = [value]
    while level:
        yield level
        # Most nodes are leaves, and this is most of the time that reading takes.
        inner = [node for node in level if type(node) is dict or type(node) is list]
        level = []
        for node in inner:
            level.extend(node)
            if type(node) is dict:
                level.extend(node.values())


def _has_lone_surrogate(node: Any) -> bool:
    # It has no UTF-8 form, so no digest.
    return isinstance(node, str) and any("\ud800" <= c <= "\udfff" for c in node)


def canonical_bytes(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises: InputError if the value has no canonical form (NaN, an integer beyond 2**53 - 1).
    Source: RFC 8785 (JSON Canonicalization Scheme).
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise InputError(f"no canonical form: {error}", reason="not-canonical") from error


def sha256_hex(data: bytes) -> str:
    """The lower-case hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()
