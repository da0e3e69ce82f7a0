"""What a hub needs beyond the rest: the extra `hub`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attest.errors import InputError


@contextmanager
def importing() -> Iterator[None]:
    """Around imports of what the extra installs.

    Raises: InputError with reason `missing-extra` if any of it is not there.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"a hub needs {error.name}",
            reason="missing-extra",
            hint="pip install 'attest-weights[hub]'",
        ) from error
