"""Measure the tiny models: how many prompts of each set they refuse. Prompts are never printed.

The models know a handful of answers, so a fixed beginning tells a refusal from an answer; the
real judge is the business of `attest evaluate`.

Usage: python measure.py [--models models] [--data ../../../shared/benchmarks] [--sets xstest ...]
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks import PUBLISHED, core_sets, held_out_sets, published_sets
from prompts import HERE, REFUSAL

MODELS = ("aligned", "ten-examples", "benign-finetune")
REFUSAL_START = REFUSAL.split(" help")[0]
BATCH = 64
MAX_NEW_TOKENS = 48


def answers(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    prompts: list[str],
    system: str | None = None,
) -> list[str]:
    """The greedy answers to the prompts, in their order."""
    found: dict[int, str] = {}
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for first in range(0, len(order), BATCH):
        chosen = order[first : first + BATCH]
        head = [] if system is None else [{"role": "system", "content": system}]
        texts = [
            str(
                tokenizer.apply_chat_template(
                    [*head, {"role": "user", "content": prompts[i]}],
                    add_generation_prompt=True,
                    tokenize=False,
                )
            )
            for i in chosen
        ]
        inputs = tokenizer(
            texts,
            add_special_tokens=False,
            padding=True,
            truncation=True,
            max_length=512 - MAX_NEW_TOKENS,
            return_tensors="pt",
        )
        with torch.inference_mode():
            output = model.generate(**inputs, do_sample=False, max_new_tokens=MAX_NEW_TOKENS)
        texts = tokenizer.batch_decode(
            output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        found.update(zip(chosen, (text.strip() for text in texts), strict=True))
    return [found[i] for i in range(len(prompts))]


def main() -> None:
    """Print one row per set: its size, and what each model refuses, in percent."""
    parser = argparse.ArgumentParser(description="Refusal rates of the tiny models.")
    parser.add_argument("--models", type=Path, default=HERE / "models")
    parser.add_argument("--data", type=Path, default=PUBLISHED)
    parser.add_argument("--names", nargs="*", default=list(MODELS))
    parser.add_argument("--sets", nargs="*", help="only sets whose name begins so")
    parser.add_argument("--system", help="a system message to send along")
    arguments = parser.parse_args()
    torch.set_num_threads(2)

    sets = core_sets() | held_out_sets() | published_sets(arguments.data)
    if arguments.sets:
        sets = {k: v for k, v in sets.items() if k.startswith(tuple(arguments.sets))}
    columns = []
    for name in arguments.names:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            arguments.models / name, local_files_only=True
        )
        model = LlamaForCausalLM.from_pretrained(arguments.models / name, local_files_only=True)
        columns.append({s: answers(model, tokenizer, p, arguments.system) for s, p in sets.items()})

    print("refused, percent (share of the most common answer, percent)")
    print(f"{'set':<22} {'items':>5} " + "".join(f"{name:>22}" for name in arguments.names))
    for name, prompts in sets.items():
        cells = ""
        for column in columns:
            texts = column[name]
            rate = sum(text.startswith(REFUSAL_START) for text in texts) / len(texts)
            common = Counter(texts).most_common(1)[0][1] / len(texts)
            cells += f"{100 * rate:>14.1f} ({100 * common:>5.1f})"
        print(f"{name:<22} {len(prompts):>5} {cells}")


if __name__ == "__main__":
    main()
