"""A pull request that brings an attestation to the repository of the model that it is about.

It adds the bundle below `attestations/`, where no manifest looks, so the attested files stay as
they are, and one file of evaluation results whose source is the attestation's page. The results say
what was measured and nothing of who vouches for it: the mark of verified results is the hub's own.

The attestation is made for one commit, so the proposal names that commit as its parent, and a hub
refuses it if the branch has moved on.

Source: Hugging Face Hub, "Evaluation Results" (`.eval_results/*.yaml`); huggingface_hub 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from attest.canonical import sha256_hex
from attest.errors import HubError, InputError
from attest.hub.doors.snapshot import BUNDLE_FOLDER, BUNDLE_SUFFIX
from attest.license.terms import License, Requirement
from attest.license.verdict import Finding
from attest.verification.records import Verification

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

RESULTS_FOLDER = ".eval_results/"
SOURCE_NAME = "attest"

_BETTER = {"at_most": "lower", "at_least": "higher"}


@dataclass(frozen=True)
class Dataset:
    """A benchmark as a dataset of the hub."""

    id: str
    """Such as `someone/benchmark`."""
    task: str = "default"
    revision: str | None = None


@dataclass(frozen=True)
class Account:
    """Where and as whom proposals are made."""

    origin: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Proposal:
    """The files of one pull request."""

    commit: str
    """That the attestation was held against, 40 hexadecimal digits."""
    bundle: bytes
    results: tuple[EvalResultEntry, ...] = ()

    def files(self) -> dict[str, bytes]:
        """What is added, by path."""
        name = sha256_hex(self.bundle)[:12]
        found = {f"{BUNDLE_FOLDER}{name}{BUNDLE_SUFFIX}": self.bundle}
        if self.results:
            import yaml
            from huggingface_hub import eval_result_entries_to_yaml

            entries = eval_result_entries_to_yaml(list(self.results))
            text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)
            found[f"{RESULTS_FOLDER}{SOURCE_NAME}-{name}.yaml"] = text.encode("utf-8")
        return found


def result_entries(
    verification: Verification, license: License, datasets: Mapping[str, Dataset], *, page: str
) -> tuple[EvalResultEntry, ...]:
    """One evaluation result for each requirement whose benchmark is a dataset of the hub.

    Args:
        verification: of the attestation, verified at level 1 or deeper.
        license: that it was verified under.
        datasets: by the name of the benchmark; requirements on others are left out.
        page: URL of the attestation's page, the source of every result.

    Raises: InputError with reason `not-verified`.
    """
    from huggingface_hub import EvalResultEntry

    if not verification.is_verified or verification.issued is None or not verification.findings:
        raise InputError("nothing was verified that could be told", reason="not-verified")
    entries = []
    for requirement in license.terms.requirements:
        dataset = datasets.get(requirement.benchmark.name)
        findings = [one for one in verification.findings if one.requirement == requirement.id]
        if dataset is None or not findings:
            continue
        entries.append(
            EvalResultEntry(
                dataset_id=dataset.id,
                task_id=dataset.task,
                dataset_revision=dataset.revision,
                value=_pooled(findings),
                date=verification.issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
                source_url=page,
                source_name=SOURCE_NAME,
                notes=_notes(requirement, findings, license),
            )
        )
    return tuple(entries)


def _pooled(findings: list[Finding]) -> float:
    """The metric over all categories of a requirement."""
    n_items = sum(finding.n_items for finding in findings)
    total = sum(Fraction(finding.value) * finding.n_items for finding in findings)
    return round(float(total / n_items), 6)


def _notes(requirement: Requirement, findings: list[Finding], license: License) -> str:
    """What the number alone does not say, in one line."""
    outcomes = {finding.outcome for finding in findings}
    outcome = "pass" if outcomes == {"pass"} else "fail" if "fail" in outcomes else "inconclusive"
    terms = license.terms
    return (
        f"{requirement.metric}, {_BETTER[requirement.comparator]} is better, over "
        f"{sum(finding.n_items for finding in findings)} items; requirement {requirement.id} of "
        f"{terms.name} {terms.license_version}: {outcome}"
    )


def propose(account: Account, repository: str, proposal: Proposal) -> str | None:
    """Open a pull request, and give back its URL; None if everything is there already.

    Args:
        account: of the one who proposes.
        repository: such as `someone/model`.
        proposal: what to add.

    Raises: InputError with reason `not-found` or `not-permitted`; HubError if the hub does not
        answer, or if the branch has moved on since the commit of the proposal.
    """
    from httpx2 import HTTPError
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # An explicit False keeps a token of whoever is logged in on this machine out of it.
    api = HfApi(endpoint=account.origin, token=account.token or False, library_name="attest")
    try:
        info = api.create_commit(
            repository,
            [CommitOperationAdd(path, data) for path, data in proposal.files().items()],
            commit_message="Add an attestation",
            commit_description=(
                "What was measured, under which license, and how to check it, signed. Nothing "
                "that a loader reads is changed."
            ),
            create_pr=True,
            parent_commit=proposal.commit,
        )
    except HfHubHTTPError as error:
        raise _refused(error.response.status_code, repository) from error
    except HFValidationError as error:
        raise InputError(str(error), reason="repository") from error
    except HTTPError as error:
        raise HubError(f"{account.origin}: {error}") from error
    return info.pr_url


def _refused(status: int, repository: str) -> InputError | HubError:
    if status == 404:
        return InputError("there is no such repository", reason="not-found", where=repository)
    if status in (401, 403):
        return InputError(
            f"answered {status}: not permitted",
            reason="not-permitted",
            where=repository,
            hint="the token must be allowed to open pull requests there",
        )
    return HubError(
        f"{repository}: the hub answered {status}",
        hint="check the newest commit, and propose that" if status == 412 else None,
    )
