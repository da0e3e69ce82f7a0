"""What another hub tells us: uploads, by webhook.

A webhook is unsigned JSON with a shared secret, and may come twice, late, or never. So it is taken
for a hint: only who, where and which commit is read from it, and everything else is looked up at
that commit.

Source: Hugging Face Hub documentation, webhooks, version 3.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attest.canonical import parse_json
from attest.hub.reconcile import HUGGING_FACE
from attest.hub.store.deliveries import Upload
from attest.hub.store.repositories import RepositoryName
from attest.record import WireRecord, invalid

MAX_REFS = 100
"""Most refs of one push that are looked at."""

Printable = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class _Part(BaseModel):
    """Part of a webhook; fields that are not used here may come and go."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class HookEvent(_Part):
    """What happened."""

    action: Annotated[str, Field(max_length=100)]
    scope: Annotated[str, Field(max_length=100)]


class HookOwner(_Part):
    """To whom the repository belongs."""

    id: Printable


class HookRepository(_Part):
    """Where it happened."""

    type: Annotated[str, Field(max_length=100)]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,96}(/[A-Za-z0-9_.-]{1,96})?$")]
    id: Printable
    private: bool = False
    owner: HookOwner


class HookRef(_Part):
    """A ref that moved."""

    ref: Annotated[str, Field(pattern=r"^refs/[!-~]{1,290}$")]
    old_sha: Annotated[Commit | None, Field(alias="oldSha")] = None
    new_sha: Annotated[Commit | None, Field(alias="newSha")] = None
    """None if the ref was deleted."""


class Hook(_Part):
    """A webhook of Hugging Face, as far as it is read."""

    event: HookEvent
    repo: HookRepository
    updated_refs: Annotated[
        tuple[HookRef, ...], Field(alias="updatedRefs", max_length=MAX_REFS)
    ] = ()


class HookAnswer(WireRecord):
    """What was taken in."""

    deliveries: tuple[str, ...]
    """The key of each upload, to ask after under `/v1/deliveries/`; those known already too."""
    n_new: int
    """How many of them were not known."""


def read_hook(body: bytes) -> tuple[Upload, ...]:
    """The uploads that a webhook tells of; none if it is about something else.

    Private repositories are passed over: what is found here, anybody can read.

    Raises: InputError if it is no webhook as documented.
    """
    parse_json(body, what="webhook", max_bytes=len(body))
    try:
        hook = Hook.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error, "webhook") from error
    # A narrower scope is an update of the scope that it begins with.
    is_content = f"{hook.event.scope}.".startswith("repo.content.")
    if hook.repo.type != "model" or hook.repo.private or not is_content:
        return ()
    repository = RepositoryName(HUGGING_FACE, hook.repo.id, hook.repo.name, hook.repo.owner.id)
    return tuple(
        Upload(repository, one.ref, one.new_sha, moved_from=one.old_sha)
        for one in hook.updated_refs
        if one.new_sha is not None
    )
