"""Every draw follows from seed, item, position and token, and is a draw from the softmax."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from blake3 import blake3
from scipy.stats import chisquare

from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.seed import derive_seed

SEED = bytes(range(32))
KEY = ItemKey("private", "theft-1")


def noise(draws: Draws, position: int, n_tokens: int, place: int = 0) -> list[float]:
    flat = replace(draws, temperature=1.0)
    row: list[float] = flat.perturbed(torch.zeros(1, n_tokens), [place], position)[0].tolist()
    return row


def test_the_seed_of_two_known_digests_is_known() -> None:
    """`printf 'attest-seed-v1\\0' | cat - license.bin checkpoint.bin | sha256sum` gives it."""
    assert derive_seed("00" * 32, "ff" * 32) == (
        "4aa28e2c4119f6952108ea01795de41d442da3dbb565d624a25b87a556637ac2"
    )
    assert derive_seed("ff" * 32, "00" * 32) != derive_seed("00" * 32, "ff" * 32)


@pytest.mark.parametrize(
    ("item", "position", "expected"),
    [
        (
            "theft-1",
            0,
            [2.108179774031319, 2.8695885558567285, -0.7893697341653552, -1.6392194063705916],
        ),
        (
            "theft-1",
            1,
            [2.7108369376033914, 0.6122589845573182, 3.3021852835924146, 0.44825137817728183],
        ),
        (
            "räuber",
            511,
            [-0.21406836554441275, -1.2054689141714017, -0.44715610887007623, 0.7951373680499271],
        ),
    ],
)
def test_the_draws_of_known_places_are_known(
    item: str, position: int, expected: list[float]
) -> None:
    draws = Draws(SEED, 1.0, (ItemKey("private", item),))

    assert noise(draws, position, 4) == pytest.approx(expected, rel=1e-14)


def test_the_draws_are_what_the_specification_says_without_torch() -> None:
    name, item = b"private", "räuber".encode()
    message = (
        b"attest-gumbel-v1\x00"
        + (len(name).to_bytes(4, "big") + name)
        + (len(item).to_bytes(4, "big") + item)
        + (7).to_bytes(8, "big")
    )
    output = blake3(message, key=SEED).digest(length=4 * 1000)
    words = [int.from_bytes(output[at : at + 4], "little") for at in range(0, 4000, 4)]
    expected = [-math.log(-math.log((word + 0.5) / 2**32)) for word in words]

    found = noise(Draws(SEED, 1.0, (ItemKey("private", "räuber"),)), 7, 1000)

    assert found == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_a_larger_vocabulary_begins_with_the_draws_of_a_smaller() -> None:
    draws = Draws(SEED, 1.0, (KEY,))

    assert noise(draws, 3, 500)[:20] == noise(draws, 3, 20)


def test_no_two_places_share_their_draws() -> None:
    draws = Draws(SEED, 1.0, (KEY, ItemKey("privatet", "heft-1"), ItemKey("private", "theft-2")))
    rows = [noise(draws, position, 8, place) for place in range(3) for position in (0, 1, 256)]
    rows.append(noise(replace(draws, seed=bytes(32)), 0, 8))

    assert len({tuple(row) for row in rows}) == 10


def test_a_row_has_its_draws_whatever_rows_are_beside_it() -> None:
    draws = Draws(SEED, 0.7, tuple(ItemKey("private", str(number)) for number in range(6)))
    logits = torch.randn(6, 300, generator=torch.Generator().manual_seed(1))

    together = draws.perturbed(logits, range(6), 9)
    some = draws.of([5, 0, 3]).perturbed(logits[[3, 0]], [2, 1], 9)

    assert torch.equal(some, together[[3, 0]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_the_arg_max_is_a_draw_from_the_softmax(temperature: float) -> None:
    n = 20_000
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -1.5])
    draws = Draws(SEED, temperature, tuple(ItemKey("private", str(i)) for i in range(n)))

    drawn = draws.perturbed(logits.expand(n, -1), range(n), 0).argmax(dim=-1)

    counts = torch.bincount(drawn, minlength=len(logits))
    expected = torch.softmax(logits.double() / temperature, dim=0) * n
    assert chisquare(counts.numpy(), expected.numpy()).pvalue > 0.01


def test_the_positions_of_one_item_are_drawn_independently() -> None:
    n = 4000
    draws = Draws(SEED, 1.0, (KEY,))
    found = [int(draws.perturbed(torch.zeros(1, 2), [0], at).argmax()) for at in range(n)]

    pairs = [2 * one + two for one, two in zip(found[::2], found[1::2], strict=True)]
    assert chisquare([pairs.count(kind) for kind in range(4)]).pvalue > 0.01


def test_16_bit_logits_keep_their_draws() -> None:
    draws = Draws(SEED, 0.7, (KEY,))
    logits = torch.randn(1, 300, generator=torch.Generator().manual_seed(1)).bfloat16()

    assert torch.equal(draws.perturbed(logits, [0], 2), draws.perturbed(logits.float(), [0], 2))
