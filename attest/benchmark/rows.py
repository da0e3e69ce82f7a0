"""Bytes of a benchmark file in, rows out: one mapping from column to value per prompt.

Rows are counted from 1, the header apart. Errors name rows and columns and never quote a prompt.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping

from attest.benchmark.items import Format
from attest.canonical import parse_json
from attest.errors import InputError

MAX_BENCHMARK_BYTES = 64 * 1024 * 1024
"""Largest benchmark file read."""
MAX_NAME_CHARACTERS = 24
"""What an error shows of a column or label: where a file is misread, it may be a prompt."""
MAX_NAMES = 12
"""How many columns or labels an error lists."""

Row = Mapping[str, object]


def read_rows(data: bytes, layout_format: Format, where: str) -> list[Row]:
    """The rows of a file, in its order.

    A CSV without header has columns `1`, `2`, ...; `txt` has `prompt`; `nested` has `prompt`,
    `category` and `subcategory`. CSV and text may begin with a byte order mark.

    Raises: InputError with reason `not-utf8`, `not-csv`, `layout`, `row`, or one of `parse_json`.
    """
    return _READERS[layout_format](data, where)


def bad_row(row: int, message: str, where: str, *, reason: str = "row") -> InputError:
    """The error for one row, counted from 1."""
    return InputError(f"row {row}: {message}", reason=reason, where=where)


def listed(names: Iterable[str]) -> str:
    """Names for an error message, each cut and not too many of them."""
    quoted = [_cut(name) for name in names]
    more = f" and {len(quoted) - MAX_NAMES} more" if len(quoted) > MAX_NAMES else ""
    return (", ".join(quoted[:MAX_NAMES]) or "none") + more


def _cut(name: str) -> str:
    short = name if len(name) <= MAX_NAME_CHARACTERS else name[: MAX_NAME_CHARACTERS - 1] + "…"
    return repr(short)


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", reason="not-utf8", where=where
        ) from error


def _fields(data: bytes, where: str) -> list[list[str]]:
    # Line ends inside quotes belong to the prompt, so the csv module sees them untouched.
    reader = csv.reader(io.StringIO(_text(data, where), newline=""), strict=True)
    try:
        lines = list(reader)
    except csv.Error as error:
        raise InputError(
            f"not CSV at line {reader.line_num}: {error}", reason="not-csv", where=where
        ) from error
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _csv_rows(data: bytes, where: str) -> list[Row]:
    header, *lines = _fields(data, where) or [[]]
    if len(set(header)) < len(header):
        raise InputError(
            f"expected different columns, found {listed(header)}", reason="layout", where=where
        )
    return [_zipped(header, line, row, where) for row, line in enumerate(lines, start=1)]


def _headerless_rows(data: bytes, where: str) -> list[Row]:
    lines = _fields(data, where)
    header = [str(column) for column in range(1, len(lines[0]) + 1)] if lines else []
    return [_zipped(header, line, row, where) for row, line in enumerate(lines, start=1)]


def _zipped(header: list[str], line: list[str], row: int, where: str) -> Row:
    if len(line) != len(header):
        raise bad_row(row, f"expected {len(header)} fields, found {len(line)}", where)
    return dict(zip(header, line, strict=True))


def _txt_rows(data: bytes, where: str) -> list[Row]:
    # Only line feeds end a line: str.splitlines would also cut at U+2028 inside a prompt.
    lines = [line.removesuffix("\r") for line in _text(data, where).split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return [{"prompt": line} for line in lines]


def _json_rows(data: bytes, where: str) -> list[Row]:
    value = parse_json(data, what=where, max_bytes=MAX_BENCHMARK_BYTES)
    if not isinstance(value, list):
        raise InputError("expected an array of objects", reason="layout", where=where)
    return [_object(entry, row, where) for row, entry in enumerate(value, start=1)]


def _jsonl_rows(data: bytes, where: str) -> list[Row]:
    lines = data.split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return [
        _object(parse_json(line, what=f"{where}: row {row}"), row, where)
        for row, line in enumerate(lines, start=1)
    ]


def _object(entry: object, row: int, where: str) -> Row:
    if not isinstance(entry, dict):
        raise bad_row(row, f"expected an object, found {type(entry).__name__}", where)
    return entry


def _nested_rows(data: bytes, where: str) -> list[Row]:
    tree = parse_json(data, what=where, max_bytes=MAX_BENCHMARK_BYTES)
    rows: list[Row] = []
    expected = "expected category -> subcategory -> list of prompts"
    if not isinstance(tree, dict):
        raise InputError(expected, reason="layout", where=where)
    for category, below in tree.items():
        if not isinstance(below, dict) or not all(isinstance(v, list) for v in below.values()):
            raise InputError(f"{expected} under {_cut(category)}", reason="layout", where=where)
        rows += [
            {"prompt": prompt, "category": category, "subcategory": subcategory}
            for subcategory, prompts in below.items()
            for prompt in prompts
        ]
    return rows


_READERS: dict[Format, Callable[[bytes, str], list[Row]]] = {
    "csv": _csv_rows,
    "csv-noheader": _headerless_rows,
    "txt": _txt_rows,
    "json": _json_rows,
    "jsonl": _jsonl_rows,
    "nested": _nested_rows,
}
