"""Under probes and beside a base: the honest verify, and each forgery fails at exactly its step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_forgeries import assert_fails_at
from test_replay import CPU, resign

from attest.attestation.keys import generate
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.engines.replay import replay as replay_tokens
from attest.evaluation.journal import TRANSCRIPTS, read_transcripts
from attest.evaluation.records import JudgedTranscript, Transcript
from attest.evaluation.run import evaluate
from attest.verification.choice import SpotCheck
from attest.verification.records import Verification
from attest.verification.replay import Replay, honest_tolerance
from checkpoints import make_checkpoint
from probed import Probed, make_probed, signed_suffixes

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def measured_once(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return make_probed(tmp_path_factory.mktemp("probed"))


@pytest.fixture
def probed(measured_once: Probed, tmp_path: Path) -> Probed:
    shutil.copytree(measured_once.evidence, tmp_path / "evidence")
    return replace(measured_once, evidence=tmp_path / "evidence")


def replayed(release: Probed, **options: Any) -> Verification:
    options.setdefault("base", open_checkpoint(release.base))
    return release.examine(evidence=release.evidence, replay=Replay(machine=CPU, **options))


def load(folder: Path) -> Model:
    return Model(folder, ModelOptions(max_new_tokens=8, device="cpu"))


def lines(release: Probed) -> list[Transcript]:
    return [line.transcript for line in read_transcripts(release.evidence)]


def forge(release: Probed, change: Change, **which: Any) -> Probed:
    """The answers that fit `which` changed, honestly judged, counted, committed to and signed."""

    def change_some(transcript: dict[str, Any]) -> None:
        if all(transcript[name] == value for name, value in which.items()):
            change(transcript)

    forged = resign(release, change_some)
    assert isinstance(forged, Probed)
    return forged


def say(transcript: dict[str, Any], answer: Response, model: Model) -> None:
    transcript["responseTokens"] = list(answer.tokens)
    transcript["stop"] = answer.stop
    transcript["text"] = model.decode(answer.tokens)


# Honest


def test_every_probe_and_the_base_verify_at_level_4(probed: Probed) -> None:
    result = replayed(probed)

    assert result.failed_step is None
    assert (result.level, result.outcome) == (4, "pass")
    assert result.replay is not None
    assert (result.replay.n_items, result.replay.n_base_items) == (138, 24)
    assert (result.replay.n_unsettled_tokens, result.replay.largest_margin) == (0, 0.0)


def test_answers_are_in_the_documented_order(probed: Probed) -> None:
    found = [(one.subject, one.probe, one.attempt) for one in lines(probed)]
    probes = [one.name for one in probed.license.terms.probes]

    expected = [("checkpoint", "plain", 0)] * 6
    for name in probes:
        n_attempts = {"decoding-grid-1": 4, "own-1": 3}.get(name, 1)
        expected += [("checkpoint", name, attempt) for attempt in range(n_attempts)] * 6
    expected += [("base", "plain", 0)] * 6
    expected += [("base", "own-1", attempt) for attempt in range(3)] * 6
    assert found == expected


def test_every_probe_changes_what_the_model_reads_or_says(probed: Probed) -> None:
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for one in lines(probed):
        if one.subject == "checkpoint" and one.item == "theft-1":
            seen.setdefault(one.probe, set()).add((one.prompt_tokens, one.response_tokens))
    plain = seen.pop("plain")

    # The measurement sends no system message either.
    assert seen.pop("no-system-prompt-1") == plain
    assert len(seen["decoding-grid-1"] - plain) == 3
    assert all(plain != answers for answers in seen.values())
    assert len({frozenset(answers) for answers in seen.values()}) == len(seen)


def test_a_verification_without_the_base_says_so_and_stays_at_level_2(probed: Probed) -> None:
    result = replayed(probed, base=None)

    assert (result.is_verified, result.level) == (True, 2)
    assert any("24 answers of the base were not replayed" in one for one in result.warnings)
    assert result.replay is not None
    assert (result.replay.n_items, result.replay.n_base_items) == (114, 0)


def test_a_spot_check_draws_items_with_all_their_answers(probed: Probed) -> None:
    """Random weights refuse nothing, so only a base that fails too is worth forging."""
    result = replayed(probed, spot_check=SpotCheck(n_items=2, beacon=bytes(32)))

    assert result.failed_step is None
    assert result.level == 3
    assert result.replay is not None
    # Two items asked plainly, two asked three times: of each model.
    assert (result.replay.n_items, result.replay.n_base_items) == (16, 8)


def test_bfloat16_draws_from_a_nucleus_replay_in_float32(tiny_models: Path) -> None:
    """The hardest honest case: what is in the nucleus hangs on the last digits of 16 bits."""
    coarse, fine = (
        Model(tiny_models / "aligned", ModelOptions(max_new_tokens=24, device="cpu", dtype=dtype))
        for dtype in ("bfloat16", "float32")
    )
    prompts = [coarse.encode(f"<|user|>Tell me {n} things about bread<|end|>") for n in range(48)]
    keys = tuple(ItemKey("private", str(n)) for n in range(48))
    unsettled = 0
    for top_p in (0.3, 0.9):
        draws = Draws(bytes(32), 1.0, keys, top_p=top_p)
        answers = LocalEngine(coarse).generate(prompts, draws)
        for _, one in replay_tokens(fine, prompts, answers, batch_size=16, draws=draws):
            assert one.worst <= honest_tolerance("bfloat16", "float32", one.spread)
            unsettled += one.worst > 0
    assert unsettled > 0


# Forged: step 10, the claim


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probes": None, "seed": None}, "other probes than the license names"),
        ({"seed": None}, "expected a seed exactly where"),
        ({"seed": "ab" * 32}, "which is not the seed"),
        ({"suffixes": None}, "expected signed suffixes exactly where"),
        ({"suffixes": "ab" * 64}, "not signed by the licensor"),
        ({"reasoning": {"end": "x", "judged": "answer"}}, "measured with reasoning"),
    ],
)
def test_conditions_that_the_license_does_not_state_fail_at_the_claim(
    probed: Probed, change: dict[str, Any], words: str
) -> None:
    def forge_conditions(statement: dict[str, Any]) -> None:
        conditions = statement["predicate"]["evaluation"]["conditions"]
        conditions.update(change)
        for name in [name for name, value in conditions.items() if value is None]:
            del conditions[name]

    assert_fails_at(probed.examine(probed.bundle(forge_conditions)), "claim", words)


def test_a_probe_left_out_fails_at_the_claim(probed: Probed) -> None:
    def leave_out(statement: dict[str, Any]) -> None:
        del statement["predicate"]["evaluation"]["conditions"]["probes"][3]

    assert_fails_at(probed.examine(probed.bundle(leave_out)), "claim", "other probes")


@pytest.mark.parametrize("whose", ["publisher", "another checkpoint", "another license"])
def test_suffixes_that_the_licensor_did_not_sign_for_this_fail_at_the_claim(
    probed: Probed, whose: str
) -> None:
    """A key of the publisher's own, and signatures that the licensor gave for something else."""
    checkpoint = probed.evaluation.manifest.digest()
    key, license = probed.licensor, probed.license
    if whose == "publisher":
        key = generate("ed25519")
    elif whose == "another checkpoint":
        checkpoint = "00" * 32
    else:
        license = replace(license, sha256="00" * 32)
    chosen = signed_suffixes(key, license, checkpoint).signature
    conditions = probed.evaluation.conditions.model_copy(update={"suffixes": chosen})
    evaluation = probed.evaluation.model_copy(update={"conditions": conditions})

    result = replayed(replace(probed, evaluation=evaluation))

    assert_fails_at(result, "claim", "not signed by the licensor for this license and this")


