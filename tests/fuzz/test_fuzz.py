"""Nothing damaged is believed, and nothing damaged is more than refused.

`benchmarks/fuzz.py` does the same a million times, with bounds on time and memory.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from attest.errors import AttestError
from fuzzed import Target, make_targets
from mutations import mutate
from release import make_release

NAMES = (
    *("bundle", "statement, signed anew", "OMS signature", "manifest of hashes", "evidence"),
    *("salt of the evidence", "license", "license in YAML", "trust file"),
    *("trust file, signed anew", "revocation list"),
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    return {one.name: one for one in make_targets(make_release(folder / "release"), folder)}


def is_believed(target: Target, data: bytes) -> bool:
    try:
        return target.believes(data)
    except AttestError:
        return False


def test_every_kind_of_document_is_fuzzed(targets: dict[str, Target]) -> None:
    assert tuple(targets) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_damaged_is_believed(targets: dict[str, Target], name: str) -> None:
    target = targets[name]

    assert target.believes(target.seed.data)
    assert target.means_the_same(target.seed.data)


@pytest.mark.parametrize("name", NAMES)
@given(number=st.integers(min_value=0, max_value=2**64))
@example(number=0)
@FEW
def test_what_is_believed_means_the_same(
    targets: dict[str, Target], name: str, number: int
) -> None:
    target = targets[name]
    data = mutate(Random(number), target.seed).data

    assert not is_believed(target, data) or target.means_the_same(data)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.binary(max_size=200))
@FEW
def test_arbitrary_bytes_are_refused(targets: dict[str, Target], name: str, data: bytes) -> None:
    assert not is_believed(targets[name], data)
