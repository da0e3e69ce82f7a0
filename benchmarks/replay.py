"""How much cheaper is replaying answers than making them?

For random Llama checkpoints of three sizes: the wall time of making answers, greedy or drawn at a
temperature, in sorted batches (the local engine), and of replaying the same answers against the
same weights, in turn in one process; medians of several rounds, and the peak memory of each. On a
machine with other work, wall time says little: with `--threads 1` quote the ratio of CPU time.

Usage: python benchmarks/replay.py [--sizes 1M 15M 125M] [--tokens 128 512] [--dtype float32]
    [--temperature 0.7]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.engines.replay import replay
from attest.evaluation.plan import batches

VOCABULARY = 8192
SHAPES = {"1M": (64, 3), "15M": (384, 5), "125M": (768, 16)}
"""Hidden size and number of layers."""


def make_model(
    folder: Path, size: str, n_positions: int, *, initializer_range: float = 0.02
) -> None:
    """Write a random checkpoint in which no row of the output ends an answer."""
    hidden, layers = SHAPES[size]
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        max_position_embeddings=n_positions,
        initializer_range=initializer_range,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(20)  # far apart, as the logits of a trained model are
        model.lm_head.weight[:3] = 0
    model.save_pretrained(folder)
    words = {word: index for index, word in enumerate(["<s>", "</s>", "<pad>"])}
    words |= {f"w{index}": index for index in range(3, VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)


def generate(
    model: Model, prompts: list[tuple[int, ...]], batch: int, draws: Draws | None
) -> list[Response]:
    """All answers, in sorted batches."""
    engine = LocalEngine(model)
    answers: dict[int, Response] = {}
    for indices in batches(prompts, batch):
        own = None if draws is None else draws.of(indices)
        found = engine.generate([prompts[index] for index in indices], own)
        answers.update(zip(indices, found, strict=True))
    return [answers[index] for index in range(len(prompts))]


def check(
    model: Model,
    prompts: list[tuple[int, ...]],
    answers: list[Response],
    batch: int,
    draws: Draws | None,
) -> float:
    """The largest margin of all tokens."""
    found = replay(model, prompts, answers, batch_size=batch, draws=draws)
    return max(one.worst for _, one in found)


def measure(
    arguments: argparse.Namespace, size: str, n_tokens: int, phase: str
) -> dict[str, float]:
    """Times and memory of one size, in this process."""
    rng = random.Random(3)
    prompts = [
        tuple(rng.randrange(3, VOCABULARY) for _ in range(rng.randint(20, 120)))
        for _ in range(arguments.prompts)
    ]
    draws = None
    if arguments.temperature is not None:
        items = tuple(ItemKey("benchmark", str(index)) for index in range(len(prompts)))
        draws = Draws(bytes(32), arguments.temperature, items)
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), size, 160 + n_tokens)
        options = ModelOptions(
            max_new_tokens=n_tokens,
            dtype=arguments.dtype,
            device=arguments.device,
            threads=arguments.threads,
        )
        model = Model(Path(folder), options)
    if phase == "memory":
        answers = [Response(tuple(prompts[0][:1] * n_tokens), "length") for _ in prompts]
        check(model, prompts, answers, arguments.batch, draws)
        return {"replay_peak_mib": peak_mib()}
    generate(model, prompts[:4], 4, draws)
    made, replayed, margin, peak = [], [], 0.0, 0.0
    for number in range(arguments.rounds):
        started = now()
        answers = generate(model, prompts, arguments.batch, draws)
        made.append(now() - started)
        if number == 0:  # before any replay, whose peak would hide this one
            peak = peak_mib()
        started = now()
        margin = max(margin, check(model, prompts, answers, arguments.batch, draws))
        replayed.append(now() - started)
    ratios = [one.cpu_s / two.cpu_s for one, two in zip(replayed, made, strict=True)]
    return {
        "generate_s": statistics.median(one.wall_s for one in made),
        "generate_cpu_s": statistics.median(one.cpu_s for one in made),
        "replay_s": statistics.median(one.wall_s for one in replayed),
        "replay_cpu_s": statistics.median(one.cpu_s for one in replayed),
        "ratio": statistics.median(
            one.wall_s / two.wall_s for one, two in zip(replayed, made, strict=True)
        ),
        "cpu_ratio": statistics.median(ratios),
        "least_cpu_ratio": min(ratios),
        "largest_cpu_ratio": max(ratios),
        "generate_peak_mib": peak,
        "margin": margin,
    }


@dataclass(frozen=True)
class Seconds:
    """Wall time, and processor time of this process."""

    wall_s: float
    cpu_s: float

    def __sub__(self, earlier: Seconds) -> Seconds:
        return Seconds(self.wall_s - earlier.wall_s, self.cpu_s - earlier.cpu_s)


def now() -> Seconds:
    """Both clocks."""
    return Seconds(time.perf_counter(), time.process_time())


def peak_mib() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_own_process(size: str, n_tokens: int, phase: str) -> dict[str, float]:
    """The same, in a fresh process, so that peaks do not hide each other."""
    words = [*sys.argv, "--one", size, str(n_tokens), phase]
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print one row per size and length."""
    parser = argparse.ArgumentParser(description="Time replay against generation.")
    parser.add_argument("--sizes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--tokens", nargs="+", type=int, default=[128, 512])
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--temperature", type=float, help="draw at this temperature")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        size, n_tokens, phase = arguments.one
        print(json.dumps(measure(arguments, size, int(n_tokens), phase)))
        return
    decoding = "greedy" if arguments.temperature is None else f"at {arguments.temperature}"
    print(
        f"{arguments.prompts} prompts of 20 to 120 tokens, batches of {arguments.batch}, "
        f"{arguments.dtype}, {decoding}, medians of {arguments.rounds} rounds"
    )
    print(
        "              generate          replay       ratio                             peak MiB\n"
        "size  tokens  wall s  CPU s    wall s  CPU s   wall   CPU (least to largest)    generate"
        " / replay"
    )
    for size in arguments.sizes:
        for n_tokens in arguments.tokens:
            found = in_own_process(size, n_tokens, "time")
            found |= in_own_process(size, n_tokens, "memory")
            spread = f"({found['least_cpu_ratio']:.2f} to {found['largest_cpu_ratio']:.2f})"
            print(
                f"{size:<5} {n_tokens:>6}"
                f"  {found['generate_s']:>6.1f} {found['generate_cpu_s']:>6.1f}"
                f"    {found['replay_s']:>6.1f} {found['replay_cpu_s']:>6.1f}"
                f"   {found['ratio']:>4.2f}  {found['cpu_ratio']:>4.2f} {spread}"
                f"          {found['generate_peak_mib']:>8.0f} / {found['replay_peak_mib']:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
