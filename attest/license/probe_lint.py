"""What is wrong, or unwise, about the probes of some terms."""

from __future__ import annotations

from collections.abc import Iterator

from attest.benchmark.probes import Probe, probes
from attest.license.remarks import Remark, error, warning
from attest.license.suffix_key import suffix_key
from attest.license.terms import Terms


def lint_probes(terms: Terms) -> Iterator[Remark]:
    """Remarks about the probes that the terms name or write out."""
    if terms.suffix_key is not None and suffix_key(terms) is None:
        message = "expected an Ed25519 public key in PEM, so nobody could sign suffixes"
        yield error("suffix-key", "suffix_key", message)
    known = probes()
    asked = {requirement.probe for requirement in terms.requirements}
    for index, stated in enumerate(terms.probes):
        name, field = stated.name, f"probes.{index}"
        if name not in asked:
            message = f"no requirement names {name}, so nothing is asked in this way"
            yield warning("unused-probe", field, message)
        probe = stated if isinstance(stated, Probe) else known.get(name)
        if probe is None:
            message = f"expected one of {', '.join(known)}, or a probe written out, found {name}"
            yield error("unknown-probe", f"{field}.name", message)
        elif not isinstance(stated, Probe) and stated.sha256 != probe.sha256:
            message = f"expected {probe.sha256}, the {name} of this version, found {stated.sha256}"
            yield error("probe-digest", f"{field}.sha256", message)
        elif probe.suffix is not None and name in asked and terms.suffix_key is None:
            message = f"{name} has secret suffixes: give the public key of whoever will sign them"
            yield error("no-suffix-key", "suffix_key", message)
