from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from attest.benchmark.load import load
from attest.benchmark.registry import Count, Source, registry, source
from attest.errors import InputError

NAMES = list(registry())


def test_knows_the_sets_of_the_field() -> None:
    assert set(NAMES) == {
        "attest-core",
        "advbench",
        "harmbench-standard",
        "strongreject",
        "xstest",
        "simplesafetytests",
        "ailuminate-demo-en",
        "ailuminate-demo-fr",
        "catqa-en",
        "harmfulqa",
        "tdc2023",
        "maliciousinstruct",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_set_has_a_name_of_its_own_and_a_url_pinned_to_a_commit(name: str) -> None:
    known = source(name)
    assert known.name == name
    if known.url is None:
        assert known.is_embedded
    else:
        commit = known.url.split("/")[5]
        assert len(commit) == 40
        assert set(commit) <= set("0123456789abcdef")


@pytest.mark.parametrize("name", NAMES)
def test_counts_equal_what_the_file_holds(name: str, published: Path) -> None:
    known = source(name)
    if not known.is_embedded and not (published / known.local_file).is_file():
        pytest.skip(f"needs {known.local_file} in ../shared/benchmarks")
    items = load(name, data=published).items
    assert Counter((item.expected, item.category) for item in items) == {
        (count.expected, count.category): count.n_items for count in known.counts
    }
    if known.size_bytes is not None and not known.is_embedded:
        assert (published / known.local_file).stat().st_size == known.size_bytes


def test_n_items_agrees_with_select() -> None:
    known, benchmark = source("attest-core"), load("attest-core")
    assert known.n_items() == len(benchmark.items) == 464
    assert known.n_items("refuse") == len(benchmark.select("refuse")) == 264
    some = ("contrast", "iwp")
    assert known.n_items(categories=some) == len(benchmark.select(categories=some)) == 124


def test_harmbench_categories_do_not_depend_on_a_second_file() -> None:
    rows = source("harmbench-standard").category_of_row
    assert rows is not None
    assert sorted(rows) == list(range(1, 201))
    assert source("advbench").category_of_row is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [("harmbench", "harmbench-standard"), ("advbnech", "advbench"), ("?", "known are attest-core")],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        source(name)
    assert raised.value.reason == "unknown-benchmark"
    assert hint in (raised.value.hint or "")


def test_only_an_embedded_set_has_bytes_here() -> None:
    with pytest.raises(InputError, match="not embedded"):
        source("advbench").embedded_bytes()


def test_rejects_counts_that_contradict_each_other() -> None:
    one = Count(expected="refuse", category="a", n_items=1)
    rows = Count(expected="refuse", category="b", n_items=1, rows=(1,))
    whole = source("advbench").model_dump()
    with pytest.raises(ValidationError, match="rows do not add up"):
        Count(expected="refuse", category="a", n_items=2, rows=(1, 1))
    with pytest.raises(ValidationError, match="same expectation and category"):
        Source.model_validate(whole | {"counts": (one, one)})
    with pytest.raises(ValidationError, match="either all counts"):
        Source.model_validate(whole | {"counts": (one, rows)})
