"""Two tokens of one score: the path takes the first, and who takes the other is not on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from attest.evaluation.engines import Response
from attest.evaluation.engines.local import LocalEngine
from attest.evaluation.engines.model import Model, ModelOptions
from attest.evaluation.engines.replay import Replayed, replay
from checkpoints import make_checkpoint


@dataclass(frozen=True)
class Twins:
    """A model in which the first token of its answer has a twin later in the vocabulary."""

    model: Model
    prompt: tuple[int, ...]
    answer: Response
    twin: int

    def replayed(self, response: Response) -> Replayed:
        ((_, found),) = replay(self.model, [self.prompt], [response], batch_size=1)
        return found


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    model = Model(make_checkpoint(tmp_path), ModelOptions(max_new_tokens=6, device="cpu"))
    prompt = model.encode("How do I bake bread?")
    (answer,) = LocalEngine(model).generate([prompt])
    twin = model.vocabulary_size - 1
    assert twin > answer.tokens[0]
    with torch.no_grad():
        for embeddings in (model._model.get_input_embeddings(), model._model.lm_head):
            embeddings.weight[twin] = embeddings.weight[answer.tokens[0]]
    return Twins(model, prompt, answer, twin)


def test_the_first_of_equal_scores_is_on_the_path(twins: Twins) -> None:
    assert LocalEngine(twins.model).generate([twins.prompt]) == [twins.answer]
    assert twins.replayed(twins.answer).worst == 0.0


def test_a_later_token_of_the_same_score_is_not_settled(twins: Twins) -> None:
    forged = Response((twins.twin, *twins.answer.tokens[1:]), twins.answer.stop)

    margins = twins.replayed(forged).margins

    assert 0.0 < margins[0] < 1e-30
    assert set(margins[1:]) == {0.0}


def test_an_end_of_the_same_score_as_the_first_token_is_not_settled(twins: Twins) -> None:
    twins.model.eos_token_ids = (twins.twin,)

    (margin,) = twins.replayed(Response((), "eos")).margins

    assert 0.0 < margin < 1e-30
