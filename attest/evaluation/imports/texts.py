"""Answers known as text only, and what can be said of their tokens.

Encoding a text seldom gives back the ids it was decoded from, so the tokens of an imported answer
are the verifier's own encoding of it, and only a starting point: where they are a path of the
model, they prove the text; where they are not, the answer is generated again and texts compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attest.evaluation.engines import Response

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


def re_encoded(model: Model, text: str) -> Response:
    """The response that `text` encodes to; its ending is what its length suggests."""
    tokens = model.encode_answer(text)
    return Response(tokens, "eos" if len(tokens) < model.max_new_tokens else "length")


def says(model: Model, tokens: Sequence[int], text: str) -> bool:
    """Whether these tokens read as `text`, with or without the white space at their ends.

    Harnesses of some versions strip an answer and others do not.
    """
    decoded = model.decode(tokens)
    return text in (decoded, decoded.strip())


def may_be_path(model: Model, response: Response, text: str) -> bool:
    """Whether greedy decoding could have made this very response, whatever the weights."""
    return (
        len(response.tokens) <= model.max_new_tokens
        and not set(response.tokens) & set(model.eos_token_ids)
        and says(model, response.tokens, text)
    )
