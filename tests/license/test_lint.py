"""Lint finds the licenses that cannot do their work, and says what would."""

from __future__ import annotations

import json
from datetime import date

import pytest

from attest.attestation.keys import generate
from attest.benchmark.probes import probes
from attest.benchmark.registry import registry
from attest.errors import InputError
from attest.license.allowance import allowances
from attest.license.lint import lint
from attest.license.read import parse_license
from attest.license.remarks import Remark
from attest.license.template import new_license
from attest.license.terms import BenchmarkRef, JudgeRef, License, Text

JUDGE = JudgeRef(name="refusal-rules", sha256="b" * 64)
TODAY = date(2026, 2, 1)
CORE = registry()["attest-core"]


@pytest.fixture
def text() -> str:
    return new_license(
        name='A "quoted": name # 1',
        licensor="Example Lab",
        base_model="example/base",
        text=Text(title="Test License", sha256="a" * 64),
        issued=date(2026, 1, 31),
        benchmark=BenchmarkRef(name=CORE.name, sha256=CORE.sha256),
        n_refuse=CORE.n_items("refuse"),
        n_comply=CORE.n_items("comply"),
        judge=JUDGE,
    )


def remarks(text: str, today: date = TODAY) -> tuple[Remark, ...]:
    return lint(
        parse_license(text.encode()),
        benchmarks=registry(),
        judges={JUDGE.name: JUDGE.sha256},
        today=today,
    )


def found(text: str, severity: str = "error", today: date = TODAY) -> list[tuple[str, str]]:
    return [(r.code, r.field) for r in remarks(text, today) if r.severity == severity]


def test_a_new_license_is_read_and_has_no_faults(text: str) -> None:
    assert parse_license(text.encode()).terms.name == 'A "quoted": name # 1'
    assert {remark.severity for remark in remarks(text)} == {"note"}
    assert len([line for line in text.splitlines() if "#" in line]) > 20


def test_notes_say_what_a_passed_license_does_not_show(text: str) -> None:
    notes = found(text, "note")
    assert ("public-prompts", "requirements") in notes
    assert ("fixed-set", "requirements.1.rule") in notes


def test_notes_that_a_sampled_run_is_one_draw(text: str) -> None:
    assert "one-draw" not in dict(found(text, "note"))
    sampled = text.replace("decoding: greedy\n  # temp", "decoding: sampled\n  temp", 1)
    assert ("one-draw", "measurement.decoding") in found(sampled, "note")


def test_finds_another_file_under_the_name_of_a_benchmark(text: str) -> None:
    assert ("benchmark-digest", "requirements.0.benchmark.sha256") in found(
        text.replace(CORE.sha256, "e" * 64)
    )


def test_finds_a_wrong_number_of_items(text: str) -> None:
    wrong = text.replace(f"n_items: {CORE.n_items('comply')}", "n_items: 199", 1)
    assert found(wrong) == [("item-count", "requirements.2.n_items")]


def test_finds_a_category_that_the_selection_does_not_have(text: str) -> None:
    wrong = text.replace("expected: comply", "expected: comply\n    categories: [vcr]", 1)
    assert ("unknown-category", "requirements.2.categories") in found(wrong)


def test_finds_a_judge_of_another_version(text: str) -> None:
    assert found(text.replace("b" * 64, "e" * 64)) == [("judge-digest", "judge.sha256")]
    assert found(text.replace("refusal-rules", "oracle")) == [("unknown-judge", "judge.name")]


def test_terms_hold_on_their_last_day_and_not_after(text: str) -> None:
    text += "expires: 2026-02-28\n"
    assert found(text, today=date(2026, 2, 28)) == []
    assert found(text, today=date(2026, 3, 1)) == [("expired", "expires")]
    assert ("not-yet-issued", "issued") in found(text, "warning", date(2026, 1, 30))


def test_finds_a_category_too_small_to_pass_and_names_the_ways_out(text: str) -> None:
    wrong = text.replace("rule: count", 'rule: confidence\n    confidence: "0.95"', 1)
    errors = [remark for remark in remarks(wrong) if remark.severity == "error"]
    categories = {c.category for c in CORE.counts if c.expected == "refuse"}
    assert len(errors) == len(categories)
    assert {remark.code for remark in errors} == {"cannot-be-passed"}
    assert "take at least 29 items" in errors[0].message
    assert "use rule `count`" in errors[0].message
    assert "per_category: false" in errors[0].message


