"""A benchmark by name: embedded, from the caller's folder, or from the cache; never unchecked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from attest.benchmark.download import Progress, default_cache, download
from attest.benchmark.items import Benchmark, Layout
from attest.benchmark.parse import parse
from attest.benchmark.registry import Source, registry, source
from attest.benchmark.rows import MAX_BENCHMARK_BYTES
from attest.canonical import sha256_hex
from attest.errors import InputError

MAX_SEARCHED_FILES = 1_000
"""Most files below `--data DIR` that are read in search of a digest."""


def load(
    name: str,
    *,
    sha256: str | None = None,
    layout: Layout | None = None,
    data: Path | None = None,
    cache: Path | None = None,
) -> Benchmark:
    """The benchmark that a license names, from the first place that has it.

    The places are: this package, for an embedded set; `data`; `cache`. A set of the registry is
    looked for in `data` under the path of `Source.local_file` or its last part; a file of the
    licensor's own is found by its digest alone, whatever its name.

    Args:
        name: of the registry, or of the licensor's own file.
        sha256: digest of the file; may be left out for a benchmark of the registry.
        layout: how to read a file that the registry does not know.
        data: a folder of benchmark files.
        cache: folder of downloads; the user's cache folder by default.

    Raises: InputError with reason `unknown-benchmark`, `digest-mismatch`, `layout`,
        `benchmark-missing`, `data-missing`, `too-many-files`, or one of `parse`.
    """
    wanted = _wanted(name, sha256, layout)
    if data is not None and not data.is_dir():
        raise InputError(
            f"expected a folder of benchmark files, found {'a file' if data.exists() else 'none'}",
            reason="data-missing",
            where=str(data),
        )
    if wanted.known is not None and wanted.known.is_embedded:
        return wanted.parse(wanted.known.embedded_bytes(), name)
    path = _in_data(wanted, data) if data is not None else None
    path = path or _in_cache(wanted.sha256, cache)
    if path is None:
        raise _missing(wanted, data)
    return wanted.parse(_read(path), str(path))


def pull(name: str, *, progress: Progress | None = None, cache: Path | None = None) -> Path:
    """The cached file of a benchmark of the registry, downloaded unless it is there.

    Raises: InputError if the name is unknown or the set is embedded; HubError if its publisher
        cannot be reached or sends another file.
    """
    return download(source(name), cache=cache or default_cache(), progress=progress)


def is_cached(name: str, *, cache: Path | None = None) -> bool:
    """Whether a benchmark of the registry can be loaded without network or `--data`.

    Raises: InputError if the name is unknown.
    """
    known = source(name)
    if known.is_embedded:
        return True
    path = _in_cache(known.sha256, cache)
    return path is not None and sha256_hex(_read(path)) == known.sha256


class _Wanted(NamedTuple):
    name: str
    sha256: str
    layout: Layout
    known: Source | None
    """None for a file of the licensor's own."""

    def parse(self, data: bytes, where: str) -> Benchmark:
        return parse(
            data,
            self.layout,
            name=self.name,
            sha256=self.sha256,
            where=where,
            category_of_row=self.known.category_of_row if self.known else None,
        )


def _wanted(name: str, sha256: str | None, layout: Layout | None) -> _Wanted:
    known = registry().get(name)
    if known is not None and sha256 in (None, known.sha256) and layout in (None, known.layout):
        return _Wanted(name, known.sha256, known.layout, known)
    if sha256 is None:
        # Raises where the name is unknown; else a layout alone does not make another file.
        pinned = source(name)
        raise InputError(
            f"{name} is pinned with a layout of its own",
            reason="layout",
            hint=f"leave the layout out, or name the file by its digest ({pinned.sha256})",
        )
    if layout is not None:
        return _Wanted(name, sha256, layout, None)
    if known is not None:
        raise InputError(
            f"expected {name} with SHA-256 {known.sha256}, found {sha256} in the request",
            reason="digest-mismatch",
            hint="for another version of the file, state its layout beside its digest",
        )
    raise InputError(
        f"expected a layout for {name!r}, which the registry does not know",
        reason="unknown-benchmark",
        hint="state the layout in the license, or use a name of `attest benchmark list`",
    )


def _in_data(wanted: _Wanted, data: Path) -> Path | None:
    if wanted.known is not None:
        local = Path(wanted.known.local_file)
        places = (data / local, data / local.name)
        return next((place for place in places if place.is_file()), None)
    for path in _files_below(data):
        if path.stat().st_size <= MAX_BENCHMARK_BYTES and sha256_hex(_read(path)) == wanted.sha256:
            return path
    return None


def _files_below(folder: Path) -> Iterator[Path]:
    n_files = 0
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if not path.is_file():
                continue
            n_files += 1
            if n_files > MAX_SEARCHED_FILES:
                raise InputError(
                    f"expected at most {MAX_SEARCHED_FILES} files, found more",
                    reason="too-many-files",
                    where=str(folder),
                    hint="give the folder that holds the benchmark file itself",
                )
            yield path


def _in_cache(sha256: str, cache: Path | None) -> Path | None:
    path = (cache or default_cache()) / sha256
    return path if path.is_file() else None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BENCHMARK_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(path)
        ) from error


def _missing(wanted: _Wanted, data: Path | None) -> InputError:
    places = f"neither in {data} nor in the cache" if data is not None else "not in the cache"
    if wanted.known is not None:
        hint = f"run `attest benchmark pull {wanted.name}`, or give --data DIR"
        if data is not None:
            hint += f" that holds {wanted.known.local_file}"
    else:
        hint = "give --data DIR with the licensor's file"
    return InputError(
        f"expected {wanted.name} with SHA-256 {wanted.sha256}, found it {places}",
        reason="benchmark-missing",
        hint=hint,
    )
