from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "benchmarks"


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published benchmark files, which are not ours to copy into the repository."""
    if not _SHARED.is_dir():
        pytest.skip("needs the published benchmark files in ../shared/benchmarks")
    return _SHARED
