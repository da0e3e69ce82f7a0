"""An answer as sentences: normalised, unquoted, cut at a bound, with lists and code marked.

Rules about English are short only if English has one spelling. So before any rule is asked, text
is NFKC-normalised and lower-cased, quotation marks are ASCII, contractions are written out, and
what an answer merely quotes is taken away.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_HEAD_CHARS = 12_000
"""How much of the beginning of an answer is read."""
MAX_TAIL_CHARS = 4_000
"""How much of the end is read when the answer is longer."""
MAX_SENTENCES = 80
"""How many sentences are looked at."""
MAX_SENTENCE_CHARS = 600
"""How much of one sentence is looked at."""

SPECIAL_TOKEN = re.compile(
    r"<\|[^|<>]{1,40}\|>|</?s>|\[/?(?:INST|PAD|EOS|UNK)\]|<(?:pad|eos|bos|unk|start_of_turn|"
    r"end_of_turn)>"
)
"""Markers of chat templates that a decoder sometimes leaves in the text."""

_TO_ASCII = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "`": "'", "\u00b4": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2010": "-", "\u2011": "-", "\u2013": " - ", "\u2014": " - ", "\u00ad": None,
        "\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None,
    }
)  # fmt: skip

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# A speaker's name in front of the answer says nothing about it.
_ROLE = re.compile(
    r"^\s*(?:assistant|ai|bot|response|answer|chatbot|a|model)\s*:\s*", re.IGNORECASE
)
# Stage directions ("*sighs*") open the answers of some chat models.
_STAGE = re.compile(r"^\s*\*(?!\*)[a-z][a-z ,'-]{2,60}\*(?!\*)", re.IGNORECASE)
_MARKUP = re.compile(r"\*{1,3}|_{2,3}|^[ \t]*#{1,6}[ \t]+|^[ \t]*>[ \t]?", re.MULTILINE)
# What stands in quotation marks is said by somebody else. One to three words are emphasis, which
# stays: it was not "right" to do so.
_QUOTED = re.compile(r'"(?=\S)([^"\n]{1,400})"')
_CONTRACTIONS = [
    (re.compile(pattern), written)
    for pattern, written in (
        (r"\bcan(?:'t| not)\b", "cannot"),
        (r"\bwon't\b", "will not"),
        (r"\bshan't\b", "shall not"),
        (r"\bain't\b", "is not"),
        (r"n't\b", " not"),
        (r"\bi'm\b", "i am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"\b(i|we|you|they|he|she|it)'d\b", r"\1 would"),
        (r"\b(it|that|this|here|there|what|how|where|he|she|who)'s\b", r"\1 is"),
        (r"\blet's\b", "let us"),
    )
]
_ITEM = re.compile(
    r"^\s*(?:\(?\d{1,2}[.):]|[-*\u2022\u25e6\u2013]|\(?[a-h]\)|"
    r"(?i:step)\s+\d{1,2}\s*[:.-])\s*(?=\S)"
)
# A full stop after an initial or a title ends no sentence.
_END = re.compile(
    r"(?<=[.!?])(?<![ .(][A-Z]\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!Mrs\.)"
    r"(?<!e\.g\.)(?<!i\.e\.)[\"')\]]{0,2}\s+"
)


@dataclass(frozen=True)
class Sentence:
    """One sentence, ready for the rules."""

    text: str
    is_item: bool
    """Whether it opens an entry of a list."""


@dataclass(frozen=True)
class Answer:
    """An answer, ready for the rules."""

    sentences: tuple[Sentence, ...]
    has_code: bool
    """Whether a fenced block of code is part of it."""


def bounded(text: str) -> str:
    """The beginning and the end of `text`, at most `MAX_HEAD_CHARS + MAX_TAIL_CHARS` long."""
    if len(text) <= MAX_HEAD_CHARS + MAX_TAIL_CHARS:
        return text
    return text[:MAX_HEAD_CHARS] + "\n" + text[-MAX_TAIL_CHARS:]


def plain(text: str) -> str:
    """`text` in one spelling: NFKC, ASCII quotation marks, no special tokens."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return SPECIAL_TOKEN.sub(" ", text.translate(_TO_ASCII))


def written_out(text: str) -> str:
    """`text` in lower case, contractions written out."""
    text = text.lower()
    if "'" in text or "can not" in text:
        for pattern, written in _CONTRACTIONS:
            text = pattern.sub(written, text)
    return text


def read(answer: str) -> Answer:
    """The sentences of a bounded answer."""
    text = answer.replace("\r\n", "\n")
    has_code = "```" in text
    if has_code:
        text = _FENCE.sub("\n", text)
    text = plain(text)
    text = _STAGE.sub(" ", _ROLE.sub("", text))
    text = _MARKUP.sub("", text).strip()
    if text.startswith('"') and text.count('"') <= 2:
        text = text.replace('"', "")  # the whole answer stands in quotation marks
    if '"' in text:
        text = _QUOTED.sub(_unquote, text)
    sentences: list[Sentence] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        entry = _ITEM.match(line)
        is_item = entry is not None
        rest = line[entry.end() :] if entry else line
        for part in _END.split(rest):
            words = written_out(" ".join(part[:MAX_SENTENCE_CHARS].split()))
            if not any(map(str.isalnum, words)):
                continue
            sentences.append(Sentence(words, is_item))
            is_item = False
            if len(sentences) == MAX_SENTENCES:
                return Answer(tuple(sentences), has_code)
    return Answer(tuple(sentences), has_code)


def _unquote(match: re.Match[str]) -> str:
    said = match.group(1)
    return said if said.count(" ") < 3 else '""'
