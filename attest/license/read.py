"""From the bytes of a license to its terms, or a complaint that names line, column and field."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.license.allowance import allowance
from attest.license.document import (
    MAX_DOCUMENT_BYTES,
    Document,
    FieldPath,
    parse_document,
    without_open_values,
)
from attest.license.terms import License, Terms
from attest.record import Record, invalid


def read_license(path: Path) -> License:
    """The license in the file at `path`; see `parse_license`.

    Raises: InputError also with reason `unreadable`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(path)
        ) from error
    return parse_license(data, what=path.name)


def parse_license(data: bytes, *, what: str = "license.yaml") -> License:
    """The terms that `data` writes, with the digest of these very bytes.

    Args:
        data: UTF-8 YAML or JSON.
        what: name of the file, for error messages.

    Raises: InputError with the reasons of `parse_document`, with `schema` if the values do not
        fit the terms, or with `cannot-be-passed` if not even a flawless model could pass.
    """
    document = parse_document(data, what=what)
    values = without_open_values(document.root)
    try:
        terms = Terms.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(error, document.where(first["loc"])) from error
    _check_spelling(terms, values, (), document)
    _check_passable(terms, document)
    return License(terms=terms, sha256=sha256_hex(data))


def _check_spelling(value: object, text: Any, path: FieldPath, at: Document) -> None:
    # Text is converted leniently (`yes`, `1_000`, `12.0`, seconds since 1970 would all do), so
    # every converted value must be what the author visibly wrote.
    if isinstance(value, Record):
        for name in (field for field in type(value).model_fields if field in text):
            _check_spelling(getattr(value, name), text[name], (*path, name), at)
    elif isinstance(value, tuple):
        for index, (entry, entry_text) in enumerate(zip(value, text, strict=True)):
            _check_spelling(entry, entry_text, (*path, index), at)
    else:
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, (bool, int, date)) and text != plain:
            field = ".".join(map(str, path))
            raise InputError(
                f"{field}: expected {plain}, found {text}", reason="schema", where=at.where(path)
            )


def _check_passable(terms: Terms, at: Document) -> None:
    for index, requirement in enumerate(terms.requirements):
        allowed = allowance(requirement)
        if not allowed.is_passable:
            raise InputError(
                f"requirement {requirement.id} cannot be passed: {allowed.explain()}",
                hint=allowed.alternatives(),
                reason="cannot-be-passed",
                where=at.where(("requirements", index)),
            )
