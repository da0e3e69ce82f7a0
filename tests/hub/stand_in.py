"""A local stand-in for the Hugging Face Hub, in the shapes that the real API answers with.

It keeps repositories in memory and speaks the parts that attest and `huggingface_hub` use: model
info, tree with pages, paths-info, commits, raw and resolve, preupload and commit with pull
requests, and webhooks.

Source: huggingface_hub 2.4 (`hf_api.py`, `_commit_api.py`), which reads these answers, and the
examples recorded in its documentation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from attest.hub.doors.pointer import Pointer, git_blob_id

LFS_SUFFIXES = (".safetensors", ".bin", ".png")
MAIN = "refs/heads/main"
DATE = "2026-06-01T12:00:00.000Z"


@dataclass(frozen=True)
class Commit:
    """The files of one commit."""

    oid: str
    title: str
    files: Mapping[str, bytes]


@dataclass
class Repository:
    """A model repository: commits, and refs that point to them."""

    name: str
    commits: list[Commit] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return hashlib.sha1(self.name.encode()).hexdigest()[:24]

    @property
    def head(self) -> str:
        return self.refs[MAIN]

    def push(self, files: Mapping[str, bytes], *, title: str = "Upload", ref: str = MAIN) -> str:
        """A new commit with exactly these files; its name is given back."""
        seed = f"{self.name} {len(self.commits)} {title}".encode()
        oid = hashlib.sha1(seed).hexdigest()
        self.commits.append(Commit(oid, title, dict(files)))
        self.refs[ref] = oid
        return oid

    def push_folder(self, folder: Path) -> str:
        """A new commit with the files of a folder."""
        return self.push(
            {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        )

    def find(self, revision: str) -> Commit | None:
        names = {MAIN.removeprefix("refs/heads/"): self.refs.get(MAIN)} | self.refs
        oid = names.get(revision) or revision
        return next((commit for commit in self.commits if commit.oid == oid), None)


@dataclass
class StandIn:
    """The hub: repositories, and how it misbehaves."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    page_size: int = 1000
    token: str | None = None
    """Asked for, where it is not None."""
    downloads: str | None = None
    """Origin that large files are served from; None serves them here."""
    tampered: dict[str, bytes] = field(default_factory=dict)
    """What is served for a path instead of its content."""
    tree_changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of tree entries that are listed otherwise, by path."""
    seen: list[str] = field(default_factory=list)
    """What was asked for, in order: method and path with query."""
    authorizations: list[str | None] = field(default_factory=list)

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository(name))

    def webhook(self, name: str, old: str | None, new: str | None, ref: str = MAIN) -> bytes:
        """The body that the hub posts when a ref has moved."""
        repository = self.repositories[name]
        value = {
            "event": {"action": "update", "scope": "repo.content"},
            "repo": {
                "type": "model",
                "name": name,
                "id": repository.id,
                "private": False,
                "url": {
                    "web": f"https://huggingface.co/{name}",
                    "api": f"https://huggingface.co/api/models/{name}",
                },
                "headSha": repository.head,
                "owner": {"id": "61d2c54e2f1fc0d6fe4e9b2c"},
            },
            "updatedRefs": [{"ref": ref, "oldSha": old, "newSha": new}],
            "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
        }
        return json.dumps(value).encode()

    def app(self) -> Starlette:
        model = "/api/models/{owner}/{name}"
        return Starlette(
            routes=[
                Route(f"{model}/tree/{{revision:path}}", self._tree),
                Route(f"{model}/paths-info/{{revision:path}}", self._paths_info, methods=["POST"]),
                Route(f"{model}/commits/{{revision:path}}", self._commits),
                Route(f"{model}/revision/{{revision:path}}", self._info),
                Route(f"{model}/preupload/{{revision:path}}", self._preupload, methods=["POST"]),
                Route(f"{model}/commit/{{revision:path}}", self._commit, methods=["POST"]),
                Route(model, self._info),
                Route("/{owner}/{name}/resolve/{revision}/{path:path}", self._resolve),
                Route("/{owner}/{name}/raw/{revision}/{path:path}", self._raw),
                Route("/blobs/{sha256}", self._blob),
            ]
        )

    def _found(self, request: Request) -> tuple[Repository, Commit] | Response:
        query = f"?{request.url.query}" if request.url.query else ""
        self.seen.append(f"{request.method} {request.url.path}{query}")
        authorization = request.headers.get("authorization")
        self.authorizations.append(authorization)
        if self.token is not None and authorization != f"Bearer {self.token}":
            return _error(401, "RepoNotFound", "Invalid username or password.")
        params = request.path_params
        repository = self.repositories.get(f"{params['owner']}/{params['name']}")
        if repository is None:
            return _error(404, "RepoNotFound", "Repository not found")
        commit = repository.find(params.get("revision", "main"))
        if commit is None:
            return _error(404, "RevisionNotFound", "Invalid rev id")
        return repository, commit

    async def _info(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case repository, commit:
                return JSONResponse(
                    {
                        "_id": repository.id,
                        "id": repository.name,
                        "modelId": repository.name,
                        "sha": commit.oid,
                        "private": False,
                        "gated": False,
                        "disabled": False,
                        "downloads": 0,
                        "likes": 0,
                        "tags": ["safetensors"],
                        "lastModified": DATE,
                        "createdAt": DATE,
                        "siblings": [{"rfilename": path} for path in sorted(commit.files)],
                    }
                )

    async def _tree(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case _, commit:
                entries = [self._entry(path, commit.files[path]) for path in sorted(commit.files)]
                folders = {path.rpartition("/")[0] for path in commit.files} - {""}
                entries = [
                    {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
                    for folder in sorted(folders)
                ] + entries
                begin = int(request.query_params.get("cursor", "0"))
                page = entries[begin : begin + self.page_size]
                headers = {}
                if begin + self.page_size < len(entries):
                    following = request.url.include_query_params(cursor=begin + self.page_size)
                    headers["Link"] = f'<{following}>; rel="next"'
                return JSONResponse(page, headers=headers)

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "type": "file",
            "oid": git_blob_id(data),
            "size": len(data),
            "path": path,
        }
        if path.endswith(LFS_SUFFIXES):
            pointer = _pointer(data).to_bytes()
            entry["oid"] = git_blob_id(pointer)
            entry["lfs"] = {
                "oid": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "pointerSize": len(pointer),
            }
            entry["xetHash"] = hashlib.sha256(b"xet" + data).hexdigest()
        return entry | self.tree_changes.get(path, {})

    async def _paths_info(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case _, commit:
                asked = (await request.json())["paths"]
                # As the real API does: what is not there is silently left out.
                return JSONResponse(
                    [
                        self._entry(path, commit.files[path])
                        for path in asked
                        if path in commit.files
                    ]
                )

    async def _commits(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case repository, _:
                return JSONResponse(
                    [
                        {
                            "id": commit.oid,
                            "title": commit.title,
                            "message": "",
                            "date": DATE,
                            "authors": [{"user": "someone"}],
                        }
                        for commit in reversed(repository.commits)
                    ]
                )

    async def _resolve(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case _, commit:
                path = request.path_params["path"]
                data = commit.files.get(path)
                if data is None:
                    return _error(404, "EntryNotFound", "Entry not found")
                headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{git_blob_id(data)}"'}
                if path.endswith(LFS_SUFFIXES):
                    sha256 = hashlib.sha256(data).hexdigest()
                    headers |= {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(data))}
                    if self.downloads is not None:
                        return RedirectResponse(
                            f"{self.downloads}/blobs/{sha256}?signature=x", 302, headers
                        )
                return Response(self.tampered.get(path, data), headers=headers)

    async def _raw(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case _, commit:
                path = request.path_params["path"]
                data = commit.files.get(path)
                if data is None:
                    return _error(404, "EntryNotFound", "Entry not found")
                if path.endswith(LFS_SUFFIXES):
                    data = _pointer(data).to_bytes()
                return Response(self.tampered.get(path, data), media_type="text/plain")

    async def _blob(self, request: Request) -> Response:
        self.authorizations.append(request.headers.get("authorization"))
        for repository in self.repositories.values():
            for commit in repository.commits:
                for data in commit.files.values():
                    if hashlib.sha256(data).hexdigest() == request.path_params["sha256"]:
                        return Response(data)
        return Response(status_code=404)

    async def _preupload(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case _, commit:
                files = (await request.json())["files"]
                return JSONResponse(
                    {
                        "files": [
                            {
                                "path": file["path"],
                                "uploadMode": "regular",
                                "shouldIgnore": False,
                                "oid": git_blob_id(commit.files[file["path"]])
                                if file["path"] in commit.files
                                else None,
                            }
                            for file in files
                        ]
                    }
                )

    async def _commit(self, request: Request) -> Response:
        match self._found(request):
            case Response() as refused:
                return refused
            case repository, commit:
                lines = [json.loads(line) for line in (await request.body()).splitlines()]
                header = lines[0]["value"]
                if header.get("parentCommit") not in (None, commit.oid):
                    return _error(412, "CommitConflict", "A commit has happened since.")
                files = dict(commit.files)
                for line in lines[1:]:
                    value = line["value"]
                    files[value["path"]] = base64.b64decode(value["content"])
                number = len(repository.refs)
                ref = MAIN
                if request.query_params.get("create_pr") == "1":
                    ref = f"refs/pr/{number}"
                oid = repository.push(files, title=header["summary"], ref=ref)
                base = f"{request.base_url}{repository.name}"
                answer = {"success": True, "commitOid": oid, "commitUrl": f"{base}/commit/{oid}"}
                if ref != MAIN:
                    answer["pullRequestUrl"] = f"{base}/discussions/{number}"
                return JSONResponse(answer)


def _pointer(data: bytes) -> Pointer:
    return Pointer(hashlib.sha256(data).hexdigest(), len(data))


def _error(status: int, code: str, message: str) -> Response:
    headers = {"X-Error-Code": code, "X-Error-Message": message}
    return JSONResponse({"error": message}, status_code=status, headers=headers)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The origin at which `app` answers on this machine, until the block is left."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
