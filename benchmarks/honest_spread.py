"""How far apart are honest computations of one model, and how far off are forged answers?

Answers are made in every arithmetic (device, dtype, attention) under every plan (who generates,
batch size, padding), and all of them are replayed in every arithmetic. Reported are the share of
tokens that are not the arg-max, the largest margin in units of epsilon times spread (what
`TOLERANCE_FACTOR` bounds), and how many transcripts are unsettled and how many beyond the
tolerance: false alarms if they are honest, detections if they are forged.

Forged are the answers of another prompt (`swapped`), the first half of an answer that claims to end
there (`cut`), answers of other checkpoints (by their names), and, at a temperature, draws of
another seed (`redrawn`). Only those count that no honest computation here gave to that prompt.

MODEL is a checkpoint, asked the prompts of attest-core, or one of the random models of `replay.py`,
asked random tokens.

Usage: python benchmarks/honest_spread.py MODEL [--prompts 464] [--tokens 48] [--temperature 0.7]
    [--other MODEL...] [--devices cpu cuda] [--initializer-range 0.02] [--cells FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from plans import (
    ATTENTIONS,
    DTYPES,
    LENGTHS,
    PLANS,
    USUAL,
    Answers,
    Arithmetic,
    Asked,
    Plan,
    core_prompts,
    make_answers,
    opened,
    progress,
    random_prompts,
)
from replay import SHAPES, make_model

from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.replay import Replayed, replay
from attest.verification.replay import TOLERANCE_FACTOR, honest_tolerance


@dataclass
class Cell:
    """What one way of replaying finds about one way of making."""

    kind: str
    made: Arithmetic
    plan: Plan
    replayed: Arithmetic
    n_tokens: int = 0
    n_off: int = 0
    units: list[float] = field(default_factory=list)
    """Largest margin of each transcript, in units of epsilon times spread."""

    def take(self, found: Replayed) -> None:
        """Count one transcript."""
        unit = honest_tolerance(self.made.dtype, self.replayed.dtype, found.spread)
        self.n_tokens += len(found.margins)
        self.n_off += sum(margin > 0 for margin in found.margins)
        self.units.append(found.worst / unit * TOLERANCE_FACTOR)


def replay_all(
    checkpoint: Path,
    arithmetic: Arithmetic,
    pairs: list[tuple[int, Response]],
    asked: Asked,
) -> dict[tuple[int, Response], Replayed]:
    """The replay of each pair of a prompt and an answer, in one arithmetic."""
    started = time.perf_counter()
    indices = [index for index, _ in pairs]
    found = replay(
        opened(checkpoint, arithmetic, 1),
        [asked.prompts[index] for index in indices],
        [response for _, response in pairs],
        batch_size=32,
        draws=None if asked.draws is None else asked.draws.of(indices),
    )
    results = {pairs[place]: replayed for place, replayed in found}
    progress(f"replayed {len(pairs)} in {arithmetic}", started)
    return results


def table(title: str, rows: dict[str, list[Cell]]) -> None:
    """Print one row per group of cells."""
    print(f"\n{title:<42} not the arg-max         largest  unsettled  beyond tolerance      least")
    for name, cells in rows.items():
        units = [one for cell in cells for one in cell.units]
        if not units:
            continue
        n_tokens, n_off = (sum(getattr(c, what) for c in cells) for what in ("n_tokens", "n_off"))
        n_beyond = sum(not one <= TOLERANCE_FACTOR for one in units)
        n_unsettled = sum(0 < one <= TOLERANCE_FACTOR for one in units)
        print(
            f"{name:<42} {n_off / n_tokens:7.3%} of {n_tokens:>8}  {max(units):>10.4g}"
            f"  {n_unsettled:>9}  {n_beyond:>7} of {len(units):>6} {min(units):>10.4g}"
        )


def grouped(cells: list[Cell], name: Callable[[Cell], str]) -> dict[str, list[Cell]]:
    """The cells by name, in their order."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(name(cell), []).append(cell)
    return groups


def pair_of(cell: Cell) -> str:
    """In which arithmetic the answers were made and replayed."""
    made, replayed = cell.made, cell.replayed
    devices = "" if made.device == replayed.device == "cpu" else f"{made.device}>{replayed.device} "
    return f"{devices}{made.dtype} > {replayed.dtype}"


