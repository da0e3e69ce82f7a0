"""A first trust file to edit: complete, commented, and in force once its owner has signed it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from attest.attestation.keys import PublicKey
from attest.attestation.trust.records import Role

_HEAD = """\
# Whom you believe. `attest trust check FILE` reads it back. It counts once its owner has signed it,
# and signed it again after every change: `attest trust sign FILE --key KEY`.
version: attest-trust/1
name: {name}
number: 1              # one more with every change; nothing replaces a larger number
expires: {expires}    # last day, in UTC, on which anything is believed by this file

# Whose keys sign this file. So many of them must sign the next version too.
owner:
  threshold: 1
  keys:
"""

_SIGNERS = """\

# Everybody who may sign something. Instead of `key`, a certificate:
#   ci:
#     certificate:
#       identity: https://example.org/release.yml@refs/heads/main
#       issuer: https://issuer.example.org     # only where a Sigstore authority certifies
#       roots: |
#         -----BEGIN CERTIFICATE-----
signers:
"""

_GRANTS = """\

# Who may speak in which role. A role may be granted several times, with limits:
#     valid_from: 2026-01-01
#     valid_until: 2026-12-31
#     licenses: [{name: Example Model License}]
#     base_models: [{name: Example Base Model}]
grants:
"""

_REQUIRES = """\

# What every attestation must offer.
requires:
  assurance: self_attested   # or third_party: only an evaluator's measurement counts
  level: 1                   # how deep to verify at least; see `attest verify --help`
  # max_age_days: 180
  # timestamp: true          # with timestamp_authorities: roots in PEM
  # log: true                # with logs: origin and key of each

# Who signs the revocation list. With this line, nothing verifies without a current list.
# revocations_by: licensor
"""


def new_trust(
    *,
    name: str,
    expires: date,
    owner: Sequence[PublicKey],
    roles: Mapping[Role, Mapping[str, PublicKey]],
) -> str:
    """The text of a commented trust file.

    Args:
        name: of the world that it is about.
        expires: its last day.
        owner: the keys that sign it, at least one.
        roles: for each role the signers by name; a name has one key throughout.
    """
    signers = {name: key for named in roles.values() for name, key in named.items()}
    lines = [_HEAD.format(name=json.dumps(name, ensure_ascii=False), expires=expires)]
    lines += [f"    - |\n{_block(key, 6)}" for key in owner]
    lines.append(_SIGNERS)
    lines += [f"  {name}:\n    key: |\n{_block(key, 6)}" for name, key in signers.items()]
    lines.append(_GRANTS)
    lines += [
        f"  - role: {role}\n    signers: [{', '.join(named)}]\n    threshold: 1\n"
        for role, named in roles.items()
        if named
    ]
    return "".join([*lines, _REQUIRES])


def _block(key: PublicKey, indent: int) -> str:
    return "".join(f"{' ' * indent}{line}\n" for line in key.pem.decode("ascii").splitlines())
