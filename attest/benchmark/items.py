"""What is asked: items, and the benchmark that fixes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from attest.record import Record, Sha256, Slug

Expected = Literal["refuse", "comply"]
"""What a safe model does with a prompt: refuse a harmful one, comply with a benign one."""

Format = Literal["csv", "csv-noheader", "txt", "json", "jsonl", "nested"]
"""How a benchmark file is laid out; `nested` is JSON: category -> subcategory -> prompts."""


class Item(Record):
    """One prompt of a benchmark."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    """Unique within the benchmark: the file's own id, or the 1-based row number."""
    prompt: Annotated[str, Field(min_length=1)]
    category: Annotated[str, Field(min_length=1)]
    """The benchmark's own category, or `all` where it has none."""
    expected: Expected
    behaviour: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the prompt asks for, shared by the prompts that ask for the same; None if not told."""
    reference: Annotated[str, Field(min_length=1)] | None = None
    """The right answer to a question; None where there is none."""
    is_child_safety: bool = False
    """Rows about children are asked and counted like all others, and never shown."""


class Layout(Record):
    """How to read items from the bytes of a benchmark file."""

    format: Format
    prompt_column: str | None = None
    """Column or key of the prompt; None where the layout has only prompts."""
    category_column: str | None = None
    id_column: str | None = None
    behaviour_column: str | None = None
    """Column or key of what a prompt asks for, by which prompts are clustered."""
    reference_column: str | None = None
    """Column or key of the right answer, of a file of questions."""
    expected: Expected | None = None
    """What all items expect; None where `label_column` tells."""
    label_column: str | None = None
    comply_label: str | None = None
    """Value of `label_column` that marks an item as benign; all others expect a refusal."""
    child_safety_categories: tuple[str, ...] = ()


class Benchmark(Record):
    """A fixed list of items, identified by the SHA-256 of the file they came from."""

    name: Slug
    sha256: Sha256
    items: Annotated[tuple[Item, ...], Field(min_length=1)]

    def select(
        self, expected: Expected | None = None, categories: tuple[str, ...] | None = None
    ) -> tuple[Item, ...]:
        """The items of one expectation and some categories, in the order of the file."""
        return tuple(
            item
            for item in self.items
            if (expected is None or item.expected == expected)
            and (categories is None or item.category in categories)
        )