def forge(arguments: argparse.Namespace, asked: Asked, honest: Answers) -> dict[str, Answers]:
    """Transcripts that nobody should believe, by kind."""
    forged = {
        "swapped": {key: answers[7:] + answers[:7] for key, answers in honest.items()},
        "cut": {key: [first_half(one) for one in answers] for key, answers in honest.items()},
    }
    ways, n = dict.fromkeys(arithmetic for arithmetic, _ in honest), arguments.tokens
    for other in arguments.other:
        forged[other.name] = make_answers(other, ways, [USUAL], asked, n)
    if asked.draws is not None:
        redraw = replace(asked, draws=replace(asked.draws, seed=bytes(31) + b"\x01"))
        forged["redrawn"] = make_answers(arguments.model, ways, [USUAL], redraw, n)
    return forged


def first_half(answer: Response) -> Response:
    """The answer cut short, as if it had ended there by itself."""
    return Response(answer.tokens[: len(answer.tokens) // 2], "eos")


def measure(arguments: argparse.Namespace, asked: Asked) -> list[Cell]:
    """All cells."""
    arithmetics = [
        Arithmetic(device, dtype, attention)
        for device in arguments.devices
        for dtype in DTYPES
        for attention in ATTENTIONS
    ]
    plans = [plan for plan in PLANS if asked.draws is None or plan.engine == "attest"]
    honest = make_answers(arguments.model, arithmetics, plans, asked, arguments.tokens)
    at_prompt = [set(answers) for answers in zip(*honest.values(), strict=True)]
    print(f"{sum(map(len, honest.values()))} honest transcripts made, ", end="")
    print(f"{sum(map(len, at_prompt))} distinct, to {len(at_prompt)} prompts")
    transcripts = {("honest", *key): list(enumerate(made)) for key, made in honest.items()}
    for kind, answers_of in forge(arguments, asked, honest).items():
        for key, made in answers_of.items():
            differing = [(i, one) for i, one in enumerate(made) if one not in at_prompt[i]]
            transcripts[kind, *key] = differing
        kept = [pairs for key, pairs in transcripts.items() if key[0] == kind]
        n_distinct = len({pair for pairs in kept for pair in pairs})
        print(f"{sum(map(len, kept))} {kind} transcripts differ, {n_distinct} distinct")
    # What was answered alike is replayed once, and counted as often as it was made.
    pairs = sorted({pair for found in transcripts.values() for pair in found}, key=lambda p: p[0])
    cells = []
    for arithmetic in arithmetics:
        results = replay_all(arguments.model, arithmetic, pairs, asked)
        for (kind, made_in, plan), found in transcripts.items():
            cell = Cell(kind, made_in, plan, arithmetic)
            for pair in found:
                cell.take(results[pair])
            cells.append(cell)
    return cells


def main() -> None:
    """Print the spread by plan, by attention kernel and by kind."""
    parser = argparse.ArgumentParser(description="Measure the spread of honest computations.")
    parser.add_argument("model", type=Path, help=f"a folder, or one of {', '.join(SHAPES)}")
    parser.add_argument("--other", type=Path, nargs="*", default=[], help="forge with its answers")
    parser.add_argument("--prompts", type=int, default=464)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--temperature", type=float, help="draw at this temperature")
    parser.add_argument("--devices", nargs="+", default=["cpu"], help="cpu, cuda or both")
    parser.add_argument("--initializer-range", type=float, default=0.02, help="of a random model")
    parser.add_argument("--cells", type=Path, help="write every cell there, one JSON record a line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if str(arguments.model) in SHAPES:
            size, arguments.model = str(arguments.model), Path(folder)
            n_positions = max(LENGTHS) + arguments.tokens
            spread = arguments.initializer_range
            make_model(arguments.model, size, n_positions, initializer_range=spread)
            prompts = random_prompts(arguments.prompts)
        else:
            prompts = core_prompts(arguments.model, arguments.prompts, arguments.tokens)
        draws = None
        if arguments.temperature is not None:
            keys = tuple(ItemKey("attest-core", str(index)) for index in range(len(prompts)))
            draws = Draws(bytes(32), arguments.temperature, keys)
        cells = measure(arguments, Asked(prompts, draws))
    if arguments.cells:
        lines = (json.dumps(asdict(cell)) for cell in cells)
        arguments.cells.write_text("".join(f"{line}\n" for line in lines))
    honest = [cell for cell in cells if cell.kind == "honest"]
    print(f"margins in units of epsilon x spread of the logits, tolerance {TOLERANCE_FACTOR}")
    table(
        "honest, by plan",
        grouped(
            honest,
            lambda c: f"{pair_of(c)}: {c.plan.engine} {c.plan.batch}, {c.plan.padding}",
        ),
    )
    table(
        "honest, by attention",
        grouped(
            honest,
            lambda c: f"{pair_of(c)}: {c.made.attention} > {c.replayed.attention}",
        ),
    )
    table("by kind", grouped(cells, lambda c: f"{c.kind}: {pair_of(c)}"))


if __name__ == "__main__":
    main()