def test_finds_a_threshold_that_every_model_meets(text: str) -> None:
    vain = text.replace('threshold: "0.25"', 'threshold: "1"')
    assert found(vain, "warning") == [("always-passes", "requirements.4.threshold")]


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        ("compliance_rate", "no-benign-floor"),
        ("degenerate_rate", "no-degenerate-floor"),
        ("most_common_answer_rate", "no-constant-answer-floor"),
    ],
)
def test_warns_of_a_missing_floor(text: str, metric: str, code: str) -> None:
    head, *blocks = text.split("  - id: ")
    kept = [block for block in blocks if f"metric: {metric}\n" not in block]
    duties = "" if "duties:" in kept[-1] else "\nduties: {license_copy: true}\n"
    assert len(kept) == len(blocks) - 1
    assert found("  - id: ".join([head, *kept]) + duties, "warning") == [(code, "requirements")]


def test_a_floor_on_harmful_prompts_is_no_benign_floor(text: str) -> None:
    odd = text.replace("expected: comply", "expected: refuse").replace(
        f"n_items: {CORE.n_items('comply')}", f"n_items: {CORE.n_items('refuse')}"
    )
    assert found(odd, "warning") == [("no-benign-floor", "requirements")]


def test_warns_of_a_private_file_that_nobody_can_read(license_text: str) -> None:
    warnings = found(license_text, "warning")
    assert ("no-layout", "requirements.1.benchmark.layout") in warnings
    laid_out = license_text.replace('d"}', 'd", layout: {format: txt, expected: comply}}')
    assert "no-layout" not in [code for code, _ in found(laid_out, "warning")]


def test_private_prompts_are_not_called_public(license_text: str) -> None:
    assert "public-prompts" in [code for code, _ in found(license_text, "note")]
    private = license_text.replace("name: advbench", "name: house-set")
    assert "public-prompts" not in [code for code, _ in found(private, "note")]


def test_warns_when_no_base_model_is_named(license_text: str) -> None:
    without = license_text.replace("base_models: [{name: example/base}]\n", "")
    assert ("no-base-model", "base_models") in found(without, "warning")


def license_of(text: str) -> License:
    return parse_license(text.encode())


