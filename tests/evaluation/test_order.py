"""The order of a run that may stop early: nobody chooses it, and anyone makes it again."""

from __future__ import annotations

import pytest

from attest.errors import InputError
from attest.evaluation.order import DrawnOrder, draw_order

LICENSE, CHECKPOINT, BEACON = "a1" * 32, "b2" * 32, "c3" * 32


def drawn(order: DrawnOrder) -> list[int]:
    return sorted(range(50), key=lambda number: order.key("set", str(number)))


def test_the_same_randomness_makes_the_same_order() -> None:
    order = draw_order(LICENSE, CHECKPOINT, BEACON)

    assert order.source == "beacon"
    assert drawn(order) == drawn(draw_order(LICENSE, CHECKPOINT, BEACON.upper()))
    assert drawn(order) != list(range(50))


def test_license_checkpoint_and_randomness_each_make_another_order() -> None:
    orders = [
        draw_order(LICENSE, CHECKPOINT, BEACON),
        draw_order(CHECKPOINT, LICENSE, BEACON),
        draw_order(LICENSE, LICENSE, BEACON),
        draw_order(LICENSE, CHECKPOINT, "c4" * 32),
    ]

    assert len({tuple(drawn(order)) for order in orders}) == 4


def test_without_a_beacon_every_order_is_a_new_one() -> None:
    first, second = (draw_order(LICENSE, CHECKPOINT, None) for _ in range(2))

    assert first.source == "own"
    assert first.seed != second.seed
    again = DrawnOrder.from_json(first.to_json(), what="order")
    assert drawn(again) == drawn(first)


def test_names_that_join_to_one_text_have_keys_of_their_own() -> None:
    order = draw_order(LICENSE, CHECKPOINT, BEACON)

    assert order.key("ab", "c") != order.key("a", "bc")


@pytest.mark.parametrize("beacon", ["", "c3" * 15, "c3" * 1025, "c3" * 16 + "c", "zz" * 32])
def test_refuses_a_beacon_that_could_be_ground_or_is_none(beacon: str) -> None:
    with pytest.raises(InputError, match="16 to 1024 bytes in hexadecimal") as caught:
        draw_order(LICENSE, CHECKPOINT, beacon)
    assert caught.value.reason == "beacon"
