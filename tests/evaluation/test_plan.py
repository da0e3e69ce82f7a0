"""What is asked follows from the terms: whom, how, how often and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attest.benchmark.probes import probe
from attest.errors import InputError
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.plan import Asked, asked, by_setting, is_drawn
from attest.evaluation.records import ItemName
from attest.license.terms import Terms
from probed import requirement
from small import LAYOUT, make_license

GRID = probe("decoding-grid-1")
TURNS = probe("multi-turn-1")


def terms_of(folder: Path, *requirements: dict[str, Any], **changes: Any) -> Terms:
    benchmark = {"name": "private", "sha256": _sha256(folder), "layout": LAYOUT}
    changes.setdefault(
        "probes", [{"name": one.name, "sha256": one.sha256} for one in (GRID, TURNS)]
    )
    return make_license(
        folder,
        requirements=[{**one, "benchmark": benchmark} for one in requirements],
        **changes,
    ).license.terms


def _sha256(folder: Path) -> str:
    return make_license(folder).license.terms.requirements[0].benchmark.sha256


def questions(folder: Path, *requirements: dict[str, Any]) -> tuple[Asked, ...]:
    terms = terms_of(folder, *requirements)
    return asked(terms, load_benchmarks(terms, folder / "data"))


def test_an_item_that_two_requirements_put_the_same_way_is_asked_once(tmp_path: Path) -> None:
    found = questions(
        tmp_path,
        requirement(0),
        requirement(1, metric="degenerate_rate"),
        requirement(2, probe=TURNS.name),
    )

    assert len(found) == 12
    assert len({one.name for one in found}) == 12
    assert {one.probe.name for one in found} == {"plain", TURNS.name}


def test_only_what_is_compared_is_asked_of_the_base(tmp_path: Path) -> None:
    compared = {"rule": "non_inferiority", "margin": "0.9", "confidence": "0.9", "threshold": None}
    found = questions(
        tmp_path,
        requirement(0, categories=["fraud"]),
        requirement(1, probe=GRID.name),
        requirement(2, probe=GRID.name, **compared),
    )

    assert [one.subject for one in found] == ["checkpoint"] * 30 + ["base"] * 24
    own, base = found[6:30], found[30:]
    assert [(one.item, one.probe, one.attempt) for one in own] == [
        (one.item, one.probe, one.attempt) for one in base
    ]


def test_only_questions_of_one_setting_share_a_batch(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, requirement(0), requirement(1, probe=GRID.name))
    found = asked(terms, load_benchmarks(terms, tmp_path / "data"))

    settings = by_setting(terms, found, "checkpoint")

    # Greedy answers of the grid share batches with those of plain asking.
    assert [len(places) for places in settings.values()] == [12, 6, 6, 6]
    assert sorted(place for places in settings.values() for place in places) == list(range(30))


def test_a_run_has_a_seed_exactly_where_something_is_drawn(tmp_path: Path) -> None:
    assert not is_drawn(terms_of(tmp_path, requirement(0)))
    assert is_drawn(terms_of(tmp_path, requirement(0, probe=GRID.name)))
    sampled = {"max_new_tokens": 8, "decoding": "sampled", "temperature": "1"}
    assert is_drawn(terms_of(tmp_path, requirement(0), measurement=sampled))


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"name": "multi-turn-9", "sha256": "00" * 32}, "unknown-probe"),
        ({"name": "multi-turn-1", "sha256": "00" * 32}, "another-probe"),
        (
            {"name": "secret-suffix-1", "sha256": probe("secret-suffix-1").sha256},
            "no-suffix-key",
        ),
    ],
)
def test_a_probe_that_cannot_be_put_is_refused(
    stated: dict[str, str], reason: str, tmp_path: Path
) -> None:
    terms = terms_of(tmp_path, requirement(0, probe=stated["name"]), probes=[stated])

    with pytest.raises(InputError) as caught:
        asked(terms, load_benchmarks(terms, tmp_path / "data"))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"probes": []}, "names no probe of these terms"),
        ({"probes": [{"name": "p", "sha256": "00" * 32}] * 2}, "two probes have the same name"),
        ({"probes": [{"name": "base", "sha256": "00" * 32}]}, "may not be called base"),
        ({"probes": [{"name": "p", "sha256": "00"}]}, "probes.0"),
        ({"probes": [{"name": "p"}]}, "description"),
    ],
)
def test_terms_whose_probes_are_unclear_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        terms_of(tmp_path, requirement(0, probe="p"), **changes)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("private/a/b:c#1", ItemName("private", "a/b:c#1")),
        ("base:private/1", ItemName("private", "1", "base")),
        ("p-1:private/1", ItemName("private", "1", probe="p-1")),
        ("p-1#3:private/1", ItemName("private", "1", probe="p-1", attempt=3)),
        ("base:p-1#3:private/1", ItemName("private", "1", "base", "p-1", 3)),
        ("base:plain#2:private/1", ItemName("private", "1", "base", "plain", 2)),
    ],
)
def test_names_of_answers_read_back_as_they_are_written(text: str, name: ItemName) -> None:
    assert ItemName.parse(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    "text", ["", "private", "/1", "private/", ":private/1", "p#x:private/1", "a:b:c:private/1"]
)
def test_what_names_no_answer_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected BENCHMARK/ID"):
        ItemName.parse(text)
