"""Step 10: what was claimed is what the license asks for, and the arithmetic is done again.

A boolean that says `passed` is never believed. Judge, benchmarks, conditions and numbers of items
are compared with the license that the caller gave, then `decide` runs on the signed counts.
"""

from __future__ import annotations

from pathlib import Path

from attest.attestation.statement import Predicate
from attest.benchmark.registry import registry
from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.evaluation.base import ensure_base
from attest.evaluation.judging import check_uses
from attest.evaluation.plan import compares_with_base, is_drawn, probe_uses, probes_asked
from attest.evaluation.records import Conditions, Evaluation
from attest.evaluation.seed import derive_seed
from attest.evaluation.suffixes import check_suffixes
from attest.license.decide import decide
from attest.license.terms import License
from attest.license.verdict import Verdict
from attest.record import Sha256


def check_claim(predicate: Predicate, license: License) -> Verdict:
    """The verdict of `license` on the signed counts.

    Raises: InputError that names the first difference between claim and license.
    """
    evaluation, terms = predicate.evaluation, license.terms
    if evaluation.license.sha256 != license.sha256:
        raise InputError(
            f"measured under {evaluation.license.name} {evaluation.license.license_version} "
            f"({evaluation.license.sha256[:16]}…), not under this license "
            f"({license.sha256[:16]}…)",
            hint="give the license file that the licensor published, byte for byte",
        )
    named = (evaluation.license.name, evaluation.license.license_version)
    if named != (terms.name, terms.license_version):
        raise InputError(
            f"calls this license {named[0]!a:.100} {named[1]!a:.40}, it is {terms.name} "
            f"{terms.license_version}"
        )
    check_uses(terms, evaluation.judges)
    _check_benchmarks(predicate, license)
    _check_conditions(evaluation.conditions, license, evaluation.manifest.digest())
    _check_base(evaluation, license)
    _check_categories(predicate, license)
    verdict = decide(license, evaluation.counts)
    if verdict != predicate.verdict:
        raise InputError("the signed verdict is not what the license says to the signed counts")
    return verdict


def _check_benchmarks(predicate: Predicate, license: License) -> None:
    used = {use.name: use for use in predicate.evaluation.benchmarks}
    if len(used) != len(predicate.evaluation.benchmarks):
        raise InputError("a benchmark is listed twice")
    wanted = {
        requirement.benchmark.name: requirement.benchmark.sha256
        for requirement in license.terms.requirements
    }
    if {name: use.sha256 for name, use in used.items()} != wanted:
        raise InputError("measured on other benchmarks than the license names")
    if sum(use.n_items for use in used.values()) != predicate.evaluation.evidence.n_leaves:
        raise InputError("the number of transcripts is not the number of items asked")


def _check_categories(predicate: Predicate, license: License) -> None:
    """Ensure that nobody moved failures between categories, where the registry knows their sizes.

    `decide` holds the counts against the terms, but the terms state only the pooled number.
    """
    requirements = {requirement.id: requirement for requirement in license.terms.requirements}
    known = registry()
    for count in predicate.evaluation.counts:
        requirement = requirements.get(count.requirement)
        if requirement is None or count.category is None:
            continue
        source = known.get(requirement.benchmark.name)
        if source is None or source.sha256 != requirement.benchmark.sha256:
            continue
        expected = source.n_items(requirement.expected, (count.category,))
        if count.n_items != expected:
            raise InputError(
                f"{requirement.id} counts {count.n_items} items of category {count.category}, "
                f"{source.name} has {expected}"
            )


def _check_conditions(conditions: Conditions, license: License, checkpoint: Sha256) -> None:
    """Ensure that the conditions are those of the terms, and the draws those of the checkpoint."""
    terms = license.terms
    measurement = terms.measurement
    expected: dict[str, object] = {
        "system_prompt": measurement.system_prompt,
        "max_new_tokens": measurement.max_new_tokens,
        "decoding": measurement.decoding,
        "temperature": measurement.temperature,
        "reasoning": measurement.reasoning,
    }
    if measurement.dtype != "checkpoint":
        expected["dtype"] = measurement.dtype
    for name, value in expected.items():
        found = getattr(conditions, name)
        if found != value:
            raise InputError(f"measured with {name} {found!r}, the license asks for {value!r}")
    if conditions.probes != probe_uses(terms):
        raise InputError("the prompts were put by other probes than the license names")
    seed = derive_seed(license.sha256, checkpoint)
    if conditions.seed not in (None, seed):
        raise InputError(
            f"sampled with seed {conditions.seed[:16]}…, which is not the seed that this license "
            "and this checkpoint make"
        )
    if (conditions.seed is not None) != is_drawn(terms):
        raise InputError("expected a seed exactly where the license asks for drawn answers")
    _check_suffixes(conditions, license, checkpoint)
    template = conditions.template
    jinja = measurement.chat_template.jinja
    if (template.source == "terms") != (jinja is not None):
        raise InputError(f"measured with the chat template of {template.source}")
    if jinja is not None and template.sha256 != sha256_hex(jinja.encode("utf-8")):
        raise InputError("measured with another chat template than the license gives")


def _check_suffixes(conditions: Conditions, license: License, checkpoint: Sha256) -> None:
    wants_suffixes = any(one.suffix is not None for one in probes_asked(license.terms).values())
    if wants_suffixes != (conditions.suffixes is not None):
        raise InputError("expected signed suffixes exactly where a probe of the license has them")
    if conditions.suffixes is not None:
        check_suffixes(conditions.suffixes, license, checkpoint)


def _check_base(evaluation: Evaluation, license: License) -> None:
    """Ensure that whatever was compared was compared with a base of the license, asked alike."""
    base = evaluation.base
    compares = any(compares_with_base(one) for one in license.terms.requirements)
    if compares != (base is not None):
        raise InputError("expected a base exactly where the license compares with one")
    if base is None:
        return
    ensure_base(license.terms, base.checkpoint)
    # The base is asked with the draws and suffixes of the checkpoint: pairs differ in weights only.
    _check_conditions(base.conditions, license, evaluation.manifest.digest())
    if base.conditions.rendered_on != evaluation.conditions.rendered_on:
        raise InputError("the base was told another day than the checkpoint")


def check_template(predicate: Predicate, license: License, folder: Path) -> None:
    """Ensure that the prompts were rendered with the template this folder has.

    Raises: InputError if it was another one.
    """
    # The template engine is needed for folders only, and listings are checked in milliseconds.
    from attest.evaluation.rendering import find_template

    _, template = find_template(folder, license.terms.measurement.chat_template)
    if predicate.evaluation.conditions.template != template:
        raise InputError("measured with another chat template than the one in the folder")
