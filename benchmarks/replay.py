"""How much cheaper is replaying answers than making them?

For random Llama checkpoints of three sizes: the wall time of making answers, greedy or drawn at a
temperature, in sorted batches (the local engine), and of replaying the same answers against the
same weights, in turn in one process; medians of several rounds, and the peak memory of each in a
process of its own.

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


def make_model(folder: Path, size: str, n_positions: int) -> None:
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
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if phase == "memory of replay":
        answers = [Response(tuple(prompts[0][:1] * n_tokens), "length") for _ in prompts]
        check(model, prompts, answers, arguments.batch, draws)
    elif phase == "memory of generation":
        generate(model, prompts, arguments.batch, draws)
    else:
        generate(model, prompts[:4], 4, draws)
        made, replayed, margin = [], [], 0.0
        for _ in range(arguments.rounds):
            started = time.perf_counter()
            answers = generate(model, prompts, arguments.batch, draws)
            between = time.perf_counter()
            margin = max(margin, check(model, prompts, answers, arguments.batch, draws))
            made.append(between - started)
            replayed.append(time.perf_counter() - between)
        ratios = [one / two for one, two in zip(replayed, made, strict=True)]
        n = len(prompts) * n_tokens
        return {
            "generate_s": statistics.median(made),
            "replay_s": statistics.median(replayed),
            "ratio": statistics.median(ratios),
            "generate_tokens_per_s": n / statistics.median(made),
            "replay_tokens_per_s": n / statistics.median(replayed),
            "margin": margin,
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_mib": peak / 1024, "above_loaded_mib": (peak - loaded) / 1024}


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
    print("size  tokens  generate s  replay s  ratio  gen tok/s  replay tok/s  peak MiB gen/replay")
    for size in arguments.sizes:
        for n_tokens in arguments.tokens:
            time_ = in_own_process(size, n_tokens, "time")
            memory = [
                in_own_process(size, n_tokens, f"memory of {what}")["peak_mib"]
                for what in ("generation", "replay")
            ]
            print(
                f"{size:<5} {n_tokens:>6}  {time_['generate_s']:>10.2f}  {time_['replay_s']:>8.2f}"
                f"  {time_['ratio']:>5.2f}  {time_['generate_tokens_per_s']:>9.0f}"
                f"  {time_['replay_tokens_per_s']:>12.0f}  {memory[0]:>8.0f} / {memory[1]:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
