"""A checkpoint in memory: weights and tokenizer, loaded by transformers from one folder.

Nothing is taken from `generation_config.json` but the end-of-sequence tokens: a checkpoint could
hide a temperature or a repetition penalty there.
"""

from __future__ import annotations

import inspect
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache

from attest.canonical import parse_json
from attest.errors import InputError
from attest.evaluation.records import Environment
from attest.version import __version__

Dtype = Literal["float32", "bfloat16", "float16"]

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors")


@dataclass(frozen=True)
class ModelOptions:
    """How to run a checkpoint on this machine."""

    max_new_tokens: int
    dtype: Literal["checkpoint", "float32", "bfloat16", "float16"] = "checkpoint"
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    threads: int | None = None
    """CPU threads; None leaves the choice to torch."""
    keeps_special_tokens: bool = False
    """Decode them too: the marks of reasoning may be special."""


@dataclass(frozen=True)
class Padded:
    """Token ids of several rows, and which of them count."""

    ids: torch.Tensor
    """(rows, columns) int64."""
    mask: torch.Tensor
    """(rows, columns) int64: 1 for a token, 0 for padding."""


class Model:
    """A loaded checkpoint."""

    def __init__(self, folder: Path, options: ModelOptions) -> None:
        """Load weights and tokenizer from `folder`, and from nowhere else.

        Raises: InputError if transformers cannot load the checkpoint without custom code.
        """
        silence_transformers()
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self.device = device_called(options.device)
        self.max_new_tokens = options.max_new_tokens
        self._keeps_special_tokens = options.keeps_special_tokens
        try:
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            dtype = _dtype(options.dtype, config)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise InputError(
                f"transformers {transformers.__version__} cannot load the checkpoint: "
                f"{first_line(error)}",
                reason="cannot-load",
                where=folder.name,
                hint="attest runs architectures that transformers knows itself, without code "
                "from the checkpoint",
            ) from error
        self._model = model.to(self.device).eval()
        self.dtype: Dtype = dtype
        self.architecture = type(self._model).__name__
        self.attention = str(getattr(self._model.config, "_attn_implementation", "eager"))
        self.eos_token_ids = _eos_token_ids(folder, self._model.config, self._tokenizer)
        self._forward_names = frozenset(inspect.signature(self._model.forward).parameters)
        if not {"past_key_values", "attention_mask"} <= self._forward_names:
            raise InputError(
                f"{self.architecture} has no key-value cache to generate with",
                reason="unsupported-architecture",
                where=folder.name,
            )
        text_config = self._model.config.get_text_config()
        self._max_positions: int | None = getattr(text_config, "max_position_embeddings", None)
        self.vocabulary_size: int = text_config.vocab_size
        pad = self._tokenizer.pad_token_id
        self.pad = pad if pad is not None else self.eos_token_ids[0]

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """What chat templates call by name: `bos_token`, `eos_token` and their kin."""
        return {
            name: str(token)
            for name, token in self._tokenizer.special_tokens_map.items()
            if isinstance(token, str)
        }

    @property
    def special_texts(self) -> frozenset[str]:
        """Every text that the tokenizer reads as a special token."""
        added = self._tokenizer.added_tokens_decoder.values()
        return frozenset(token.content for token in added if token.special)

    @property
    def environment(self) -> Environment:
        """Where this engine runs."""
        on_cpu = self.device.type == "cpu"
        return Environment(
            attest=__version__,
            python=platform.python_version(),
            platform=f"{platform.system()}-{platform.machine()}",
            device="cpu" if on_cpu else torch.cuda.get_device_name(self.device),
            threads=torch.get_num_threads(),
            libraries={name: version(name) for name in LIBRARIES},
        )

    def encode(self, text: str, prefill: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The token ids of a rendered conversation; the template wrote its special tokens.

        Args:
            text: as the template rendered it.
            prefill: token ids that the answer already begins with.
        """
        ids = [*self._tokenizer(text, add_special_tokens=False)["input_ids"], *prefill]
        if self._max_positions is not None and len(ids) + self.max_new_tokens > self._max_positions:
            raise InputError(
                f"a prompt of {len(ids)} tokens and {self.max_new_tokens} new ones exceed the "
                f"{self._max_positions} positions of the model",
                reason="prompt-too-long",
                hint="the license asks for more than this model can hold: lower "
                "measurement.max_new_tokens, or take a benchmark with shorter prompts",
            )
        return tuple(ids)

    def encode_answer(self, text: str) -> tuple[int, ...]:
        """The token ids of an answer known as text only; seldom the ids that it came from."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a response, special tokens left out unless the options keep them."""
        text = self._tokenizer.decode(
            list(tokens), skip_special_tokens=not self._keeps_special_tokens
        )
        return str(text)

    def forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        cache: DynamicCache,
        *,
        logits_to_keep: int,
    ) -> torch.Tensor:
        """Logits of the last positions of `ids`, whose keys and values join `cache`.

        Args:
            ids: (rows, new) int64, the tokens that are not in the cache yet.
            mask: (rows, cached + new) int64, 0 where a row is padding.
            cache: what was read before.
            logits_to_keep: how many of the last positions are wanted.

        Returns: (rows, logits_to_keep, vocabulary), in the arithmetic of the model.
        """
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        optional = {"position_ids": positions, "logits_to_keep": logits_to_keep}
        output = self._model(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            **{name: value for name, value in optional.items() if name in self._forward_names},
        )
        logits: torch.Tensor = output.logits[:, -logits_to_keep:, :]
        return logits

    def new_cache(self) -> DynamicCache:
        """An empty key-value cache for this architecture."""
        return DynamicCache(config=self._model.config)

    def left_padded(self, prompts: Sequence[tuple[int, ...]]) -> Padded:
        """The prompts as one tensor in which all rows end in the last column."""
        width = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), width), self.pad, dtype=torch.long)
        mask = torch.zeros((len(prompts), width), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        return Padded(ids.to(self.device), mask.to(self.device))


def silence_transformers() -> None:
    """Leave progress and messages to the caller, who has a terminal of his own."""
    logging: Any = transformers.utils.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def device_called(wanted: str) -> torch.device:
    """The device of that name; `auto` takes an accelerator where there is one.

    Raises: InputError with reason `device`.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(
            f"expected auto, cpu, cuda or cuda:N, found {wanted!r}", reason="device"
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available here", reason="device", hint="--device cpu")
    return device


def _dtype(wanted: str, config: Any) -> Dtype:
    if wanted == "checkpoint":
        found = config.dtype or config.get_text_config().dtype
        wanted = str(found).removeprefix("torch.") if found is not None else "float32"
    if wanted not in ("float32", "bfloat16", "float16"):
        raise InputError(
            f"expected weights in float32, bfloat16 or float16, found {wanted}",
            reason="unsupported-dtype",
            hint="state measurement.dtype in the terms",
        )
    return wanted  # type: ignore[return-value]  # narrowed by the membership test above


def _eos_token_ids(folder: Path, config: Any, tokenizer: Any) -> tuple[int, ...]:
    found: set[int] = set()
    generation_file = folder / "generation_config.json"
    sources = [config.eos_token_id, config.get_text_config().eos_token_id, tokenizer.eos_token_id]
    if generation_file.is_file():
        generation = parse_json(generation_file.read_bytes(), what="generation_config.json")
        if isinstance(generation, dict):
            sources.append(generation.get("eos_token_id"))
    for source in sources:
        if isinstance(source, int):
            found.add(source)
        elif isinstance(source, list):
            found.update(source)
    if not found:
        raise InputError(
            "neither config, generation config nor tokenizer names an end-of-sequence token",
            reason="no-eos-token",
            where=folder.name,
        )
    return tuple(sorted(found))


def first_line(error: BaseException) -> str:
    """The first line of what a library has to say."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