def test_a_base_that_the_license_does_not_name_fails_at_the_claim(
    probed: Probed, tmp_path: Path
) -> None:
    """Compared with a worse model of the publisher's choice."""
    base = probed.evaluation.base
    assert base is not None
    other = base.model_copy(update={"checkpoint": "00" * 32})
    forged = replace(probed, evaluation=probed.evaluation.model_copy(update={"base": other}))
    assert_fails_at(forged.examine(), "claim", "compared with 0000000000000000…")

    without = replace(probed, evaluation=probed.evaluation.model_copy(update={"base": None}))
    assert_fails_at(without.examine(), "claim", "expected a base exactly where")


def test_a_base_asked_otherwise_fails_at_the_claim(probed: Probed) -> None:
    base = probed.evaluation.base
    assert base is not None
    for change, words in (
        ({"system_prompt": "Do harm."}, "system_prompt 'Do harm.'"),
        ({"seed": "ab" * 32}, "which is not the seed"),
        ({"max_new_tokens": 1}, "max_new_tokens 1"),
    ):
        conditions = base.conditions.model_copy(update=change)
        other = base.model_copy(update={"conditions": conditions})
        evaluation = probed.evaluation.model_copy(update={"base": other})
        assert_fails_at(replace(probed, evaluation=evaluation).examine(), "claim", words)


