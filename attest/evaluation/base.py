"""The model that a license compares with: only one that the license itself pins."""

from __future__ import annotations

from collections.abc import Sequence

from attest.checkpoint.folder import Checkpoint
from attest.errors import InputError
from attest.evaluation.plan import Asked
from attest.license.terms import Terms
from attest.record import Sha256


def ensure_base(terms: Terms, checkpoint: Sha256) -> None:
    """Ensure that the terms name this checkpoint among their base models.

    Whoever may choose the base chooses a bad one, so a base without a digest in the terms counts
    for nothing.

    Raises: InputError with reason `another-base`.
    """
    pinned = [one.checkpoint for one in terms.base_models if one.checkpoint is not None]
    if checkpoint not in pinned:
        named = ", ".join(f"{one[:16]}…" for one in pinned) or "no checkpoint digest of a base"
        raise InputError(
            f"compared with {checkpoint[:16]}…, the license names {named}",
            reason="another-base",
            where="base_models",
            hint="give the very folder that the license names by its checkpoint digest",
        )


def ensure_base_is_wanted(items: Sequence[Asked], base: Checkpoint | None) -> None:
    """Ensure that a base was given exactly where the license compares with one.

    Raises: InputError with reason `no-base` or `no-comparison`.
    """
    compares = any(one.subject == "base" for one in items)
    if compares and base is None:
        raise InputError(
            "the license compares with the base, and no base was given",
            reason="no-base",
            hint="name the folder of the base model with --base BASE",
        )
    if base is not None and not compares:
        raise InputError(
            "the license compares nothing with a base",
            reason="no-comparison",
            hint="leave --base out",
        )
