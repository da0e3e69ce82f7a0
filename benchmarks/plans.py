"""Ways of making the same answers: arithmetic, who generates, batch size, padding."""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import torch
from replay import VOCABULARY
from transformers import AutoModelForCausalLM

from attest.benchmark.load import load
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Dtype, Model, ModelOptions
from attest.evaluation.plan import batches
from attest.evaluation.rendering import find_template, renderer
from attest.license.terms import ChatTemplate

LENGTHS = (6, 10, 16, 26, 40)
"""Tokens of a random prompt: few lengths, so that batches without padding are batches."""

Attention = Literal["sdpa", "eager"]
DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16")
ATTENTIONS: tuple[Attention, ...] = ("sdpa", "eager")

Generate = Callable[[Sequence[tuple[int, ...]], Draws | None], list[Response]]


@dataclass(frozen=True)
class Arithmetic:
    """How logits are computed."""

    device: str
    dtype: Dtype
    attention: Attention


@dataclass(frozen=True)
class Plan:
    """Who generates, and which prompts share a forward pass."""

    engine: Literal["attest", "transformers"]
    batch: int
    padding: Literal["left", "none"]


PLANS = (
    Plan("attest", 1, "none"),
    Plan("attest", 8, "none"),
    Plan("attest", 32, "none"),
    Plan("attest", 8, "left"),
    Plan("attest", 32, "left"),
    Plan("transformers", 8, "left"),
    Plan("transformers", 32, "left"),
)
"""Both engines pad left; without padding, only prompts of one length share a batch."""

USUAL = Plan("attest", 32, "left")
"""What `attest evaluate` does unless told otherwise."""


Answers = dict[tuple[Arithmetic, Plan], list[Response]]
"""In the order of the prompts."""


@dataclass(frozen=True)
class Asked:
    """What is asked."""

    prompts: list[tuple[int, ...]]
    draws: Draws | None


def core_prompts(checkpoint: Path, n_prompts: int, n_tokens: int) -> list[tuple[int, ...]]:
    """Prompts of attest-core in random order, rendered and encoded for the checkpoint."""
    model = Model(checkpoint, ModelOptions(n_tokens))
    text, _ = find_template(checkpoint, ChatTemplate())
    render = renderer(
        text,
        system_prompt=None,
        special_tokens=model.special_tokens,
        today=date(2026, 1, 1),
    )
    items = random.Random(5).sample(load("attest-core").items, n_prompts)
    return [model.encode(render(item.prompt)) for item in items]


def random_prompts(n_prompts: int) -> list[tuple[int, ...]]:
    """Random tokens."""
    rng = random.Random(5)
    return [
        tuple(rng.randrange(3, VOCABULARY) for _ in range(rng.choice(LENGTHS)))
        for _ in range(n_prompts)
    ]


def opened(checkpoint: Path, arithmetic: Arithmetic, n_tokens: int) -> Model:
    """The checkpoint in one arithmetic."""
    options = ModelOptions(n_tokens, dtype=arithmetic.dtype, device=arithmetic.device)
    with tempfile.TemporaryDirectory() as folder:
        view = with_attention(checkpoint, arithmetic.attention, Path(folder))
        model = Model(view, options)
    if model.attention != arithmetic.attention:
        raise SystemExit(f"expected {arithmetic.attention} attention, found {model.attention}")
    return model


def with_attention(checkpoint: Path, attention: str, view: Path) -> Path:
    """The checkpoint as seen from `view`, where its configuration asks for this attention."""
    for path in checkpoint.resolve().iterdir():
        if path.name != "config.json":
            (view / path.name).symlink_to(path)
    config = json.loads((checkpoint / "config.json").read_text())
    (view / "config.json").write_text(json.dumps(config | {"attn_implementation": attention}))
    return view


def make_answers(
    checkpoint: Path,
    arithmetics: Iterable[Arithmetic],
    plans: Iterable[Plan],
    asked: Asked,
    n_tokens: int,
) -> Answers:
    """Answers of one checkpoint, each arithmetic with each plan."""
    made = {}
    for arithmetic in arithmetics:
        model = opened(checkpoint, arithmetic, n_tokens)
        engines: dict[str, Generate] = {
            "attest": LocalEngine(model).generate,
            "transformers": peer(checkpoint, arithmetic, model),
        }
        for plan in plans:
            started = time.perf_counter()
            answers: dict[int, Response] = {}
            for indices in plan_batches(plan, asked.prompts):
                draws = None if asked.draws is None else asked.draws.of(indices)
                found = engines[plan.engine]([asked.prompts[index] for index in indices], draws)
                answers.update(zip(indices, found, strict=True))
            made[arithmetic, plan] = [answers[index] for index in range(len(asked.prompts))]
            progress(f"made {arithmetic} {plan}", started)
    return made


def plan_batches(plan: Plan, prompts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Indices of the prompts that share a forward pass."""
    if plan.padding == "none":
        by_length: dict[int, list[int]] = {}
        for index, prompt in enumerate(prompts):
            by_length.setdefault(len(prompt), []).append(index)
        groups = list(by_length.values())
    elif plan.engine == "transformers":
        groups = [list(range(len(prompts)))]  # in the order of the file, as most harnesses do
    else:
        return batches(prompts, plan.batch)
    return [
        tuple(group[start : start + plan.batch])
        for group in groups
        for start in range(0, len(group), plan.batch)
    ]


def peer(checkpoint: Path, arithmetic: Arithmetic, model: Model) -> Generate:
    """The plain `generate` of transformers, with prompts padded left."""
    theirs: Any = AutoModelForCausalLM.from_pretrained(
        checkpoint,
        dtype=getattr(torch, arithmetic.dtype),
        attn_implementation=arithmetic.attention,
    )
    theirs.to(model.device)

    def generate(prompts: Sequence[tuple[int, ...]], _draws: Draws | None) -> list[Response]:
        padded = model.left_padded(prompts)
        found = theirs.generate(
            input_ids=padded.ids,
            attention_mask=padded.mask,
            do_sample=False,
            max_new_tokens=model.max_new_tokens,
            pad_token_id=model.pad,
            eos_token_id=list(model.eos_token_ids),
        )
        return [until_end(row, model) for row in found[:, padded.ids.shape[1] :].tolist()]

    return generate


def until_end(row: list[int], model: Model) -> Response:
    """What `generate` wrote, without its end-of-sequence token and padding."""
    ends = [place for place, token in enumerate(row) if token in model.eos_token_ids]
    return Response(tuple(row[: ends[0]]), "eos") if ends else Response(tuple(row), "length")


def progress(what: str, started: float) -> None:
    """Say on stderr what took how long."""
    print(f"{time.perf_counter() - started:7.1f} s  {what}", file=sys.stderr, flush=True)
