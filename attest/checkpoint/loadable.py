"""The attested set is the only loadable set.

A checkpoint from which one engine loads what was measured, and another engine something else, has
no one behaviour to attest. So exactly one set of safetensors weights is allowed, and nothing beside
it that any known loader would take instead, in addition, or as code of unknown content.
"""

from __future__ import annotations

from collections.abc import Collection

from attest.canonical import MAX_JSON_BYTES
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.index import INDEX_NAME, check_shard_files, check_tensors, read_index
from attest.checkpoint.redirects import check_redirects
from attest.checkpoint.roles import COMPILED_CODE_SUFFIXES, PICKLE_SUFFIXES, role_of, suffix_of
from attest.checkpoint.safetensors import Header, read_header
from attest.errors import InputError

SINGLE_NAME = "model.safetensors"
"""The one weights file that loaders look for in a checkpoint without shards."""

_SAVE_AGAIN = "save the model with save_pretrained(..., safe_serialization=True)"


def check_loadable(checkpoint: Checkpoint) -> dict[str, Header]:
    """The headers of the weights files, if they are all that any loader would load.

    Args:
        checkpoint: as listed by `open_checkpoint`.

    Returns: the strict header of every weights file, by path in code point order.
    Raises: InputError whose reason is that of `check_names`, `check_redirects`, `read_index`,
        `check_shard_files`, `check_tensors` or `read_header`.
    """
    check_names(checkpoint.files, checkpoint.excluded)
    check_redirects(checkpoint.files, lambda path: checkpoint.read(path, max_bytes=MAX_JSON_BYTES))
    if INDEX_NAME not in checkpoint.files:
        return read_headers(checkpoint)
    index = read_index(checkpoint.read(INDEX_NAME, max_bytes=MAX_JSON_BYTES))
    check_shard_files(index, _safetensors(checkpoint.files))
    headers = read_headers(checkpoint)
    check_tensors(index, headers)
    return headers


def read_headers(checkpoint: Checkpoint) -> dict[str, Header]:
    """The strict headers of all `*.safetensors` weights in a checkpoint, by path.

    Raises: InputError with a reason of `read_header`.
    """
    headers: dict[str, Header] = {}
    for path in _safetensors(checkpoint.files):
        size = checkpoint.files[path].signature.size_bytes
        with checkpoint.open_file(path) as file:
            headers[path] = read_header(file, size_bytes=size, where=path)
    return headers


def check_names(files: Collection[str], excluded: Collection[str] = ()) -> None:
    """Ensure by names alone that one set of weights, and only that, can be loaded.

    Args:
        files: every path that a manifest lists.
        excluded: the paths that it does not list, such as those below `attestations/`.

    Raises: InputError with reason `loadable-in-excluded-folder`, `adapter-without-base`,
        `adapter-beside-model`, `consolidated-weights`, `pickle-weights`, `other-weights-format`,
        `compiled-code`, `custom-generate`, `other-index`, `no-weights`, `config-missing`,
        `two-weight-sets`, `weights-without-index` or `weights-outside-model`.
    """
    for path in sorted(excluded):
        if role_of(path) in ("weights", "adapter", "code"):
            raise InputError(
                "a loadable file where no manifest looks",
                reason="loadable-in-excluded-folder",
                where=path,
                hint="move it out of the folder",
            )
    for path in sorted(files):
        _check_name(path, files)
    weights = _safetensors(files)
    if not weights:
        raise InputError(
            "expected *.safetensors weights, found none", reason="no-weights", hint=_SAVE_AGAIN
        )
    if "config.json" not in files:
        raise InputError(
            "expected config.json, found none", reason="config-missing", hint=_SAVE_AGAIN
        )
    if INDEX_NAME in files:
        if SINGLE_NAME in files:
            raise InputError(
                f"both {SINGLE_NAME} and {INDEX_NAME}: loaders differ in which they take",
                reason="two-weight-sets",
                where=SINGLE_NAME,
                hint="remove the set that was not measured",
            )
        return
    if SINGLE_NAME not in files:
        raise InputError(
            f"expected {SINGLE_NAME} or {INDEX_NAME}",
            reason="weights-without-index",
            where=weights[0],
            hint=_SAVE_AGAIN,
        )
    if others := [path for path in weights if path != SINGLE_NAME]:
        raise InputError(
            f"weights that a loader of {SINGLE_NAME} would not measure",
            reason="weights-outside-model",
            where=others[0],
            hint="move them to a folder of their own, and attest them there",
        )


def _check_name(path: str, files: Collection[str]) -> None:
    role, suffix = role_of(path), suffix_of(path)
    name = path.rpartition("/")[2].lower()
    if role == "adapter":
        if "config.json" not in files:
            raise InputError(
                "an adapter without its base model",
                reason="adapter-without-base",
                where=path,
                hint="merge it into its base model (merge_and_unload) and attest the result",
            )
        raise InputError(
            "an adapter beside a full model: the behaviour depends on whether peft is installed",
            reason="adapter-beside-model",
            where=path,
            hint="merge the adapter (merge_and_unload), or move its files to another folder",
        )
    if name.startswith("consolidated") and role in ("weights", "index"):
        raise InputError(
            "some engines prefer consolidated* to the other weights",
            reason="consolidated-weights",
            where=path,
            hint="remove it; the model.safetensors files hold the same weights",
        )
    if suffix in PICKLE_SUFFIXES:
        raise InputError(
            "a format that can run code when it is loaded",
            reason="pickle-weights",
            where=path,
            hint=f"remove it (training state is not part of a release), or {_SAVE_AGAIN}",
        )
    if role == "weights" and suffix != ".safetensors":
        raise InputError(
            "weights of another engine beside the measured ones",
            reason="other-weights-format",
            where=path,
            hint="move it to a folder of its own",
        )
    if suffix in COMPILED_CODE_SUFFIXES:
        raise InputError(
            "compiled code", reason="compiled-code", where=path, hint="remove it; ship the source"
        )
    if path.lower().startswith("custom_generate/"):
        raise InputError(
            "custom_generate replaces how answers are made",
            reason="custom-generate",
            where=path,
            hint="remove the folder; the evaluation does not run it",
        )
    if role == "index" and path != INDEX_NAME:
        raise InputError(
            f"an index other than {INDEX_NAME}",
            reason="other-index",
            where=path,
            hint="remove it, or save the checkpoint again",
        )


def _safetensors(files: Collection[str]) -> list[str]:
    return sorted(
        path for path in files if role_of(path) == "weights" and suffix_of(path) == ".safetensors"
    )
