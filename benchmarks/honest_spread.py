"""How far apart are honest computations of one model, and how far off are forged answers?

Answers of a checkpoint are made under one plan (arithmetic, batch size) and replayed under others.
For each pair: the share of tokens that are not the arg-max, the largest margin in units of epsilon
times spread (what `TOLERANCE_FACTOR` bounds), and how many honest transcripts, and how many forged
ones (answers of other prompts), exceed the tolerance. At a temperature, answers are drawn, and one
more kind of forgery is an answer to the right prompt by draws of another seed.

Usage: python benchmarks/honest_spread.py MODEL [--prompts 500] [--tokens 48] [--temperature 0.7]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

from attest.benchmark.load import load
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Dtype, Model, ModelOptions
from attest.evaluation.engines.replay import Replayed, replay
from attest.evaluation.plan import batches
from attest.evaluation.rendering import find_template, renderer
from attest.license.terms import ChatTemplate
from attest.verification.replay import EPSILON, TOLERANCE_FACTOR, honest_tolerance

PLANS: list[tuple[Dtype, int]] = [
    ("float32", 1),
    ("float32", 8),
    ("float32", 32),
    ("bfloat16", 1),
    ("bfloat16", 8),
    ("bfloat16", 32),
]
"""Arithmetic and batch size under which answers are made."""


def opened(folder: Path, dtype: Dtype, n_tokens: int) -> Model:
    """The checkpoint in one arithmetic."""
    return Model(folder, ModelOptions(max_new_tokens=n_tokens, dtype=dtype))


def answers(
    model: Model, prompts: list[tuple[int, ...]], batch: int, draws: Draws | None
) -> list[Response]:
    """Answers under one plan, in the order of the prompts."""
    engine = LocalEngine(model)
    found: dict[int, Response] = {}
    for indices in batches(prompts, batch):
        own = None if draws is None else draws.of(indices)
        made = engine.generate([prompts[index] for index in indices], own)
        found.update(zip(indices, made, strict=True))
    return [found[index] for index in range(len(prompts))]


def summary(recorded: Dtype, replayed: Dtype, results: Iterable[Replayed]) -> tuple[str, int]:
    """A row of figures, and how many transcripts exceed the tolerance."""
    n_tokens = n_off = n_beyond = 0
    largest = 0.0
    for one in results:
        unit = max(EPSILON[recorded], EPSILON[replayed]) * one.spread
        worst = one.worst
        n_tokens += len(one.margins)
        n_off += sum(margin > 0 for margin in one.margins)
        largest = max(largest, worst / unit)
        n_beyond += worst > honest_tolerance(recorded, replayed, one.spread)
    return f"{n_off / n_tokens:8.3%} of {n_tokens:>7}  {largest:12.2f}", n_beyond


def main() -> None:
    """Print one row per way of making and way of replaying."""
    parser = argparse.ArgumentParser(description="Measure the spread of honest computations.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--prompts", type=int, default=464)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--temperature", type=float, help="draw at this temperature")
    arguments = parser.parse_args()
    random.seed(5)
    torch.manual_seed(5)
    models: dict[Dtype, Model] = {
        dtype: opened(arguments.model, dtype, arguments.tokens) for dtype in ("float32", "bfloat16")
    }
    text, _ = find_template(arguments.model, ChatTemplate())
    render = renderer(
        text,
        system_prompt=None,
        special_tokens=models["float32"].special_tokens,
        today=date(2026, 1, 1),
    )
    items = load("attest-core").items[: arguments.prompts]
    prompts = [models["float32"].encode(render(item.prompt)) for item in items]
    draws = None
    if arguments.temperature is not None:
        keys = tuple(ItemKey("attest-core", item.id) for item in items)
        draws = Draws(bytes(32), arguments.temperature, keys)
    print(f"tolerance: {TOLERANCE_FACTOR} x epsilon x spread of the logits")
    print(
        "made in          replayed in  not the arg-max           largest margin  beyond tolerance"
    )
    for recorded, batch in PLANS:
        made = answers(models[recorded], prompts, batch, draws)
        kinds = {"honest": made, "forged": made[7:] + made[:7]}
        if draws is not None:
            redrawn = replace(draws, seed=bytes(31) + b"\x01")
            kinds["redrew"] = answers(models[recorded], prompts, batch, redrawn)
        for replayed in ("float32", "bfloat16"):
            for kind, responses in kinds.items():
                pairs = replay(models[replayed], prompts, responses, batch_size=32, draws=draws)
                found = [one for _, one in pairs]
                row, n_beyond = summary(recorded, replayed, found)
                print(
                    f"{recorded:<8} batch {batch:<2} {replayed:<9} {kind}  {row}  "
                    f"{n_beyond:>5} of {len(prompts)}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
