"""Which benchmarks are known: each pinned by digest, with its source, license and counts.

The counts let a verifier know how many items a requirement covers without holding the prompts.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.benchmark.items import Expected, Layout
from attest.errors import InputError
from attest.record import Record, RelativePath, Sha256, Slug

_PACKAGE = "attest.benchmark"


class Count(Record):
    """How many items one expectation has in one category."""

    expected: Expected
    category: Annotated[str, Field(min_length=1)]
    n_items: Annotated[int, Field(ge=1)]
    rows: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """The rows of this category, from 1, where the file itself does not say the category."""

    @model_validator(mode="after")
    def _rows_add_up(self) -> Self:
        if self.rows is not None and len(set(self.rows)) != self.n_items:
            raise ValueError("the rows do not add up to the items")
        return self


class Source(Record):
    """Where a benchmark comes from, and what its file must be."""

    name: Slug
    title: str
    version: str
    purpose: Literal["harmful", "mixed", "benign"]
    license: str
    """SPDX identifier, or in words what the publisher states."""
    attribution: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1)] | None = None
    """None where the publisher's file was pinned by digest alone."""
    url: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Pinned to a commit; None for a set embedded in this package."""
    local_file: RelativePath
    """Where `--data DIR` expects the file; for an embedded set, its name in this package."""
    layout: Layout
    counts: Annotated[tuple[Count, ...], Field(min_length=1)]
    content_warning: str | None = None
    note: str | None = None
    """How the pinned file differs from what its name suggests."""

    @model_validator(mode="after")
    def _counts_are_distinct(self) -> Self:
        if len({(count.expected, count.category) for count in self.counts}) < len(self.counts):
            raise ValueError("two counts have the same expectation and category")
        if len({count.rows is None for count in self.counts}) > 1:
            raise ValueError("either all counts name their rows or none does")
        return self

    @property
    def is_embedded(self) -> bool:
        """Whether the prompts ship with this package."""
        return self.url is None

    @property
    def category_of_row(self) -> Mapping[int, str] | None:
        """The category of each row, or None where the file itself says it."""
        if self.counts[0].rows is None:
            return None
        return {row: count.category for count in self.counts for row in count.rows or ()}

    def n_items(
        self, expected: Expected | None = None, categories: tuple[str, ...] | None = None
    ) -> int:
        """How many items `Benchmark.select` would return for the same arguments."""
        return sum(
            count.n_items
            for count in self.counts
            if (expected is None or count.expected == expected)
            and (categories is None or count.category in categories)
        )

    def embedded_bytes(self) -> bytes:
        """The file of an embedded set.

        Raises: InputError if the prompts do not ship with this package.
        """
        if not self.is_embedded:
            raise InputError(f"{self.name} is not embedded in this package", reason="not-embedded")
        return files(_PACKAGE).joinpath(self.local_file).read_bytes()


class _Registry(Record):
    sources: tuple[Source, ...]


@cache
def registry() -> Mapping[str, Source]:
    """All known benchmarks by name, in the order of `registry.json`."""
    data = files(_PACKAGE).joinpath("registry.json").read_bytes()
    sources = _Registry.from_json(data, what="registry.json").sources
    return MappingProxyType({source.name: source for source in sources})


def source(name: str) -> Source:
    """The benchmark of that name.

    Raises: InputError with reason `unknown-benchmark`; the hint lists near names, or all.
    """
    known = registry()
    if name not in known:
        near = [other for other in known if name and name.lower() in other]
        near = near or difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        raise InputError(
            f"expected a known benchmark, found {name!r}",
            reason="unknown-benchmark",
            hint=f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}",
        )
    return known[name]
