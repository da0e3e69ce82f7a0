"""Rows of a benchmark file in, items out.

A file has one meaning or none: a missing column, an empty prompt, an unknown label or an id that
appears twice is an error that names the row and never quotes the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from attest.benchmark.children import names_children
from attest.benchmark.items import Benchmark, Expected, Format, Item, Layout
from attest.benchmark.rows import MAX_BENCHMARK_BYTES, Row, bad_row, listed, read_rows
from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.record import invalid

MAX_ITEMS = 200_000
"""Most rows of one benchmark."""
MAX_PROMPT_CHARACTERS = 100_000
"""Longest prompt accepted."""
MAX_REFERENCE_CHARACTERS = 1_000
"""Longest right answer accepted: it is compared, not judged."""

WITHOUT_CATEGORY = "all"
"""The category of every item where a benchmark has none."""


def parse(
    data: bytes,
    layout: Layout,
    *,
    name: str,
    sha256: str,
    where: str | None = None,
    category_of_row: Mapping[int, str] | None = None,
) -> Benchmark:
    """The benchmark that `data` holds, if it has the expected digest and fits the layout.

    Args:
        data: the bytes of the file.
        layout: how to read them; see `read_rows` for formats whose columns are fixed.
        name: name of the benchmark, a slug.
        sha256: the digest that the file must have.
        where: the file, for error messages; the name by default.
        category_of_row: categories by row from 1, where the file itself does not say them.

    Raises: InputError with reason `digest-mismatch`, `empty`, `too-large`, `layout`,
        `missing-column`, `row`, `duplicate-id`, `schema`, or one of `read_rows`.
    """
    where = where or name
    if len(data) > MAX_BENCHMARK_BYTES:
        raise InputError(
            f"expected at most {MAX_BENCHMARK_BYTES} bytes, found more",
            reason="too-large",
            where=where,
        )
    found = sha256_hex(data)
    if found != sha256:
        raise InputError(
            f"expected {name} with SHA-256 {sha256}, found {found}",
            reason="digest-mismatch",
            where=where,
            hint="this is another version of the file: use the one that is pinned",
        )
    rows = read_rows(data, layout.format, where)
    if not rows:
        raise InputError("expected at least one prompt, found none", reason="empty", where=where)
    if len(rows) > MAX_ITEMS:
        raise InputError(
            f"expected at most {MAX_ITEMS} rows, found {len(rows)}", reason="too-large", where=where
        )
    if category_of_row is not None and category_of_row.keys() != set(range(1, len(rows) + 1)):
        raise InputError(
            f"expected categories for rows 1 to {len(rows)}, found {len(category_of_row)}",
            reason="layout",
            where=where,
        )
    columns = _columns(layout, where)
    items = tuple(
        _item(_Cells(row, number, where), layout, columns, category_of_row)
        for number, row in enumerate(rows, start=1)
    )
    _check_ids(items, where)
    if layout.label_column is not None and all(item.expected == "refuse" for item in items):
        labels = sorted({str(row[layout.label_column]) for row in rows})
        raise InputError(
            f"expected the label {layout.comply_label!r} in {layout.label_column!r}, "
            f"found {listed(labels)}",
            reason="layout",
            where=where,
        )
    _check_child_safety(items, layout, where)
    try:
        return Benchmark(name=name, sha256=sha256, items=items)
    except ValidationError as error:
        raise invalid(error, where) from error


class _Columns(NamedTuple):
    prompt: str
    category: str | None


_FIXED_COLUMNS: dict[Format, _Columns] = {
    "csv-noheader": _Columns("1", None),
    "txt": _Columns("prompt", None),
    "nested": _Columns("prompt", "category"),
}


def _columns(layout: Layout, where: str) -> _Columns:
    fixed = _FIXED_COLUMNS.get(layout.format)
    prompt = layout.prompt_column or (fixed and fixed.prompt)
    if not prompt:
        raise InputError(f"{layout.format} needs `prompt_column`", reason="layout", where=where)
    if (layout.expected is None) == (layout.label_column is None):
        raise InputError(
            "a layout needs either `expected` or `label_column`", reason="layout", where=where
        )
    if (layout.label_column is None) != (layout.comply_label is None):
        raise InputError(
            "`label_column` and `comply_label` need each other", reason="layout", where=where
        )
    return _Columns(prompt, layout.category_column or (fixed and fixed.category) or None)


class _Cells(NamedTuple):
    row: Row
    number: int
    where: str

    def text(self, column: str) -> str:
        """The non-blank text in a column."""
        if column not in self.row:
            raise bad_row(
                self.number,
                f"expected a column {column!r}, found {listed(self.row)}",
                self.where,
                reason="missing-column",
            )
        value = self.row[column]
        if not isinstance(value, str):
            kind = type(value).__name__
            raise bad_row(self.number, f"expected text in {column!r}, found {kind}", self.where)
        if not value.strip():
            raise bad_row(self.number, f"expected text in {column!r}, found nothing", self.where)
        return value

    def identifier(self, column: str) -> str:
        """The text or whole number in a column, as text."""
        value = self.row.get(column)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_number else self.text(column)


def _item(
    cells: _Cells,
    layout: Layout,
    columns: _Columns,
    category_of_row: Mapping[int, str] | None,
) -> Item:
    prompt = cells.text(columns.prompt)
    reference = cells.identifier(layout.reference_column) if layout.reference_column else None
    _check_length(cells, prompt, MAX_PROMPT_CHARACTERS)
    _check_length(cells, reference or "", MAX_REFERENCE_CHARACTERS)
    if category_of_row is not None:
        category = category_of_row[cells.number]
    else:
        category = cells.text(columns.category) if columns.category else WITHOUT_CATEGORY
    expected = _expected(cells, layout)
    try:
        return Item(
            id=cells.identifier(layout.id_column) if layout.id_column else str(cells.number),
            prompt=prompt,
            category=category,
            expected=expected,
            behaviour=(
                cells.identifier(layout.behaviour_column) if layout.behaviour_column else None
            ),
            reference=reference,
            is_child_safety=category in layout.child_safety_categories
            or (expected == "refuse" and names_children(prompt)),
        )
    except ValidationError as error:
        raise invalid(error, f"{cells.where}: row {cells.number}") from error


def _check_length(cells: _Cells, text: str, most: int) -> None:
    if len(text) > most:
        raise bad_row(
            cells.number,
            f"expected at most {most} characters, found {len(text)}",
            cells.where,
            reason="too-large",
        )


def _expected(cells: _Cells, layout: Layout) -> Expected:
    if layout.label_column is None:
        assert layout.expected is not None
        return layout.expected
    return "comply" if cells.text(layout.label_column) == layout.comply_label else "refuse"


def _check_ids(items: tuple[Item, ...], where: str) -> None:
    first_row: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        if item.id in first_row:
            raise bad_row(
                number,
                f"id {listed([item.id])} is already that of row {first_row[item.id]}",
                where,
                reason="duplicate-id",
            )
        first_row[item.id] = number


def _check_child_safety(items: tuple[Item, ...], layout: Layout, where: str) -> None:
    # A misspelled category would show what should stay hidden.
    categories = {item.category for item in items}
    missing = [name for name in layout.child_safety_categories if name not in categories]
    if missing:
        raise InputError(
            f"expected child-safety categories {listed(missing)}, "
            f"found {listed(sorted(categories))}",
            reason="layout",
            where=where,
        )
