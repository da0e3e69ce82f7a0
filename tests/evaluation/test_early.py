"""A run that may stop early says what all answers would say, and is nothing that can be signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.keys import generate
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.early import evaluate_early
from attest.evaluation.job import Progress, prepare
from attest.evaluation.journal import ANSWERS, EARLY, EVALUATION, read_transcripts
from attest.evaluation.loading import Machine
from attest.evaluation.run import carry_out
from attest.evaluation.stopped import EarlyEvaluation
from attest.license.decide import decide
from checkpoints import make_checkpoint
from probed import make_probed_license, signed_suffixes
from small import Small, make_license

BEACON = "5e" * 32


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("llama"))


def job_of(model: Path, small: Small, **options: Any) -> Any:
    return prepare(
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        data=small.data,
        machine=Machine(device="cpu", batch_size=2),
        today=date(2026, 5, 6),
        **options,
    )


def untimed(found: EarlyEvaluation) -> dict[str, Any]:
    return {k: v for k, v in found.to_dict().items() if k not in ("started", "finished")}


def test_says_what_the_full_run_says_and_asks_less(llama: Path, tmp_path: Path) -> None:
    small = make_license(tmp_path)
    full = carry_out(job_of(llama, small), out=tmp_path / "full")
    verdict = decide(small.license, full.counts)

    early = evaluate_early(job_of(llama, small), out=tmp_path / "early", beacon=BEACON)

    assert early.n_asked < early.n_full == 18
    assert early.outcome == verdict.outcome
    outcomes = {(one.requirement, one.category): one.outcome for one in verdict.findings}
    assert {(one.requirement, one.category): one.outcome for one in early.stopped} == {
        key: outcome for key, outcome in outcomes.items() if key[0] != "varies"
    }
    assert [one for one in verdict.findings if one.requirement == "varies"] == [*early.in_full]


def test_gives_counts_of_what_was_drawn_and_no_rate(llama: Path, tmp_path: Path) -> None:
    early = evaluate_early(job_of(llama, make_license(tmp_path)), out=tmp_path / "out")

    for one in early.stopped:
        assert one.failures <= one.n_drawn <= one.n_items
        assert not {"value", "bound", "sampleSize"} & set(one.to_dict())
    assert (tmp_path / "out" / EARLY).read_bytes() == early.to_json()
    assert not (tmp_path / "out" / EVALUATION).exists()
    transcripts = read_transcripts(tmp_path / "out")
    assert len(transcripts) == early.n_asked
    assert early.order.source == "own"


def stopping_at(n: int) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.stage == "answering" and progress.done >= n:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("n", [2, 7, 9])
def test_goes_on_in_its_own_order_where_it_was_interrupted(
    n: int, llama: Path, tmp_path: Path
) -> None:
    small = make_license(tmp_path)
    out = tmp_path / "torn"
    with pytest.raises(KeyboardInterrupt):
        evaluate_early(job_of(llama, small, on_progress=stopping_at(n)), out=out)
    kept = (out / ANSWERS).read_bytes().count(b"\n")

    torn = evaluate_early(job_of(llama, small), out=out)

    assert kept > 0
    whole = evaluate_early(
        job_of(llama, small), out=tmp_path / "whole", beacon=torn.order.randomness
    )
    assert untimed(torn) | {"order": None} == untimed(whole) | {"order": None}
    assert torn.order.seed == whole.order.seed
    assert evaluate_early(job_of(llama, small), out=out) == torn


def test_a_folder_holds_one_order_and_one_kind_of_run(llama: Path, tmp_path: Path) -> None:
    small = make_license(tmp_path)
    evaluate_early(job_of(llama, small), out=tmp_path / "early", beacon=BEACON)
    carry_out(job_of(llama, small), out=tmp_path / "full")

    for out, beacon in (("early", "6f" * 32), ("full", None)):
        with pytest.raises(InputError, match="another run: order") as caught:
            evaluate_early(job_of(llama, small), out=tmp_path / out, beacon=beacon)
        assert caught.value.reason == "another-run"
    with pytest.raises(InputError, match="another run: order"):
        carry_out(job_of(llama, small), out=tmp_path / "early")


def test_another_journal_than_the_order_makes_is_refused(llama: Path, tmp_path: Path) -> None:
    small, out = make_license(tmp_path), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        evaluate_early(job_of(llama, small, on_progress=stopping_at(4)), out=out)
    lines = (out / ANSWERS).read_text().splitlines()
    first = json.loads(lines[0])
    first["responses"].append(first["responses"][0])
    (out / ANSWERS).write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")

    with pytest.raises(InputError, match="does not fit the plan") as caught:
        evaluate_early(job_of(llama, small), out=out)
    assert caught.value.reason == "journal"


def test_what_rests_on_bounds_is_asked_in_full_with_probes_base_and_suffixes(
    llama: Path, tmp_path: Path
) -> None:
    """Every probe that ships, one written out, and two comparisons with the base."""
    base = make_checkpoint(tmp_path / "base", seed=8)
    licensor = generate("ed25519")
    small = make_probed_license(
        tmp_path, base=digest(open_checkpoint(base)).digest(), licensor=licensor
    )
    checkpoint = digest(open_checkpoint(llama)).digest()
    options = {
        "base": open_checkpoint(base),
        "suffixes": signed_suffixes(licensor, small.license, checkpoint),
    }
    full = carry_out(job_of(llama, small, **options), out=tmp_path / "full")

    early = evaluate_early(job_of(llama, small, **options), out=tmp_path / "early")

    assert [one.requirement for one in early.in_full] == ["r1", "r50"]
    wanted = {one.requirement: one for one in decide(small.license, full.counts).findings}
    assert all(one == wanted[one.requirement] for one in early.in_full)
    assert {one.outcome for one in early.stopped} == {"pass"}
    assert {one.n_drawn for one in early.stopped} == {0}
    assert early.base == full.base


def test_refuses_a_license_of_which_nothing_can_stop(llama: Path, tmp_path: Path) -> None:
    small = make_license(tmp_path)
    varies = json.loads(small.file.read_text())["requirements"][2:]
    small = make_license(tmp_path, requirements=varies)

    with pytest.raises(InputError, match="no requirement counts a fixed set") as caught:
        evaluate_early(job_of(llama, small), out=tmp_path / "out")
    assert caught.value.reason == "nothing-to-stop"
    assert not (tmp_path / "out").exists()