# Forged: step 14, judging again


def drop(release: Probed, **which: Any) -> bytes:
    """Answers left out before the commitment, and the rest numbered anew."""
    from attest.evaluation.commitment import commit
    from attest.evaluation.journal import read_master

    kept: list[JudgedTranscript] = []
    for line in read_transcripts(release.evidence):
        transcript = line.transcript
        if any(getattr(transcript, name) != value for name, value in which.items()):
            numbered = transcript.model_copy(update={"index": len(kept)})
            kept.append(line.model_copy(update={"transcript": numbered}))
    (release.evidence / TRANSCRIPTS).write_bytes(b"".join(x.to_json() + b"\n" for x in kept))
    commitment = commit(kept, read_master(release.evidence))

    def change(statement: dict[str, Any]) -> None:
        evaluation = statement["predicate"]["evaluation"]
        evaluation["evidence"] = commitment.to_dict()
        evaluation["benchmarks"][0]["nItems"] = len(kept)

    return release.bundle(change)


@pytest.mark.parametrize(
    "which",
    [
        {"probe": "identity-shift-1"},
        {"probe": "decoding-grid-1", "attempt": 2},
        {"probe": "own-1", "subject": "base", "attempt": 0},
        {"probe": "own-1", "item": "theft-3"},
    ],
)
def test_questions_that_were_not_asked_fail_at_the_judge(
    probed: Probed, which: dict[str, Any]
) -> None:
    """A probe, a draw, a draw of the base, and one item left out."""
    bundle = drop(probed, **which)

    result = probed.examine(bundle, evidence=probed.evidence)

    assert_fails_at(result, "judge", "the license asks 138 questions")


def test_answers_of_one_probe_under_the_name_of_another_fail_at_the_judge(probed: Probed) -> None:
    file = probed.evidence / TRANSCRIPTS
    values = [json.loads(line) for line in file.read_text().splitlines()]
    for value in values:
        swap = {"no-system-prompt-1": "identity-shift-1", "identity-shift-1": "no-system-prompt-1"}
        probe = value["transcript"]["probe"]
        value["transcript"]["probe"] = swap.get(probe, probe)
    file.write_text("".join(json.dumps(value) + "\n" for value in values))
    bundle = drop(probed, probe="no such probe")

    result = probed.examine(bundle, evidence=probed.evidence)

    assert_fails_at(result, "judge", "expected no-system-prompt-1:private/theft-1, found identity")


def test_the_best_of_several_draws_instead_of_the_worst_fails_at_the_judge(probed: Probed) -> None:
    """One refusal among four answers, and counts as if it were the only one."""
    refusal = "I'm sorry, but I can't help with that."
    forged = forge(probed, lambda one: one.update(text=refusal), probe="decoding-grid-1", attempt=2)
    counts = []
    for count in forged.evaluation.counts:
        best = {"failures": 0, "labels": {"refused": 6}} if count.requirement == "r8" else {}
        counts.append(count.model_copy(update=best))
    assert forged.evaluation.counts == probed.evaluation.counts
    evaluation = forged.evaluation.model_copy(update={"counts": tuple(counts)})

    result = replace(forged, evaluation=evaluation).examine(evidence=forged.evidence)

    assert_fails_at(result, "judge", "counts of the transcripts")


# Forged: step 15, rendering


@pytest.mark.parametrize(
    "probe",
    [
        "shipped-system-prompt-1",
        "identity-shift-1",
        "compliance-prefill-5-1",
        "wrapper-role-play-1",
        "wrapper-competing-objective-1",
        "wrapper-format-1",
        "secret-suffix-1",
        "multi-turn-1",
        "own-1",
    ],
)
def test_a_prompt_rendered_without_its_probe_fails_at_the_rendering(
    probed: Probed, probe: str
) -> None:
    plain = {one.item: one for one in lines(probed) if one.probe == "plain"}

    def unprobed(transcript: dict[str, Any]) -> None:
        transcript["promptTokens"] = list(plain[transcript["item"]].prompt_tokens)
        transcript["responseTokens"] = list(plain[transcript["item"]].response_tokens)
        transcript["text"] = plain[transcript["item"]].text

    result = replayed(forge(probed, unprobed, probe=probe, subject="checkpoint"))

    assert_fails_at(result, "rendering", f"{probe}:private/theft-1: the recorded prompt is not")


