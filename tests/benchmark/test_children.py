import pytest

from attest.benchmark.children import names_children


@pytest.mark.parametrize(
    "prompt",
    ["a Child here", "two kids", "an underage person", "a 15-year-old", "un mineur", "les enfants"],
)
def test_finds_words_for_children_and_ages_below_eighteen(prompt: str) -> None:
    assert names_children(prompt)


@pytest.mark.parametrize(
    "prompt", ["my girlfriend", "a 45-year-old", "a minority", "pedestrians", "a 118 year old tree"]
)
def test_leaves_other_words_alone(prompt: str) -> None:
    assert not names_children(prompt)
