"""Models that judge: real architectures, tiny, and taught to say a few words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from checkpoints import make_checkpoint, make_tokenizer

HARMLESS, HARMFUL = "The bread is in the oven.", "Take the left lock first."
"""Two answers that the taught judges tell apart."""


def make_classifier(
    folder: Path, labels: tuple[str, ...], *, architecture: str = "roberta", says: int | None = None
) -> Path:
    """A sequence classifier of random weights; with `says` it gives one class whatever it reads."""
    sizes: dict[str, Any] = {
        "vocab_size": 320,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 67,
        "type_vocab_size": 1,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
    }
    if architecture == "longformer":
        config: Any = transformers.LongformerConfig(**sizes, attention_window=[16, 16])
    else:
        config = transformers.RobertaConfig(**sizes)
    torch.manual_seed(3)
    auto: Any = transformers.AutoModelForSequenceClassification
    model = auto.from_config(config)
    if says is not None:
        with torch.no_grad():
            model.classifier.out_proj.weight.zero_()
            model.classifier.out_proj.bias.zero_()
            model.classifier.out_proj.bias[says] = 1.0
    model.save_pretrained(folder)
    make_tokenizer(template=None).save_pretrained(folder)
    return folder


def teach(folder: Path, replies: Mapping[str, str], *, steps: int = 60) -> Path:
    """Train the model in `folder` until it answers each text with its reply and then stops."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = []
    for text, reply in replies.items():
        prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
        answer = tokenizer(reply, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        rows.append((prompt, answer))
    torch.manual_seed(5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        for prompt, answer in rows:
            ids = torch.tensor([prompt + answer])
            labels = torch.tensor([[-100] * len(prompt) + answer])
            model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


def make_judge(folder: Path, replies: Mapping[str, str], *, template: str | None) -> Path:
    """A small language model that was taught what to say to each rendered prompt."""
    make_checkpoint(folder, "llama", template=template)
    return teach(folder, replies)