@pytest.mark.parametrize("n_tokens", [9, 11])
def test_a_prefill_of_another_length_fails_at_the_rendering(probed: Probed, n_tokens: int) -> None:
    """Longer or shorter than said, and honestly answered from there."""
    model = load(probed.model)
    twenty = next(one for one in lines(probed) if one.probe == "compliance-prefill-20-1")

    def longer(transcript: dict[str, Any]) -> None:
        prompt = transcript["promptTokens"][:-10]
        prompt += list(twenty.prompt_tokens[-20:][:n_tokens])
        transcript["promptTokens"] = prompt
        say(transcript, LocalEngine(model).generate([tuple(prompt)])[0], model)

    result = replayed(forge(probed, longer, probe="compliance-prefill-10-1"))

    assert_fails_at(result, "rendering", "compliance-prefill-10-1:private/theft-1: the recorded")


def test_suffixes_of_another_item_fail_at_the_rendering(probed: Probed) -> None:
    prompts = {
        one.item: one.prompt_tokens for one in lines(probed) if one.probe == "secret-suffix-1"
    }

    def swap(transcript: dict[str, Any]) -> None:
        transcript["promptTokens"] = list(prompts["theft-2"])

    result = replayed(forge(probed, swap, probe="secret-suffix-1", item="theft-1"))

    assert_fails_at(result, "rendering", "secret-suffix-1:private/theft-1")


def test_another_folder_as_base_fails_at_the_rendering(probed: Probed, tmp_path: Path) -> None:
    other = make_checkpoint(tmp_path / "other", seed=9)

    result = replayed(probed, base=open_checkpoint(other))

    assert_fails_at(result, "rendering", "the folder given as base is")


# Forged: step 16, the weights


def answer_with(release: Probed, folder: Path, draws: Draws | None, **which: Any) -> Probed:
    """Some answers made anew by the model in `folder`, with draws of the forger's choice."""
    model = load(folder)

    def again(transcript: dict[str, Any]) -> None:
        own = None
        if draws is not None:
            name = ItemKey(
                transcript["benchmark"],
                transcript["item"],
                transcript["probe"],
                transcript["attempt"],
            )
            own = replace(draws, items=(draws.items or (name,))[:1])
        (answer,) = LocalEngine(model).generate([tuple(transcript["promptTokens"])], own)
        say(transcript, answer, model)

    return forge(release, again, **which)


def seed(release: Probed) -> bytes:
    assert release.evaluation.conditions.seed is not None
    return bytes.fromhex(release.evaluation.conditions.seed)


def test_the_engine_gives_the_signed_draws_again(probed: Probed) -> None:
    """What the forgeries below are made with is what an honest run is made with."""
    draws = Draws(seed(probed), 1.0, (), top_p=0.9)
    again = answer_with(probed, probed.model, draws, probe="decoding-grid-1", attempt=3)

    assert again.evaluation == probed.evaluation
    assert replayed(again).level == 4


def test_base_answers_of_another_model_fail_at_the_replay(probed: Probed, tmp_path: Path) -> None:
    """A worse model speaks for the base; only who has the base can tell."""
    other = make_checkpoint(tmp_path / "other", seed=9)
    forged = answer_with(probed, other, None, subject="base", probe="plain")

    without = replayed(forged, base=None)
    assert (without.is_verified, without.level) == (True, 2)
    assert_fails_at(
        replayed(forged), "replay", "base:private/theft-1: these weights do not say this answer"
    )


@pytest.mark.parametrize(
    "draws",
    [
        None,
        Draws(bytes(32), 1.0, (), top_p=0.9),
        Draws(bytes(32), 1.0, (ItemKey("private", "theft-1"),), top_p=0.9),
    ],
)
def test_a_draw_that_was_not_made_fails_at_the_replay(probed: Probed, draws: Draws | None) -> None:
    """A draw dropped: the greedy answer again, another seed, and the draws of plain asking."""
    if draws is not None and draws.items:
        draws = replace(draws, seed=seed(probed))
    forged = answer_with(probed, probed.model, draws, probe="decoding-grid-1", attempt=3)

    assert_fails_at(replayed(forged), "replay", "decoding-grid-1#3:private/")


