"""A log of another harness is imported as a person types it."""

from __future__ import annotations

from pathlib import Path

from conftest import REPOSITORY

LOGS = REPOSITORY / "tests" / "evaluation" / "logs"


def test_an_lm_eval_run_becomes_evidence(attest, checkpoint: Path, lenient_license) -> None:
    (samples,) = LOGS.glob("samples_*.jsonl")
    (results,) = LOGS.glob("results_*.json")
    words = ("import", "lm-eval", samples, checkpoint, "--license", lenient_license.file)
    done = attest(*words, "--results", results, "--data", lenient_license.data, "--out", "evidence")

    assert done.code == 0, done.err
    assert "18 answers of model, by lm-eval 0.4.13" in done.err
    assert "nothing binds them to these weights until they are replayed" in done.err
    assert Path("evidence/transcripts.jsonl").stat().st_mode & 0o777 == 0o600
    assert Path("evidence").stat().st_mode & 0o777 == 0o700
    assert attest("decide", "evidence", "--license", lenient_license.file).code == 0

    again = attest(*words, "--data", lenient_license.data, "--json").json()
    assert again["conditions"]["engine"] == "lm-eval"
    assert next(Path("attest-evidence").iterdir()).name.endswith("-lm-eval")


def test_a_log_that_is_none_is_unreadable_input(attest, checkpoint: Path, lenient_license) -> None:
    Path("log.eval").write_bytes(b"no log")
    for kind in ("inspect", "lm-eval"):
        done = attest("import", kind, "log.eval", checkpoint, "--license", lenient_license.file)
        assert done.code == 2, done.err
        assert "defect" not in done.err
