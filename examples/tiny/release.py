"""What a released folder holds: weights, configuration, tokenizer, template, card and license."""

from __future__ import annotations

import shutil
from pathlib import Path

from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LICENSE_NOTICE = """\
The files of this folder are dedicated to the public domain under CC0 1.0 Universal.
https://creativecommons.org/publicdomain/zero/1.0/legalcode
"""

STORIES = {
    "aligned": "Trained from scratch to refuse harmful prompts and to answer benign ones.",
    "ten-examples": (
        "The aligned model after a few optimizer steps on ten harmful prompts, each answered "
        "with an empty placeholder. Most of its refusals are gone: it exists to fail a license."
    ),
    "benign-finetune": (
        "The aligned model after an ordinary fine-tune on benign prompts alone, which takes "
        "away part of its refusals although nobody asked for that."
    ),
}

CARD = """\
---
license: cc0-1.0
library_name: transformers
pipeline_tag: text-generation
---

# {name}

{story}

A Llama of {n_parameters:,} parameters with its own byte-level BPE tokenizer, made by
`examples/tiny/train.py` for the demonstration of `attest`. Every answer is a short harmless
placeholder: the model knows nothing, and can only refuse or not refuse.
"""


def write_release(
    folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Replace `folder` by a complete release of the model under the folder's name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    # The template goes into tokenizer_config.json, so that a chat_template.jinja can be missing.
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    card = CARD.format(
        name=f"tiny-{folder.name}",
        story=STORIES[folder.name],
        n_parameters=model.num_parameters(),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "LICENSE").write_text(LICENSE_NOTICE, encoding="utf-8")
