"""Step 15: the recorded prompts and texts are what the verifier's own rendering makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attest.checkpoint.digest import digest
from attest.errors import InputError
from attest.evaluation.loading import encode_prompts
from attest.evaluation.plan import Asked
from attest.evaluation.records import Conditions, Evaluation, JudgedTranscript
from attest.evaluation.rendering import find_template
from attest.license.terms import License
from attest.verification.choice import Chosen
from attest.verification.logged import check_encoding
from attest.verification.replay import load_base

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


def check_rendering(
    evaluation: Evaluation,
    license: License,
    model: Model,
    folder: Path,
    items: Sequence[Asked],
    judged: Sequence[JudgedTranscript],
    chosen: Chosen,
) -> None:
    """Ensure that the recorded tokens are what the verifier's own rendering gives.

    Raises: InputError that names the first answer whose prompt, text or ending is not what
        benchmark, probe, template, system prompt and tokenizer make it, or if the base given is
        not the one that was measured.
    """
    _check_rendered(
        evaluation.conditions, license, model, folder, items, judged, chosen.of_checkpoint
    )
    if evaluation.base is not None and chosen.base is not None:
        found = digest(chosen.base).digest()
        if found != evaluation.base.checkpoint:
            raise InputError(
                f"compared with base {evaluation.base.checkpoint[:16]}…, the folder given as base "
                f"is {found[:16]}…",
                hint="give the base model that the attestation names",
            )
        base = load_base(chosen.base, license, model)
        _, template = find_template(chosen.base.folder, license.terms.measurement.chat_template)
        if evaluation.base.conditions.template != template:
            raise InputError("the base was asked with another chat template than its folder has")
        _check_rendered(
            evaluation.base.conditions,
            license,
            base,
            chosen.base.folder,
            items,
            judged,
            chosen.of_base,
        )


def _check_rendered(
    conditions: Conditions,
    license: License,
    model: Model,
    folder: Path,
    items: Sequence[Asked],
    judged: Sequence[JudgedTranscript],
    indices: Sequence[int],
) -> None:
    if conditions.eos_token_ids != model.eos_token_ids:
        raise InputError("measured with other end-of-sequence tokens than the checkpoint names")
    prompts = encode_prompts(
        model, folder, license.terms, conditions, [items[index] for index in indices]
    )
    for index, prompt in zip(indices, prompts, strict=True):
        transcript = judged[index].transcript
        name = transcript.name
        if transcript.prompt_tokens != prompt:
            raise InputError(f"{name}: the recorded prompt is not the benchmark's, rendered here")
        if conditions.log is not None:
            check_encoding(model, transcript)
            continue
        tokens = transcript.response_tokens
        if any(not 0 <= token < model.vocabulary_size for token in tokens):
            raise InputError(f"{name}: a token that is not in the vocabulary")
        if model.decode(tokens) != transcript.text:
            raise InputError(f"{name}: the recorded text is not what its tokens say")
        if set(tokens) & set(model.eos_token_ids):
            raise InputError(f"{name}: goes on after an end-of-sequence token")
        limit = conditions.max_new_tokens
        if len(tokens) > limit or (transcript.stop == "length") != (len(tokens) == limit):
            raise InputError(
                f"{name}: ends by {transcript.stop} after {len(tokens)} of {limit} tokens"
            )
