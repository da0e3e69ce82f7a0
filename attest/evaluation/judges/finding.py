"""Where the parts of a judge are found, each held against what pins it in the terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attest.canonical import sha256_hex
from attest.checkpoint.digest import digest
from attest.errors import InputError
from attest.evaluation.judges import Judge, judge, judge_sha256
from attest.evaluation.judges.endpoint import Endpoint
from attest.evaluation.judges.model_judge import JudgeText
from attest.evaluation.judges.rubric_judge import built_in_rubrics, rubric_sha256
from attest.files import read_file
from attest.license.judges import ModelJudge, RubricJudge
from attest.record import Sha256, Slug

MAX_TEXT_BYTES = 64 * 1024
"""Largest prompt, policy, rubric or calibration read."""


@dataclass(frozen=True)
class JudgeFolder:
    """A model that judges, known to be what the terms pin."""

    path: Path
    checkpoint: Sha256


def built_in(rules: Slug, wanted: Sha256, *, called: Slug) -> Judge:
    """The judge of this package called `rules`, if its sources have the digest `wanted`.

    Raises: InputError with reason `another-judge` or `unknown-judge`.
    """
    found = judge_sha256(rules)
    if found != wanted:
        raise InputError(
            f"the terms name judge {rules} with digest {wanted[:12]}…, this version of attest has "
            f"{found[:12]}…",
            reason="another-judge",
            where="judge",
            hint="install the version of attest whose judge the license names, or ask the "
            "licensor for terms that name this one",
        )
    return judge(rules, called=called)


def judge_folder(spec: ModelJudge, models: Mapping[Slug, Path]) -> JudgeFolder:
    """The folder of a model that judges, and its digest.

    A revision is a commit of a hub, and nothing in a folder proves of which commit it is. So the
    folder must be the snapshot of that name in a hub cache, and its digest is signed with the
    result: who checks it with another snapshot finds any difference.

    Raises: InputError with reason `no-judge` or `another-judge`, or one of `digest`.
    """
    if spec.name not in models:
        published = f", published as {spec.repository}" if spec.repository else ""
        raise InputError(
            f"the terms name a model as judge{published}",
            reason="no-judge",
            where=f"judge {spec.name}",
            hint=f"--judge-model {spec.name}=FOLDER",
        )
    path = models[spec.name]
    if spec.revision is not None and spec.repository is not None:
        cache = f"models--{spec.repository.replace('/', '--')}"
        if path.name == cache:
            path = path / "snapshots" / spec.revision
        place = path.absolute()
        if place.parts[-3:] != (cache, "snapshots", spec.revision):
            raise InputError(
                f"expected {cache}/snapshots/{spec.revision} of a hub cache",
                reason="another-judge",
                where=f"judge {spec.name}",
            )
    checkpoint = digest(path).digest()
    if spec.sha256 not in (None, checkpoint):
        raise InputError(
            f"the terms name a model with digest {spec.sha256[:12]}…, this folder has "
            f"{checkpoint[:12]}…",
            reason="another-judge",
            where=f"judge {spec.name}",
            hint="attest digest FOLDER prints it",
        )
    return JudgeFolder(path, checkpoint)


def judge_text(spec: ModelJudge, texts: Mapping[Slug, Path]) -> JudgeText | None:
    """The prompt or policy of a model that judges; None if the terms pin none.

    Raises: InputError with reason `judge-template`.
    """
    if spec.template_sha256 is None:
        return None
    return JudgeText(_pinned(spec.name, spec.template_sha256, texts))


def rubric(spec: RubricJudge, texts: Mapping[Slug, Path]) -> str:
    """The rubric that the terms pin: a file of the caller's, or one of this package.

    Raises: InputError with reason `judge-template`.
    """
    own = built_in_rubrics()[spec.scale]
    if spec.name not in texts and rubric_sha256(own) == spec.rubric_sha256:
        return own
    return _pinned(spec.name, spec.rubric_sha256, texts)


def judge_endpoint(spec: RubricJudge, endpoints: Mapping[Slug, Endpoint]) -> Endpoint:
    """Where a judge with a rubric answers.

    Raises: InputError with reason `no-judge`.
    """
    if spec.name not in endpoints:
        raise InputError(
            f"the terms name {spec.model} behind an endpoint as judge",
            reason="no-judge",
            where=f"judge {spec.name}",
            hint=f"--judge-endpoint {spec.name}=URL",
        )
    return endpoints[spec.name]


def _pinned(name: Slug, wanted: Sha256, texts: Mapping[Slug, Path]) -> str:
    if name not in texts:
        raise InputError(
            f"the terms pin a text with SHA-256 {wanted[:12]}…",
            reason="judge-template",
            where=f"judge {name}",
            hint=f"--judge-text {name}=FILE; docs/judges.md says where it is published",
        )
    data = read_file(texts[name], MAX_TEXT_BYTES)
    if sha256_hex(data) != wanted:
        raise InputError(
            f"expected SHA-256 {wanted[:12]}…, found {sha256_hex(data)[:12]}…",
            reason="judge-template",
            where=str(texts[name]),
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", reason="not-utf8", where=str(texts[name])) from error
