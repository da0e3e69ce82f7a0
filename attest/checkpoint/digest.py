"""The verb `digest`: from a folder to its manifest, each byte read once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from attest.checkpoint.folder import Checkpoint, open_checkpoint
from attest.checkpoint.loadable import check_loadable, read_headers
from attest.checkpoint.manifest import GIT_BLOB_LIMIT_BYTES, File, Manifest
from attest.checkpoint.roles import role_of
from attest.checkpoint.safetensors import Header
from attest.checkpoint.weights import TensorDigest, TensorHasher, weights_digest

CHUNK_BYTES = 1024 * 1024
"""Read at a time: fits a core's cache, so the second hash reads no memory again."""


@dataclass(frozen=True, slots=True)
class _Digested:
    file: File
    tensors: list[TensorDigest]


def digest(
    checkpoint: Checkpoint | Path,
    *,
    tensors: bool = False,
    strict: bool = True,
    on_bytes: Callable[[int], None] | None = None,
    workers: int | None = None,
) -> Manifest:
    """The manifest of a checkpoint folder.

    Args:
        checkpoint: a folder, or its listing by `open_checkpoint`, whose `size_bytes` says how much
            will be read and whose `ensure_unchanged` tells later whether the files still stand.
        tensors: digest the tensors too, from the same read.
        strict: also hold the folder against the rules of `check_loadable`.
        on_bytes: told how many bytes were read since it was last called; never called twice at
            once, but from several threads.
        workers: files hashed at once; as many as there are cores by default.

    Raises: InputError with a reason of `open_checkpoint`, `check_loadable` or `weights_digest`, or
        `changed-while-read` if a file was written meanwhile.
    """
    if isinstance(checkpoint, Path):
        checkpoint = open_checkpoint(checkpoint)
    headers: dict[str, Header] = {}
    if strict:
        headers = check_loadable(checkpoint)
    elif tensors:
        headers = read_headers(checkpoint)
    digested = _digest_files(
        checkpoint,
        headers if tensors else {},
        on_bytes or (lambda _: None),
        workers or os.cpu_count() or 1,
    )
    weights = None
    if tensors:
        weights = weights_digest(tensor for one in digested for tensor in one.tensors)
    return Manifest(files=tuple(one.file for one in digested), weights=weights)


def _digest_files(
    checkpoint: Checkpoint,
    headers: dict[str, Header],
    on_bytes: Callable[[int], None],
    workers: int,
) -> list[_Digested]:
    lock, stop = Lock(), Event()

    def on_chunk(n_bytes: int) -> None:
        if stop.is_set():
            raise CancelledError
        with lock:
            on_bytes(n_bytes)

    # The largest first, so that no core is left with a large file at the end.
    sizes = {path: entry.signature.size_bytes for path, entry in checkpoint.files.items()}
    by_size = sorted(sizes, key=lambda path: sizes[path], reverse=True)
    with ThreadPoolExecutor(workers, thread_name_prefix="attest-digest") as pool:
        futures = {
            path: pool.submit(_digest_file, checkpoint, path, headers.get(path), on_chunk)
            for path in by_size
        }
        try:
            for future in as_completed(futures.values()):
                future.result()
        except BaseException:
            # Also on Ctrl-C: do not read on to the end of files whose digest nobody will see.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [futures[path].result() for path in checkpoint.files]


def _digest_file(
    checkpoint: Checkpoint, path: str, header: Header | None, on_chunk: Callable[[int], None]
) -> _Digested:
    size = checkpoint.files[path].signature.size_bytes
    sha256 = hashlib.sha256()
    git_blob = None
    if size <= GIT_BLOB_LIMIT_BYTES:
        git_blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    hasher = TensorHasher(header) if header else None
    buffer = memoryview(bytearray(min(CHUNK_BYTES, max(size, 1))))
    n_read = 0
    with checkpoint.open_file(path) as file:
        # Never past the size that was listed, so a file that grows cannot keep us reading.
        while n_read < size and (n := file.readinto(buffer[: size - n_read])):
            chunk = buffer[:n]
            sha256.update(chunk)
            if git_blob:
                git_blob.update(chunk)
            if hasher:
                hasher.update(chunk)
            n_read += n
            on_chunk(n)
    return _Digested(
        File(
            path=path,
            size_bytes=size,
            sha256=sha256.hexdigest(),
            git_blob=git_blob.hexdigest() if git_blob else None,
            role=role_of(path),
        ),
        hasher.tensors() if hasher else [],
    )
