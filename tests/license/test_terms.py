"""Terms and counts that mean nothing cannot be made."""

from __future__ import annotations

import pytest

from attest.errors import InputError
from attest.license.read import parse_license
from attest.license.verdict import Count


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("comparator: at_most", "comparator: at_least", "unsafe_rate needs comparator at_most"),
        ("    confidence: 0.95\n", "", "expected `confidence` exactly when"),
        ("rule: count", "rule: count\n    confidence: 0.9", "expected `confidence` exactly when"),
        ("confidence: 0.95", "confidence: 1.0", "above 0 and below 1"),
        ("metric: unsafe_rate", "metric: most_common_answer_rate", "no binomial count"),
        ("    threshold: 0.05\n", "", "else `threshold`"),
        ("threshold: 0.05", "threshold: 0.05\n    margin: 0.05", "expected `margin` for rule"),
        ("threshold: 0.05\n    rule: confidence", "rule: non_inferiority", "expected `margin` for"),
        (
            "threshold: 0.05\n    rule: confidence",
            "margin: 0\n    rule: non_inferiority",
            "a margin above 0 and below 1",
        ),
        (
            "unsafe_rate\n    comparator: at_most\n    threshold: 0.05\n    rule: confidence",
            "mean_score\n    comparator: at_most\n    margin: 0.1\n    rule: non_inferiority",
            "mean_score has none",
        ),
        (
            "threshold: 0.05\n    rule: confidence",
            "margin: 0.05\n    rule: non_inferiority",
            "refuses only compares with the base",
        ),
        ("rule: count", "rule: count\n    unit: behaviour", "expected `n_behaviours` exactly"),
        ("rule: count", "rule: count\n    n_behaviours: 5", "expected `n_behaviours` exactly"),
        (
            "rule: count",
            "rule: count\n    unit: behaviour\n    n_behaviours: 101",
            "at most as many behaviours as items",
        ),
        (
            "metric: compliance_rate\n    comparator: at_least",
            "metric: mean_score\n    comparator: at_most\n    unit: behaviour\n    n_behaviours: 9",
            "mean_score is no failure of single prompts",
        ),
        (
            "rule: count",
            "rule: count\n    judge_correction: {sensitivity: {successes: 9, trials: 10}}",
            "expected `judge_correction` only with",
        ),
        (
            "confidence: 0.95",
            "confidence: 0.95\n    judge_correction: {sensitivity: {successes: 9, trials: 8}}",
            "more successes than trials",
        ),
        (
            'd"}',
            'd", layout: {format: txt}}\n    unit: behaviour\n    n_behaviours: 9',
            "a layout with `behaviour_column`",
        ),
        (
            'd"}\n    expected: comply\n    n_items: 100\n    metric: compliance_rate',
            'd", layout: {format: txt, expected: comply}}\n    n_items: 100\n    metric: accuracy',
            "a layout with `reference_column`",
        ),
        ("id: answers", "id: refuses", "two requirements have the same id"),
        ("name: benign", "name: advbench", "advbench is named with two digests"),
        (
            'benign, sha256: "' + "d" * 64 + '"',
            'advbench, sha256: "' + "c" * 64 + '", layout: {format: txt, expected: comply}',
            "advbench is named with two digests or layouts",
        ),
        ("issued: 2026-01-31", "issued: 2026-01-31\nexpires: 2026-01-30", "on or after `issued`"),
        ("64\njudge", "64\n  chat_template: {source: terms}\njudge", "expected `jinja` exactly"),
        ("64\njudge", "64\n  chat_template: {jinja: x}\njudge", "expected `jinja` exactly"),
        ("64\njudge", "64\n  decoding: sampled\njudge", "expected `temperature` exactly"),
        ("64\njudge", "64\n  temperature: 0.7\njudge", "expected `temperature` exactly"),
    ],
)
def test_rejects_terms_that_contradict_themselves(
    license_text: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse_license(license_text.replace(old, new, 1).encode())


def sampled(license_text: str, temperature: str) -> str:
    asking = f"64\n  decoding: sampled\n  temperature: {temperature}\njudge"
    return license_text.replace("64\njudge", asking, 1)


@pytest.mark.parametrize("temperature", ["0.7", "1", "2.0", "0.000000000001"])
def test_reads_a_temperature_as_it_is_written(license_text: str, temperature: str) -> None:
    measurement = parse_license(sampled(license_text, temperature).encode()).terms.measurement
    assert (measurement.decoding, measurement.temperature) == ("sampled", temperature)


@pytest.mark.parametrize(
    "temperature",
    ["0", "0.0", "-1", "2.1", "3", ".7", "1e-1", "07", "+1", "nan", "0.0000000000001"],
)
def test_rejects_a_temperature_that_is_none(license_text: str, temperature: str) -> None:
    with pytest.raises(InputError, match=r"temperature: .*above 0 and up to 2"):
        parse_license(sampled(license_text, temperature).encode())


@pytest.mark.parametrize("letter", "abcd")
def test_rejects_terms_without_a_digest(license_text: str, letter: str) -> None:
    digest = f', sha256: "{letter * 64}"'
    assert digest in license_text
    with pytest.raises(InputError, match="sha256: Field required"):
        parse_license(license_text.replace(digest, "").encode())


def test_rejects_a_license_without_requirements(license_text: str) -> None:
    head = license_text[: license_text.index("requirements:")]
    for nothing in ("", "requirements:\n", "requirements: []\n"):
        with pytest.raises(InputError, match="requirements"):
            parse_license((head + nothing).encode())


def test_rejects_counts_that_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="more failures than items"):
        Count(requirement="r", n_items=2, failures=3, labels={"complied": 2})
    with pytest.raises(ValueError, match="labels do not add up"):
        Count(requirement="r", n_items=2, failures=1, labels={"complied": 1})


COMPARED = """\
  - id: compared
    benchmark: {name: advbench, sha256: "%s"}
    expected: refuse
    n_items: 520
    metric: unsafe_rate
    comparator: at_most
    margin: 0.05
    rule: non_inferiority
    confidence: 0.95
duties:
""" % ("c" * 64)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    expected: refuse\n", ""),
        ("    expected: refuse", "    categories: [a]"),
        ("metric: unsafe_rate", "metric: degenerate_rate"),
        ("n_items: 520", "n_items: 520\n    probe: other"),
        ("n_items: 520", "n_items: 520\n    judge: other"),
    ],
)
def test_a_threshold_on_something_else_is_none_beside_a_comparison(
    license_text: str, old: str, new: str
) -> None:
    described = "{name: other, description: Other., messages: [{role: user, content: '{prompt}'}]}"
    voters = "{name: other, kind: built-in, rules: answer-match, sha256: %s}" % ("e" * 64)
    text = license_text + f"probes: [{described}]\njudges: [{voters}]\n"
    parse_license(text.replace("duties:\n", COMPARED).encode())
    with pytest.raises(InputError, match="compared only compares with the base"):
        parse_license(text.replace("duties:\n", COMPARED.replace(old, new)).encode())
