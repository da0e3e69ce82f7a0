"""Benchmark files from their publishers, kept in a folder under the name of their digest.

A file is in the cache only if it had the expected digest when it came; what differs is not kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attest.benchmark.registry import Source
from attest.benchmark.rows import MAX_BENCHMARK_BYTES
from attest.errors import HubError, InputError

Progress = Callable[[int, int | None], None]
"""Called with the bytes that came so far, and with their total where the server says it."""

TIMEOUT_S = 30.0
"""Longest wait for the next bytes of a download."""


def default_cache() -> Path:
    """The cache folder of this user for `attest`; it need not exist yet."""
    import pooch

    return Path(pooch.os_cache("attest"))


def download(source: Source, *, cache: Path, progress: Progress | None = None) -> Path:
    """The path of the file of `source`, downloaded into `cache` unless it is there.

    Raises: HubError if the publisher does not answer or sends another file; InputError if the set
        is embedded, so that there is nothing to download, or if `cache` cannot be written.
    """
    if source.url is None:
        raise InputError(
            f"{source.name} is embedded in this package and needs no download", reason="embedded"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(cache) from error
    import pooch

    # pooch speaks of each download in its log; here the caller does.
    pooch.get_logger().setLevel(logging.WARNING)
    with ExitStack() as responses:

        def close_later(response: Any, **_: object) -> None:
            # pooch leaves a response open that it does not read to the end.
            responses.callback(response.close)

        downloader = pooch.HTTPDownloader(
            progressbar=_Meter(source, progress),
            timeout=TIMEOUT_S,
            hooks={"response": close_later},
        )
        return _retrieve(source, cache, downloader)


def _retrieve(source: Source, cache: Path, downloader: object) -> Path:
    import pooch

    try:
        path = pooch.retrieve(
            source.url,
            known_hash=f"sha256:{source.sha256}",
            fname=source.sha256,
            path=cache,
            downloader=downloader,
        )
    except PermissionError as error:
        raise _unwritable(cache) from error
    except OSError as error:
        # The errors of the network are those of `requests`, all of them children of OSError.
        status = getattr(getattr(error, "response", None), "status_code", None)
        found = type(error).__name__ if status is None else f"HTTP status {status}"
        raise HubError(
            f"{source.name}: expected a file from {source.url}, found {found}",
            hint="try again when online, or give the folder that holds the file with --data DIR",
        ) from error
    except ValueError as error:
        raise HubError(
            f"{source.name}: expected SHA-256 {source.sha256} from {source.url}, found another; "
            "nothing was kept",
            hint="the publisher's file has changed, or something on the way changes downloads",
        ) from error
    return Path(path)


def _unwritable(cache: Path) -> InputError:
    return InputError(
        "cannot be written",
        reason="cache-unwritable",
        where=str(cache),
        hint="give another cache folder, or the folder that holds the file with --data DIR",
    )


class _Meter:
    """What pooch takes for a progress bar; it also bounds the size."""

    def __init__(self, source: Source, progress: Progress | None) -> None:
        self.total = 0
        self._source = source
        self._progress = progress
        self._done = 0

    def update(self, n_bytes: int) -> None:
        if not n_bytes:
            return
        self._done += n_bytes
        if self._done > MAX_BENCHMARK_BYTES:
            raise HubError(
                f"{self._source.name}: expected at most {MAX_BENCHMARK_BYTES} bytes from "
                f"{self._source.url}, found more; nothing was kept"
            )
        if self._progress is not None:
            total = self.total or None
            self._progress(min(self._done, total or self._done), total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to close: the caller owns what is drawn."""
