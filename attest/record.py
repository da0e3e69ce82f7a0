"""What all records share: frozen, closed, and read from JSON in exactly one way."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from attest.canonical import MAX_JSON_BYTES, canonical_bytes, parse_json
from attest.errors import InputError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal characters."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
"""A short lower-case name that is safe in a file name and a URL."""


def _relative_path(path: str) -> str:
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise ValueError("expected a relative path without empty, '.' or '..' parts")
    if "\\" in path or _has_control(path):
        raise ValueError("expected a path without backslashes or control characters")
    return path


def _has_control(text: str) -> bool:
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(c).startswith("C") for c in text)


RelativePath = Annotated[str, AfterValidator(_relative_path)]
"""A path below the checkpoint folder, with `/` separators, exactly as on disk."""

_DECIMAL = re.compile(r"^(0(\.[0-9]{1,12})?|1(\.0{1,12})?)$")


def _decimal_rate(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a decimal in [0, 1] written out, such as 0.05")
    return text


Rate = Annotated[str, AfterValidator(_decimal_rate)]
"""A rate in [0, 1] as a decimal string, because binary floats round: 0.07 * 100 > 7."""


def exact(rate: Rate) -> Fraction:
    """The rational number that a decimal string writes."""
    return Fraction(rate)


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    # A validator is built when it is first used: a command loads far more records than it reads.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    @classmethod
    def from_json(cls, data: bytes, *, what: str, max_bytes: int = MAX_JSON_BYTES) -> Self:
        """The record that `data` holds.

        Raises: InputError if `data` is not strict JSON or does not fit the record.
        """
        parse_json(data, what=what, max_bytes=max_bytes)
        try:
            # By alias alone: a field has one spelling, so a document has one reading.
            return cls.model_validate_json(data, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            raise invalid(error, what) from error

    def to_json(self) -> bytes:
        """The RFC 8785 bytes of this record, absent fields left out."""
        return canonical_bytes(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """This record as plain JSON values, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class WireRecord(Record):
    """A record whose JSON has the lowerCamelCase names of in-toto and Sigstore."""

    model_config = ConfigDict(alias_generator=to_camel)


def invalid(error: ValidationError, what: str) -> InputError:
    """A pydantic complaint in one line that names the first field at fault."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the document"
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    return InputError(f"{field}: {first['msg']}{more}", reason="schema", where=what)
