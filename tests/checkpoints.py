"""Freshly made checkpoints of real architectures: random weights, real tokenizers and templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

Architecture = Literal["llama", "qwen2", "mistral", "gemma2", "gpt2"]

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

CORPUS = [
    "How do I bake bread at home?",
    "What is the capital of France?",
    "I'm sorry, but I can't help with that.",
    "Here is a short answer about the weather today.",
    "Write a poem about the sea and the old harbor.",
]

_SIZES: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}


@cache
def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _config(architecture: Architecture, *, tied: bool) -> transformers.PretrainedConfig:
    sizes = {**_SIZES, "tie_word_embeddings": tied}
    if architecture == "gpt2":
        return transformers.GPT2Config(
            vocab_size=320,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=512,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        )
    if architecture == "gemma2":
        return transformers.Gemma2Config(**sizes, head_dim=8, sliding_window=16)
    kinds = {
        "llama": transformers.LlamaConfig,
        "qwen2": transformers.Qwen2Config,
        "mistral": transformers.MistralConfig,
    }
    extra: dict[str, Any] = {"sliding_window": 16} if architecture == "mistral" else {}
    return kinds[architecture](**sizes, **extra)


def make_tokenizer(template: str | None = TEMPLATE) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer with special tokens and, where one is given, a chat template."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(), bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    tokenizer.chat_template = template
    return tokenizer


def make_checkpoint(
    folder: Path,
    architecture: Architecture = "llama",
    *,
    dtype: torch.dtype = torch.float32,
    tied: bool = False,
    shard_size: str = "1GB",
    template: str | None = TEMPLATE,
    seed: int = 7,
) -> Path:
    """Write a checkpoint as `save_pretrained` writes it, and give its folder back."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(_config(architecture, tied=tied))
    # Wider logits than a fresh initialization gives, so that texts differ between prompts.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    make_tokenizer(template).save_pretrained(folder)
    return folder