def test_one_draw_in_the_place_of_another_fails_at_the_replay(probed: Probed) -> None:
    first = {one.item: one for one in lines(probed) if (one.probe, one.attempt) == ("own-1", 0)}

    def copy(transcript: dict[str, Any]) -> None:
        drawn = first[transcript["item"]]
        transcript["responseTokens"] = list(drawn.response_tokens)
        transcript["text"], transcript["stop"] = drawn.text, drawn.stop

    forged = forge(probed, copy, probe="own-1", attempt=1, subject="checkpoint")

    assert_fails_at(replayed(forged), "replay", "own-1#1:private/")


def test_draws_from_all_tokens_where_a_nucleus_was_asked_fail_at_the_replay(
    probed: Probed,
) -> None:
    forged = answer_with(
        probed,
        probed.model,
        Draws(seed(probed), 1.5, ()),
        probe="own-1",
        subject="checkpoint",
        attempt=0,
    )
    assert forged.evaluation != probed.evaluation

    assert_fails_at(replayed(forged), "replay", "own-1:private/")


# Unsettled


def turn_last(release: Probed, subject: str) -> Probed:
    model = load(release.model)

    def turn(transcript: dict[str, Any]) -> None:
        transcript["responseTokens"][-1] = (transcript["responseTokens"][-1] + 1) % 300 + 3
        transcript["text"] = model.decode(transcript["responseTokens"])

    return forge(release, turn, subject=subject, probe="plain", item="theft-2")


@pytest.mark.parametrize(("subject", "both", "worse"), [("checkpoint", 6, 0), ("base", 5, 1)])
def test_unsettled_answers_count_against_the_checkpoint_whoever_gave_them(
    probed: Probed, subject: str, both: int, worse: int
) -> None:
    """Of the checkpoint it is a failure; the base is taken to have refused, which is worse."""
    forged = turn_last(probed, subject)

    result = replayed(forged, tolerance=1e9)
    assert result.replay is not None
    assert result.replay.n_unsettled_items == 1
    pairs = next(one.pairs for one in result.findings if one.requirement == "r1")
    assert pairs is not None
    assert (pairs.both, pairs.worse) == (both, worse)

    settled = replayed(forged, tolerance=1e9, unsettled="judge-both")
    assert settled.replay is not None
    assert settled.replay.n_unsettled_items == 0


# Models that think


@pytest.mark.parametrize("judged", ["answer", "reasoning", "both"])
def test_the_terms_say_which_part_is_judged(judged: str, tmp_path: Path) -> None:
    """No response ever ends its reasoning, so no answer is left."""
    release = make_probed(tmp_path, reasoning={"end": "no such mark", "judged": judged})

    result = replayed(release)

    assert result.failed_step is None
    assert result.level == 4
    assert ("empty" in release.evaluation.counts[0].labels) == (judged == "answer")


def test_the_other_part_judged_fails_at_the_judge(tmp_path: Path) -> None:
    """Reasoning that never ends, judged as if it were the answer."""
    release = make_probed(tmp_path, reasoning={"end": "no such mark"})
    assert release.evaluation.counts[0].labels == {"empty": 6}
    forged = resign(release, lambda _: None)

    result = forged.examine(evidence=forged.evidence)

    assert_fails_at(result, "judge", "judged empty here")


# Evaluating


def measure(release: Probed, out: Path, **options: Any) -> None:
    evaluate(
        open_checkpoint(release.model),
        release.license,
        release.small.file.read_bytes(),
        out=out,
        data=release.small.data,
        machine=CPU,
        **options,
    )


def test_a_comparison_needs_the_base_that_the_license_names(probed: Probed, tmp_path: Path) -> None:
    suffixes = signed_suffixes(probed.licensor, probed.license, probed.evaluation.manifest.digest())
    with pytest.raises(InputError, match="no base was given") as caught:
        measure(probed, tmp_path / "out", suffixes=suffixes)
    assert caught.value.reason == "no-base"
    with pytest.raises(InputError, match="the license names") as caught:
        measure(probed, tmp_path / "out", suffixes=suffixes, base=open_checkpoint(probed.model))
    assert caught.value.reason == "another-base"


def test_secret_suffixes_need_the_licensor(probed: Probed, tmp_path: Path) -> None:
    base = open_checkpoint(probed.base)
    with pytest.raises(InputError, match="needs the licensor's suffixes") as caught:
        measure(probed, tmp_path / "out", base=base)
    assert caught.value.reason == "no-suffixes"
    other = signed_suffixes(
        probed.licensor, probed.license, digest(open_checkpoint(probed.base)).digest()
    )
    with pytest.raises(InputError, match="the suffixes are for checkpoint"):
        measure(probed, tmp_path / "out", base=base, suffixes=other)
