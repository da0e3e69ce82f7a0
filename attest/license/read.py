"""From the bytes of a license to its terms, or a complaint that names line, column and field."""

from __future__ import annotations

from pathlib import Path

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.files import read_file
from attest.license.allowance import allowance, is_passable
from attest.license.document import MAX_DOCUMENT_BYTES, Document, parse_document
from attest.license.fit import fit
from attest.license.terms import License, Terms
from attest.license.unpassable import alternatives, explain


def read_license(path: Path) -> License:
    """The license in the file at `path`; see `parse_license`.

    Raises: InputError also with reason `unreadable`.
    """
    return parse_license(read_file(path, MAX_DOCUMENT_BYTES), what=path.name)


def parse_license(data: bytes, *, what: str = "license.yaml") -> License:
    """The terms that `data` writes, with the digest of these very bytes.

    Args:
        data: UTF-8 YAML or JSON.
        what: name of the file, for error messages.

    Raises: InputError with the reasons of `parse_document`, with `schema` if the values do not
        fit the terms, or with `cannot-be-passed` if not even a flawless model could pass.
    """
    document = parse_document(data, what=what)
    terms = fit(document, Terms)
    _check_passable(terms, document)
    return License(terms=terms, sha256=sha256_hex(data))


def _check_passable(terms: Terms, at: Document) -> None:
    for index, requirement in enumerate(terms.requirements):
        if not is_passable(requirement):
            allowed = allowance(requirement)
            raise InputError(
                f"requirement {requirement.id} cannot be passed: {explain(requirement, allowed)}",
                hint=alternatives(requirement, allowed),
                reason="cannot-be-passed",
                where=at.where(("requirements", index)),
            )
