"""What each file of a checkpoint does, by its name alone, and what no manifest lists.

The first pattern that fits the lower-cased file name decides. Whatever can be loaded comes first,
so that no name such as `README.py` turns code into documentation.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from attest.checkpoint.manifest import Role

PICKLE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".th", ".nemo"}
)
"""Formats that run code, or may hold an object that does, when they are loaded."""

OTHER_WEIGHT_SUFFIXES = frozenset(
    {
        *(".msgpack", ".h5", ".hdf5", ".keras", ".pb", ".tflite", ".ot", ".distcp"),
        *(".onnx", ".onnx_data", ".ort", ".mlmodel", ".mlpackage", ".engine", ".plan", ".pte"),
        *(".gguf", ".ggml", ".llamafile", ".litertlm", ".task", ".mnn", ".dduf", ".weights"),
    }
)
"""Weights of other engines: attested nowhere, so never beside attested weights."""

COMPILED_CODE_SUFFIXES = frozenset({".so", ".dylib", ".dll", ".pyd", ".pyc", ".pyo"})
"""Code that nobody can read."""

_BY_NAME: tuple[tuple[str, Role], ...] = (
    ("adapter_config.json", "adapter"),
    ("adapter_model*", "adapter"),
    *((f"*{suffix}", "weights") for suffix in sorted(PICKLE_SUFFIXES | OTHER_WEIGHT_SUFFIXES)),
    *((f"*{suffix}", "code") for suffix in sorted(COMPILED_CODE_SUFFIXES)),
    ("*.index.json", "index"),
    ("*.index.*.json", "index"),
    ("*.safetensors", "weights"),
    ("*.py", "code"),
    ("*.ipynb", "documentation"),
    ("*.jinja", "template"),
    ("*.jinja2", "template"),
    ("chat_template*.json", "template"),
    ("tokenizer*", "tokenizer"),
    ("special_tokens_map.json", "tokenizer"),
    ("added_tokens.json", "tokenizer"),
    ("vocab*.json", "tokenizer"),
    ("vocab*.txt", "tokenizer"),
    ("merges*.txt", "tokenizer"),
    ("*.bpe", "tokenizer"),
    ("*.model", "tokenizer"),
    ("*.model.v*", "tokenizer"),
    ("*.tiktoken", "tokenizer"),
    ("tekken.json", "tokenizer"),
    ("licen[cs]e*", "license"),
    ("notice*", "license"),
    ("use_policy*", "license"),
    ("config*.json", "config"),
    ("*_config.json", "config"),
    ("params.json", "config"),
    ("modules.json", "config"),
    ("readme", "documentation"),
    ("readme.*", "documentation"),
    *(
        (f"*{suffix}", "documentation")
        for suffix in (".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
    ),
)

_EXCLUDED_FOLDERS = ("attestations/", ".git/", ".cache/huggingface/", ".eval_results/")
_EXCLUDED_FILES = frozenset({"model.sig", ".git", ".gitattributes", ".gitignore"})


def suffix_of(path: str) -> str:
    """The lower-cased suffix of a path with its dot, or `""`."""
    name = path.rpartition("/")[2].lower()
    dot = name.rfind(".")
    return name[dot:] if dot >= 0 else ""


@lru_cache(maxsize=16_384)
def role_of(path: str) -> Role:
    """What the file at `path` does for the behaviour of the model."""
    name = path.rpartition("/")[2].lower()
    for pattern, role in _BY_NAME:
        if fnmatchcase(name, pattern):
            return role
    return "other"


def is_excluded(path: str) -> bool:
    """True for what a manifest never lists: attestations, signatures and version control."""
    return path in _EXCLUDED_FILES or path.startswith(_EXCLUDED_FOLDERS)
