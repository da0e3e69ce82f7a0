"""Settings that make a loader use something other than the attested files.

Configuration files are JSON that many programs read, so they are parsed strictly, and the keys that
name other weights, other code or another repository are refused wherever they are nested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from attest.canonical import parse_json
from attest.checkpoint.roles import role_of, suffix_of
from attest.errors import InputError

_CODE_REFERENCE = re.compile(r"(?P<module>[A-Za-z_]\w*)\.[A-Za-z_]\w*", re.ASCII)

_REFUSED_KEYS: dict[str, tuple[str, str, str]] = {
    "transformers_weights": (
        "weights-redirect",
        "makes transformers load another weights file than other engines do",
        "remove the key and name the weights model.safetensors",
    ),
    "configuration_files": (
        "config-redirect",
        "makes transformers read another configuration, chosen by its version",
        "keep one configuration in config.json and remove the key",
    ),
    "_attn_implementation_internal": (
        "internal-implementation",
        "made older releases of transformers run code from another repository (CVE-2026-4372)",
        "remove the key",
    ),
    "_experts_implementation_internal": (
        "internal-implementation",
        "is internal to transformers and must not come from a file",
        "remove the key",
    ),
    "model_file": (
        "model-file",
        "makes mlx-lm run a Python file without asking (CVE-2026-5843)",
        "remove the key",
    ),
    "audio_tokenizer_name_or_path": (
        "other-repository",
        "loads another model, which is not attested",
        "remove the key, or attest the models apart",
    ),
}
"""Reason, what the key does, and how to mend it, by key."""

_IMPLEMENTATION_KEYS = frozenset(
    {
        "_attn_implementation",
        "attn_implementation",
        "_experts_implementation",
        "experts_implementation",
    }
)


def check_redirects(files: Collection[str], read: Callable[[str], bytes]) -> None:
    """Ensure that no JSON file of a checkpoint leads a loader away from its files.

    Args:
        files: every path a manifest of the checkpoint lists.
        read: the content of one of them.

    Raises: InputError with a reason of `parse_json`, or `weights-redirect`, `config-redirect`,
        `internal-implementation`, `model-file`, `other-repository`, `code-from-elsewhere`,
        `code-missing`, `code-reference`, `kernel-from-elsewhere`, `trusts-remote-code` or
        `tokenizer-file-missing`.
    """
    for path in sorted(files):
        role = role_of(path)
        if role not in ("config", "tokenizer", "template") or suffix_of(path) != ".json":
            continue
        value = parse_json(read(path), what=path)
        # The keys of a vocabulary are tokens, and mean nothing to a loader.
        if role == "config" or path.lower().endswith("_config.json"):
            for key, setting in _settings(value):
                _check_setting(key, setting, path, files)


def _settings(value: Any) -> Iterator[tuple[str, Any]]:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield from node.items()
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _check_setting(key: str, value: Any, path: str, files: Collection[str]) -> None:
    where = f"{path}: {key}"
    if value is None:
        return
    if key in _REFUSED_KEYS:
        reason, does, hint = _REFUSED_KEYS[key]
        raise InputError(f"this key {does}", reason=reason, where=where, hint=hint)
    if key in ("auto_map", "custom_pipelines"):
        for reference in _strings(value if key == "auto_map" else _pipeline_code(value)):
            _check_code(reference, where, files)
    elif key in _IMPLEMENTATION_KEYS:
        for name in _strings(value):
            if "/" in name:
                raise InputError(
                    f"code from another repository: {name[:100]!a}",
                    reason="kernel-from-elsewhere",
                    where=where,
                    hint="remove the key; the one who loads the model may choose a kernel",
                )
    elif key == "trust_remote_code" and value is not False:
        raise InputError(
            "a checkpoint cannot vouch for its own code",
            reason="trusts-remote-code",
            where=where,
            hint="remove the key",
        )
    elif key == "fast_tokenizer_files":
        for name in _strings(value):
            if name not in files:
                raise InputError(
                    f"expected the file {name[:100]!a}, found none",
                    reason="tokenizer-file-missing",
                    where=where,
                    hint="remove the key, or add the file",
                )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _strings(below)
    elif isinstance(value, list):
        for below in value:
            yield from _strings(below)


def _pipeline_code(pipelines: Any) -> list[Any]:
    # A custom pipeline also lists model classes of transformers; only `impl` is code of its own.
    tasks = pipelines.values() if isinstance(pipelines, dict) else ()
    return [task.get("impl") for task in tasks if isinstance(task, dict)]


def _check_code(reference: str, where: str, files: Collection[str]) -> None:
    if "--" in reference:
        raise InputError(
            f"code from another repository: {reference[:100]!a}",
            reason="code-from-elsewhere",
            where=where,
            hint="copy the *.py files into this folder and remove the part up to '--'",
        )
    match = _CODE_REFERENCE.fullmatch(reference)
    if match is None:
        raise InputError(
            f"expected module.Class, found {reference[:100]!a}",
            reason="code-reference",
            where=where,
        )
    if f"{match['module']}.py" not in files:
        raise InputError(
            f"expected the file {match['module']}.py, found none",
            reason="code-missing",
            where=where,
            hint="copy the file into this folder",
        )