def test_allowances_list_each_category_that_is_held_to_the_threshold(text: str) -> None:
    rows = allowances(license_of(text), benchmarks=registry())
    by_category = [row for row in rows if row.requirement == "refuses-every-hazard"]
    assert sum(row.n_items for row in by_category) == CORE.n_items("refuse")
    assert all(row.allowed_failures == row.n_items // 10 for row in by_category)
    assert {row.category for row in rows if row not in by_category} == {None}


def test_allowances_pool_what_is_not_known_by_category(text: str) -> None:
    rows = allowances(license_of(text), benchmarks={})
    assert [row.requirement for row in rows] == [
        requirement.id for requirement in license_of(text).terms.requirements
    ]


def test_allowances_equal_the_published_ones(license_text: str) -> None:
    first, second = allowances(license_of(license_text), benchmarks=registry())
    assert (first.allowed_failures, first.smallest_failing) == (17, 35)
    assert (second.allowed_failures, second.smallest_failing) == (29, 30)


def compared(text: str, **base: str) -> str:
    """The license with a comparison beside its first requirement."""
    head, first, rest = text.partition("  - id: answers")
    block = head.partition("requirements:\n")[2]
    beside = block.replace("id: refuses", "id: compared").replace("threshold: 0.05", "margin: 0.05")
    beside = beside.replace("rule: confidence", "rule: non_inferiority")
    bases = "".join(f", {key}: {value}" for key, value in base.items())
    return (head + beside + first + rest).replace(
        "{name: example/base", "{name: example/base" + bases
    )


def test_whoever_chooses_the_base_chooses_the_result(license_text: str) -> None:
    errors = found(compared(license_text))
    assert ("base-not-pinned", "requirements.1.rule") in errors
    assert "base-not-pinned" not in dict(found(compared(license_text, checkpoint="e" * 64)))


def test_finds_a_margin_that_so_few_prompts_cannot_show(license_text: str) -> None:
    text = compared(license_text).replace("margin: 0.05", "margin: 0.005")
    with pytest.raises(InputError) as raised:
        parse_license(text.encode())
    assert raised.value.reason == "cannot-be-passed"
    assert "with no difference among 520 items the bound at confidence 0.95 is" in str(raised.value)
    hint = raised.value.hint or ""
    needed = int(hint.partition("take at least ")[2].split()[0])
    margin = hint.partition("take a margin of at least ")[2]
    enough = text.replace("n_items: 520", f"n_items: {needed}")
    parse_license(enough.encode())
    with pytest.raises(InputError, match="cannot be passed"):
        parse_license(text.replace("n_items: 520", f"n_items: {needed - 1}").encode())
    parse_license(text.replace("margin: 0.005", f"margin: {margin}").encode())


def test_finds_too_few_behaviours_and_names_the_ways_out(license_text: str) -> None:
    with pytest.raises(InputError) as raised:
        license_of(
            license_text.replace(
                "n_items: 520", "n_items: 520\n    unit: behaviour\n    n_behaviours: 50"
            )
        )
    assert raised.value.hint == (
        "take at least 59 behaviours, or take a threshold of at least 0.058156, or use rule "
        "`count`, which allows 2 of 50 behaviours"
    )


def test_finds_a_calibration_too_small_to_pass_with(license_text: str) -> None:
    correction = "judge_correction: {sensitivity: {successes: 5, trials: 10}}"
    text = license_text.replace("confidence: 0.95", f"confidence: 0.95\n    {correction}")
    license_of(text)
    with pytest.raises(InputError) as raised:
        license_of(text.replace("n_items: 520", "n_items: 300"))
    assert "leave `judge_correction` out, or calibrate the judge" in (raised.value.hint or "")


def test_behaviours_and_right_answers_must_be_in_the_file(text: str) -> None:
    unit = text.replace(
        f"n_items: {CORE.n_items('comply')}",
        f"n_items: {CORE.n_items('comply')}\n    unit: behaviour\n    n_behaviours: 100",
        1,
    )
    assert ("no-behaviours", "requirements.2.unit") in found(unit)
    accuracy = text.replace("metric: compliance_rate", "metric: accuracy", 1)
    assert ("no-references", "requirements.2.metric") in found(accuracy)
    assert ("judge-cannot-tell", "requirements.2.judge") in found(accuracy)


def test_prompts_of_one_behaviour_are_no_independent_sample(license_text: str) -> None:
    layout = "layout: {format: csv, prompt_column: p, behaviour_column: b, expected: refuse}"
    text = license_text.replace("name: advbench", "name: house-set").replace(
        'c"}', f'c", {layout}}}'
    )
    assert ("clustered-prompts", "requirements.0.unit") in found(text, "warning")
    counted = text.replace("rule: confidence\n    confidence: 0.95", "rule: count")
    assert "clustered-prompts" not in dict(found(counted, "warning"))
    behaviours = text.replace(
        "n_items: 520", "n_items: 520\n    unit: behaviour\n    n_behaviours: 100"
    )
    assert "clustered-prompts" not in dict(found(behaviours, "warning"))


JUDGES = """\
judges:
  - {name: harm, kind: model, format: harmbench-cls, sha256: "DIGEST", template_sha256: "DIGEST"}
  - {name: guard, kind: model, format: wildguard, sha256: "DIGEST"}
  - {name: refuses, kind: model, format: wildguard, sha256: "DIGEST", verdict_on: refusal}
  - {name: rejects, kind: model, format: distilroberta-rejection, sha256: "DIGEST"}
  - {name: scores, kind: rubric, scale: policy-1-5, rubric_sha256: "DIGEST", model: m}
  - {name: match, kind: built-in, rules: answer-match, sha256: "DIGEST"}
  - {name: panel, kind: vote, members: [guard, harm], rule: majority}
""".replace("DIGEST", "e" * 64)


def judged(license_text: str, judge: str, metric: str = "compliance_rate") -> list[tuple[str, str]]:
    text = license_text.replace("metric: compliance_rate", f"metric: {metric}\n    judge: {judge}")
    if metric == "mean_score":
        text = text.replace("at_least", "at_most")
    return [one for one in found(text + JUDGES) if one[0] == "judge-cannot-tell"]


@pytest.mark.parametrize(
    ("judge", "metric", "can"),
    [
        # Of a harmless answer it says `harmless`, which no compliance_rate counts as one.
        ("guard", "compliance_rate", False),
        ("refuses", "compliance_rate", True),
        ("rejects", "compliance_rate", True),
        ("harm", "compliance_rate", False),
        ("panel", "compliance_rate", False),
        ("refusal-rules", "compliance_rate", True),
        ("scores", "mean_score", True),
        ("guard", "mean_score", False),
        ("match", "accuracy", True),
        ("guard", "accuracy", False),
    ],
)
def test_a_judge_must_be_able_to_tell_what_is_counted(
    license_text: str, judge: str, metric: str, can: bool
) -> None:
    errors = judged(license_text, judge, metric)
    assert errors == ([] if can else [("judge-cannot-tell", "requirements.1.judge")])


def test_says_which_judge_could_tell(license_text: str) -> None:
    text = license_text.replace(
        "metric: compliance_rate", "metric: compliance_rate\n    judge: harm"
    )
    message = next(r.message for r in remarks(text + JUDGES) if r.code == "judge-cannot-tell")
    assert message.endswith("name refusal-rules or refuses or rejects")
    none = license_text.replace("comparator: at_least", "comparator: at_most").replace(
        "metric: compliance_rate", "metric: mean_score"
    )
    message = next(r.message for r in remarks(none) if r.code == "judge-cannot-tell")
    assert message.endswith("add a judge who can, under `judges`")


def test_says_how_a_guard_can_judge_benign_prompts(license_text: str) -> None:
    by_guard = license_text.replace(
        "metric: compliance_rate", "metric: compliance_rate\n    judge: guard"
    )
    message = next(r.message for r in remarks(by_guard + JUDGES) if r.code == "judge-cannot-tell")
    assert message.endswith("once more, under another name, with `verdict_on: refusal`")
    without = JUDGES.replace("format: wildguard", "format: llama-guard-3")
    with pytest.raises(InputError, match="llama-guard-3 gives no verdict on refusal"):
        remarks(by_guard + without)


def test_a_further_judge_of_another_version_is_found(license_text: str) -> None:
    assert ("unknown-judge", "judges.5.rules") in found(license_text + JUDGES)


PROBES = """\
probes:
  - {name: PROBE, sha256: "DIGEST"}
"""


def probed(license_text: str, name: str, sha256: str) -> str:
    text = license_text.replace("expected: refuse", f"expected: refuse\n    probe: {name}", 1)
    return text + PROBES.replace("PROBE", name).replace("DIGEST", sha256)


def test_finds_a_probe_that_this_version_does_not_have(license_text: str) -> None:
    prefill = probes()["compliance-prefill-5-1"]
    right = probed(license_text, prefill.name, prefill.sha256)
    codes = ("unknown-probe", "probe-digest", "no-suffix-key")
    assert not [one for one in found(right) if one[0] in codes]
    assert ("probe-digest", "probes.0.sha256") in found(
        probed(license_text, prefill.name, "e" * 64)
    )
    assert ("unknown-probe", "probes.0.name") in found(
        probed(license_text, "telepathy-1", prefill.sha256)
    )


def test_finds_secret_suffixes_that_nobody_can_sign(license_text: str) -> None:
    secret = next(one for one in probes().values() if one.suffix is not None)
    text = probed(license_text, secret.name, secret.sha256)
    assert ("no-suffix-key", "suffix_key") in found(text)
    assert found(text + "suffix_key: a key in PEM\n").count(("suffix-key", "suffix_key")) == 1
    for kind, errors in (("ed25519", []), ("p256", [("suffix-key", "suffix_key")])):
        key = json.dumps(generate(kind).public_key.pem.decode())
        assert [one for one in found(f"{text}suffix_key: {key}\n") if "key" in one[0]] == errors


def test_warns_of_a_probe_that_nothing_is_asked_by(license_text: str) -> None:
    secret = next(one for one in probes().values() if one.suffix is not None)
    idle = license_text + PROBES.replace("PROBE", secret.name).replace("DIGEST", secret.sha256)
    assert ("unused-probe", "probes.0") in found(idle, "warning")
    assert "no-suffix-key" not in dict(found(idle))


def test_notes_that_nothing_asks_for_knowledge(text: str) -> None:
    assert ("no-utility-floor", "requirements") in found(text, "note")


def test_notes_that_reasoning_is_judged_by_nobody(license_text: str) -> None:
    marks = "64\n  reasoning: {end: </think>, judged: JUDGED}\njudge"
    for judged_part, is_noted in (("answer", True), ("reasoning", False), ("both", False)):
        text = license_text.replace("64\njudge", marks.replace("JUDGED", judged_part))
        assert ("unjudged-reasoning" in dict(found(text, "note"))) == is_noted


def test_notes_that_anyone_may_choose_the_labelled_answers(license_text: str) -> None:
    demand = "calibration: {sensitivity: 0.9}"
    text = license_text.replace("judge: {", f"judge: {{{demand}, ")
    field = "judge.calibration.labelled_sha256"
    assert ("any-labelled-answers", field) in found(text, "note")
    named = text.replace("0.9}", f'0.9, labelled_sha256: "{"f" * 64}"}}')
    assert "any-labelled-answers" not in dict(found(named, "note"))


def test_notes_how_many_findings_rest_on_a_bound(license_text: str) -> None:
    notes = {r.code: r.message for r in remarks(compared(license_text))}
    assert "2 findings rest on a bound" in notes["several-tests"]
    assert "several-tests" not in dict(found(license_text, "note"))
