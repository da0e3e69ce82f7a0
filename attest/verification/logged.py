"""Answers of another harness's log: text, whose tokens are the verifier's own encoding.

An encoding that is a path of the weights settles its answer as any recorded tokens would. Any other
proves nothing, because another encoding of the same text may be the path: such an answer is
generated again here, and the texts are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attest.errors import InputError
from attest.evaluation.engines import Response
from attest.evaluation.imports.texts import may_be_path, re_encoded, says
from attest.evaluation.plan import batches
from attest.evaluation.records import JudgedTranscript, Transcript

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


def check_encoding(model: Model, transcript: Transcript) -> None:
    """Ensure that the recorded tokens and ending are what the text encodes to.

    Raises: InputError that names the item.
    """
    if re_encoded(model, transcript.text) != Response(transcript.response_tokens, transcript.stop):
        raise InputError(f"{transcript.name}: the recorded tokens are not what its text encodes to")


def possible_paths(
    model: Model, judged: Sequence[JudgedTranscript], indices: Sequence[int]
) -> list[int]:
    """Those of the items whose tokens greedy decoding could have made, whatever the weights."""
    found = []
    for index in indices:
        line = judged[index].transcript
        if may_be_path(model, Response(line.response_tokens, line.stop), line.text):
            found.append(index)
    return found


def settle_by_text(
    model: Model,
    judged: Sequence[JudgedTranscript],
    indices: Sequence[int],
    *,
    batch_size: int,
    on_settled: Callable[[int], None],
) -> None:
    """Generate these items again, and compare the texts.

    Raises: InputError that names the first item for which these weights say something else.
    """
    from attest.evaluation.engines.local import LocalEngine

    engine = LocalEngine(model)
    lines = [judged[index].transcript for index in indices]
    for batch in batches([line.prompt_tokens for line in lines], batch_size):
        again = engine.generate([lines[place].prompt_tokens for place in batch])
        for place, response in zip(batch, again, strict=True):
            line = lines[place]
            if not says(model, response.tokens, line.text):
                raise InputError(
                    f"{line.name}: these weights do not say this answer: "
                    "its text is no path of theirs, and generated again it is another",
                    hint="the log is of another model, was edited, or its prompts were encoded "
                    "otherwise (two beginning-of-sequence tokens; a generation config that steers)",
                )
        on_settled(len(batch))
