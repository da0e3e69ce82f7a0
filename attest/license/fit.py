"""From a strict document to the record that it writes, value by value as it is spelled."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError

from attest.errors import InputError
from attest.license.document import Document, FieldPath, without_open_values
from attest.record import Record, invalid

R = TypeVar("R", bound=Record)


def fit(document: Document, kind: type[R]) -> R:
    """The record of `kind` that `document` writes.

    Raises: InputError with reason `schema` that names line, column and field.
    """
    values = without_open_values(document.root)
    try:
        record = kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(error, document.where(first["loc"])) from error
    _check_spelling(record, values, (), document)
    return record


def _check_spelling(value: object, text: Any, path: FieldPath, at: Document) -> None:
    # Text is converted leniently (`yes`, `1_000`, `12.0`, seconds since 1970 would all do), so
    # every converted value must be what the author visibly wrote.
    if isinstance(value, Record):
        for name in (field for field in type(value).model_fields if field in text):
            _check_spelling(getattr(value, name), text[name], (*path, name), at)
    elif isinstance(value, dict):
        for key, entry in value.items():
            _check_spelling(entry, text[key], (*path, key), at)
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
