"""The deepest check: the hub measures an upload again, and goes by that alone.

All files are fetched and hashed, the license's benchmarks are run on them, and the hub signs what
came of it. Whether that counts is for the trust file to say: the hub must be an evaluator there.
An interrupted run goes on where it was, if it is taken up on a machine with the same folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from attest.attestation.bundle import make_bundle
from attest.attestation.statement import state
from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.roles import is_excluded
from attest.errors import EvaluationError, HubError, InputError
from attest.evaluation.loading import Machine
from attest.evaluation.run import evaluate
from attest.hub.doors.snapshot import Snapshot
from attest.hub.fetch import Fetcher
from attest.hub.hub import Hub
from attest.hub.policy import Rule
from attest.license.decide import decide
from attest.verification.listings import FileDigests


def measure(hub: Hub, rule: Rule, snapshot: Snapshot, *, run: str) -> bytes:
    """A bundle, signed by the hub, of what it measured on these very files.

    Args:
        hub: whose policy says where transcripts are kept.
        rule: whose license is measured.
        snapshot: of a repository at a commit.
        run: names the folder of the transcripts; the same one goes on.

    Raises: InputError with reason `measuring` if the hub is not set up for it, or if the
        checkpoint cannot be measured; HubError if that may be otherwise the next time.
    """
    policy = hub.policy
    measuring = policy.file.measuring
    if measuring is None or hub.download is None or snapshot.revision is None:
        raise InputError("this hub measures nothing", reason="measuring")
    evidence = policy.folder / measuring.evidence
    evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = None if measuring.data is None else policy.folder / measuring.data
    with TemporaryDirectory(dir=evidence, prefix="model-") as name:
        folder = Path(name)
        kept = {path: one for path, one in snapshot.files.items() if not is_excluded(path)}
        hub.download(snapshot.name, snapshot.revision, kept, folder)
        try:
            evaluation = evaluate(
                open_checkpoint(folder),
                rule.license,
                rule.license_bytes,
                out=evidence / run,
                data=data,
                machine=Machine(),
            )
        except EvaluationError as error:
            raise HubError(str(error), hint=error.hint) from error
    statement = state(
        evaluation,
        decide(rule.license, evaluation.counts),
        rule.license,
        issued=hub.clock(),
        assurance_level="third_party",
    )
    return make_bundle(statement.to_json(), hub.signer)


def download_huggingface(
    fetcher: Fetcher,
    name: str,
    revision: str,
    files: Mapping[str, FileDigests],
    folder: Path,
    *,
    origin: str,
) -> None:
    """Write the files of a model repository at a commit into `folder`, an empty one.

    Raises: as `Fetcher.get`; HubError if what is served is not what was listed.
    """
    for path, listed in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            served = fetcher.hash(
                origin,
                f"/{name}/resolve/{revision}/{path}",
                max_bytes=listed.size_bytes or 0,
                into=file,
            )
            file.flush()
            os.fsync(file.fileno())
        if served.sha256 != listed.sha256:
            raise HubError(f"{origin}: another file was served than was listed")
