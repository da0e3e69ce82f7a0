"""The reconcile poll: what a hub has, whether or not it told us.

Webhooks get lost and are capped, so the newest commit of every watched repository is looked up from
time to time. What is known already is taken in once, as any delivery is. Where the branch was reset
to a commit that is known, the repository stands by that one again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attest.errors import HubError, InputError
from attest.hub.fetch import Fetcher
from attest.hub.hub import Hub
from attest.hub.logs import log, warn
from attest.hub.store.deliveries import Upload
from attest.hub.store.heads import MAIN, head
from attest.hub.store.repositories import RepositoryName
from attest.hub.uploads import accept_upload
from attest.record import invalid

MAX_INFO_BYTES = 8 * 1024 * 1024
HUGGING_FACE = "huggingface"
"""Short name of the host that webhooks and the poll are about."""


class _Info(BaseModel):
    """What the API says of a model; it says much more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    external_id: Annotated[str, Field(alias="_id", pattern=r"^[!-~]{1,200}$")]
    name: Annotated[str, Field(alias="id", pattern=r"^[!-~]{1,200}$")]
    author: Annotated[str, Field(pattern=r"^[!-~]{0,200}$")] = ""
    sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


def newest(fetcher: Fetcher, name: str, *, origin: str) -> Upload:
    """The newest commit of the main branch of a model repository.

    Raises: InputError or HubError as `Fetcher.get` does; InputError with reason `schema`.
    """
    path = f"/api/models/{name}"
    answer = fetcher.get(origin, path, max_bytes=MAX_INFO_BYTES)
    answer.json(path)
    try:
        info = _Info.model_validate_json(answer.body)
    except ValidationError as error:
        raise invalid(error, path) from error
    owner = info.author or info.name.partition("/")[0]
    repository = RepositoryName(HUGGING_FACE, info.external_id, info.name, owner)
    return Upload(repository, MAIN, info.sha)


def look_up_watched(hub: Hub) -> None:
    """Take in the newest commit of every repository that the policy watches."""
    if hub.watch is None:
        return
    for name in hub.policy.file.watch:
        try:
            upload = hub.watch(name)
            with hub.store.read() as connection:
                before = head(connection, upload.repository, upload.ref)
            if before not in (None, upload.revision):
                # A webhook may have told of a newer commit meanwhile: the host has the last word.
                upload = hub.watch(name)
        except (HubError, InputError):
            warn("not-looked-up")
            continue
        if accept_upload(hub, replace(upload, moved_from=before)):
            log("found", delivery=upload.key)
