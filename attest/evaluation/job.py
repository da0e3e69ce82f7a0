"""What has to be there before the first question: found, held against the terms, and hashed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.benchmark.items import Benchmark
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.manifest import Manifest
from attest.evaluation.asking import Fixed, conditions_of
from attest.evaluation.base import ensure_base, ensure_base_is_wanted
from attest.evaluation.journal import Journal, Run
from attest.evaluation.judging import Panel
from attest.evaluation.loading import Machine, load_model
from attest.evaluation.materials import NO_SOURCES, JudgeSources, load_benchmarks, load_panel
from attest.evaluation.order import DrawnOrder
from attest.evaluation.plan import Asked, asked, benchmark_uses, is_drawn
from attest.evaluation.records import Conditions
from attest.evaluation.rendering import find_template
from attest.evaluation.seed import derive_seed
from attest.evaluation.suffixes import Suffixes, ensure_suffixes_are_wanted
from attest.license.terms import License
from attest.record import Sha256

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


@dataclass(frozen=True)
class Progress:
    """How far a long work has come."""

    stage: Literal["hashing", "answering", "judging"]
    done: int
    """Bytes while hashing, items while answering, judgements while judging."""
    total: int


@dataclass(frozen=True)
class Job:
    """A measurement that can begin."""

    checkpoint: Checkpoint
    manifest: Manifest
    license: License
    license_bytes: bytes
    benchmarks: Mapping[str, Benchmark]
    panel: Panel
    items: tuple[Asked, ...]
    """Every question that the license asks, in leaf order."""
    base: Checkpoint | None
    base_digest: Sha256 | None
    suffixes: Suffixes | None
    machine: Machine
    today: date | None
    """What chat templates are told; None takes the day of the start."""
    on_progress: Callable[[Progress], None]

    def on_answered(self, n: int) -> None:
        """Report that so many questions are answered."""
        self.on_progress(Progress("answering", n, len(self.items)))

    def on_judged(self, n: int, total: int) -> None:
        """Report that so many judgements are made."""
        self.on_progress(Progress("judging", n, total))

    def load(self, checkpoint: Checkpoint) -> Model:
        """The model of the checkpoint or the base, from the very bytes that were hashed."""
        model = load_model(checkpoint.folder, self.license.terms, self.machine)
        # The weights were read a second time, by a library: they must still be the hashed ones.
        checkpoint.ensure_unchanged()
        return model

    def conditions(self, model: Model, folder: Path, today: date) -> Conditions:
        """The conditions under which the checkpoint or the base is asked."""
        terms, checkpoint = self.license.terms, self.manifest.digest()
        fixed = Fixed(
            today=today,
            seed=derive_seed(self.license.sha256, checkpoint) if is_drawn(terms) else None,
            suffixes=None if self.suffixes is None else self.suffixes.signature,
            batch_size=self.machine.batch_size,
        )
        return conditions_of(model, folder, terms, fixed)

    def begin(self, journal: Journal, model: Model, order: DrawnOrder | None = None) -> Run:
        """The run in this folder, begun or gone on with.

        Args:
            journal: the open folder.
            model: of the checkpoint.
            order: of a run that may stop early.

        Raises: InputError with reason `another-run` if the folder holds a different one.
        """
        stored, now = journal.stored_run(), datetime.now(UTC)
        today = self.today or now.date()
        if stored is not None:
            today = stored.conditions.rendered_on
        run = Run(
            checkpoint=self.manifest.digest(),
            base=self.base_digest,
            license=self.license.sha256,
            judges=self.panel.uses,
            benchmarks=benchmark_uses(self.items, self.benchmarks),
            conditions=self.conditions(model, self.checkpoint.folder, today),
            environment=model.environment,
            order=order,
            n_items=len(self.items),
            started=stored.started if stored is not None else now,
        )
        journal.begin(run, self.license_bytes)
        return run


def prepare(
    checkpoint: Checkpoint,
    license: License,
    license_bytes: bytes,
    *,
    data: Path | None = None,
    base: Checkpoint | None = None,
    suffixes: Suffixes | None = None,
    judges: JudgeSources = NO_SOURCES,
    machine: Machine = Machine(),
    today: date | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Job:
    """The measurement of `checkpoint` that `license` asks for, ready to begin.

    Args: as `attest.evaluation.run.evaluate` takes them.
    Raises: InputError if the checkpoint, the terms or the benchmarks cannot be used.
    """
    terms = license.terms
    # Cheap refusals first: nobody should hash 100 GB to learn of a missing file.
    benchmarks = load_benchmarks(terms, data)
    panel = load_panel(terms, judges)
    items = asked(terms, benchmarks)
    ensure_base_is_wanted(items, base)
    ensure_suffixes_are_wanted(items, suffixes)
    for asked_model in (checkpoint, base):
        if asked_model is not None:
            find_template(asked_model.folder, terms.measurement.chat_template)

    size_bytes = checkpoint.size_bytes + (0 if base is None else base.size_bytes)
    hashed = 0

    def on_bytes(n: int) -> None:
        nonlocal hashed
        hashed += n
        on_progress(Progress("hashing", hashed, size_bytes))

    manifest = digest(checkpoint, tensors=True, on_bytes=on_bytes)
    if suffixes is not None:
        suffixes.ensure_of(license, manifest.digest())
    base_digest = None if base is None else digest(base, on_bytes=on_bytes).digest()
    if base_digest is not None:
        ensure_base(terms, base_digest)
    return Job(
        checkpoint=checkpoint,
        manifest=manifest,
        license=license,
        license_bytes=license_bytes,
        benchmarks=benchmarks,
        panel=panel,
        items=items,
        base=base,
        base_digest=base_digest,
        suffixes=suffixes,
        machine=machine,
        today=today,
        on_progress=on_progress,
    )
