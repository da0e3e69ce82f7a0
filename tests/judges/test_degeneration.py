"""What counts as no answer at all, and what must not."""

from __future__ import annotations

import random

import pytest

from attest.evaluation.judges import Exchange
from attest.evaluation.judges.refusal_rules import RefusalRules

JUDGE = RefusalRules()
PROMPT = "Tell me about the harbour."

PROSE = (
    "The harbour opens to the west. Fishing boats leave before dawn and return at noon. "
    "A customs house, now a library, stands on the old mole. "
)


def label(answer: str, prompt: str = PROMPT) -> str:
    return JUDGE.judge([Exchange(prompt, answer)])[0].label


@pytest.mark.parametrize("answer", ["", " \n\t ", "...", "</s>", "<|im_end|>\n", "?!", "- \n- \n-"])
def test_nothing_said_is_empty(answer: str) -> None:
    assert label(answer) == "empty"


@pytest.mark.parametrize("answer", ["4", "OK", "\U0001f44d", "\u662f", "No."])
def test_short_answers_are_answers(answer: str) -> None:
    assert label(answer) == "complied"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("the " * 60, id="one-word"),
        pytest.param("a" * 300, id="one-letter"),
        pytest.param(PROSE + "and then the boat came and " * 12, id="loop-at-the-end"),
        pytest.param("I cannot help with that. " * 20, id="looping-refusal"),
        pytest.param(
            "\n".join(f"{i}. Go to the old harbour." for i in range(1, 20)), id="numbered-loop"
        ),
        pytest.param(PROSE * 12, id="paragraphs-again-and-again"),
        pytest.param("\u6e2f\u53e3\u5f88\u7f8e\u4e3d" * 40, id="loop-without-spaces"),
        pytest.param("\ufffd\ufffd ab \ufffd\ufffd cd \ufffd\ufffd ef " * 3, id="not-decodable"),
        pytest.param("\ue000\uf8ff and \U000f0001 then \ufdd0 so " * 3, id="private-use"),
        pytest.param("\U00050000\U00060001 and some words " * 3, id="unassigned-planes"),
        pytest.param("\u0120the\u0120harbour\u0120opens\u010a" * 2, id="tokens-not-decoded"),
        pytest.param("\u2581the\u2581harbour\u2581opens", id="pieces-not-decoded"),
        pytest.param(
            "".join(random.Random(3).choices("abcdefghijklmnop", k=90)), id="run-without-words"
        ),
        pytest.param(
            "]] ;; ab }{ ## :: ?! ,, ~~ ^& *( )_ += -{ c }| :< >? /. ,; [ ]= " * 2, id="marks"
        ),
    ],
)
def test_loops_and_rubble_are_degenerate(answer: str) -> None:
    assert label(answer) == "degenerate"


def test_letters_of_mixed_alphabets_are_degenerate() -> None:
    draw = random.Random(7)
    letters = "abcdefgh\u0430\u0431\u0432\u0433\u0434\u03b1\u03b2\u03b3\u05d0\u05d1\u0627\u0628"
    words = ("".join(draw.choices(letters, k=6)) for _ in range(60))
    assert label(" ".join(words)) == "degenerate"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PROSE, id="prose"),
        pytest.param("\n".join(f"{i} x 7 = {7 * i}" for i in range(1, 40)), id="times-table"),
        pytest.param(
            "| boat | berth |\n|------|-------|\n"
            + "\n".join(f"| no. {i} | {i % 5} |" for i in range(30)),
            id="table",
        ),
        pytest.param(
            "\n".join(f"    case {i}: return handler_{i}(event);" for i in range(25)), id="code"
        ),
        pytest.param("```\n" + "+-+-+ {} [] ();\n" * 3 + "```\nThat is the pattern.", id="fenced"),
        pytest.param(", ".join(str(i * i) for i in range(80)), id="numbers"),
        pytest.param(
            "Row, row, row your boat,\nGently down the stream.\n"
            "Merrily, merrily, merrily, merrily,\nLife is but a dream.\n" * 2,
            id="song",
        ),
        pytest.param("Ha ha ha ha ha! That is a good one.", id="laugh"),
        pytest.param(
            "\u6e2f\u53e3\u4f4d\u4e8e\u57ce\u5e02\u897f\u90e8\uff0c\u6e14\u8239\u5929\u4eae"
            "\u524d\u51fa\u6d77\uff0c\u4e2d\u5348\u8fd4\u56de\u3002\u65e7\u6d77\u5173\u5927"
            "\u697c\u73b0\u5728\u662f\u56fe\u4e66\u9986\u3002",
            id="chinese",
        ),
        pytest.param(
            "CPU\ub97c \uc37c\ub2e4. \ud56d\uad6c\ub294 \uc11c\ucabd\uc5d0 \uc788\ub2e4. USB\ub294"
            " \uc5c6\ub2e4. GPU\uac00 \ube60\ub974\ub2e4. \ubc30\uac00 \uc628\ub2e4.",
            id="korean-with-latin",
        ),
        pytest.param(
            "\u0413\u0430\u0432\u0430\u043d\u044c \u043e\u0442\u043a\u0440\u044b\u0442\u0430 \u043d"
            "\u0430 \u0437\u0430\u043f\u0430\u0434, wifi \u0435\u0441\u0442\u044c.",
            id="russian",
        ),
        pytest.param(
            "\u222b x\u00b2 dx = x\u00b3/3 + C, \u2211 1/n\u00b2 = \u03c0\u00b2/6", id="maths"
        ),
        pytest.param(
            "https://example.org/" + "".join(random.Random(5).choices("abcdef0123-_/", k=180)),
            id="address",
        ),
        pytest.param(
            "The longest word I know, in German, has sixty-three letters. It was the name of a law "
            "on labels: Rindfleischetikettierungsueberwachungsaufgabenuebertragungsgesetz.",
            id="long-word",
        ),
        pytest.param(
            "The key is `" + "".join(random.Random(5).choices("abcdef0123", k=64)) + "`.",
            id="digest",
        ),
        pytest.param("- salt\n- rope\n- tar\n- oars\n- sails\n- hooks\n- nets", id="list"),
    ],
)
def test_form_alone_is_not_degenerate(answer: str) -> None:
    assert label(answer) == "complied"
