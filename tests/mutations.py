"""Damage of every kind to a valid document, drawn from a seeded generator.

Half of it knows JSON: members are dropped, doubled, renamed, exchanged and replaced, values take
other types, sizes and spellings. The other half knows only bytes. Nothing is parsed anew for each
mutation: where the values of a document stand is found once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

TOKENS = (
    *(b"NaN", b"Infinity", b"-0", b"1e999", b"1E-400", b"true", b"null", b'""', b"{}", b"[]"),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"\\u002f", b"\xc0\xaf"),
    *(b"/*", b"//", b"#", b"&a ", b"*a", b"!!python/none ", b"<<: ", b"\n---\n", b"%YAML 2.0\n"),
    *(b"../", b"..\\", b"A", b"=", b"-", b"_", b" ", b"\n", b"\r", b"\t", b",", b":", b'"', b"'"),
    *(b"{", b"}", b"[", b"]", b"9" * 70, "\u202e".encode(), "\u0430".encode(), "e\u0301".encode()),
)
VALUES = (
    *(b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e308", b"9007199254740993", b"NaN"),
    *(
        b'""',
        b'"0"',
        b'"\\u0000"',
        b'"\\ud800"',
        b"[]",
        b"{}",
        b"[[]]",
        b'{"":{}}',
        b'"' + b"f" * 64,
    ),
    *(
        b'"' + b"0" * 64 + b'"',
        b'"2099-01-01"',
        b'"9999-12-31T23:59:59Z"',
        b'"' + b"A" * 5000 + b'"',
    ),
)


@dataclass(frozen=True)
class Span:
    """Where a value of a JSON text stands, and its key if it is a member."""

    start: int
    end: int
    key: tuple[int, int] | None = None


@dataclass(frozen=True)
class Seed:
    """A valid document with all that mutations need to know of it."""

    data: bytes
    spans: tuple[Span, ...]
    """Of every value below the top; empty for a text that is no JSON."""
    payload: Seed | None = None
    """What the envelope of a bundle carries."""
    place: tuple[int, int] = (0, 0)
    """Where its base64 stands, quotes left out."""


def seed(data: bytes) -> Seed:
    """A document to damage: JSON, lines of JSON, or anything else."""
    spans: list[Span] = []
    try:
        at = 0
        for line in data.splitlines(keepends=True):
            json.loads(line)
            _find(line, 0, None, spans, at)
            at += len(line)
    except (ValueError, IndexError):
        return Seed(data, ())
    found = re.search(rb'"payload":\s*"([^"]+)"', data)
    if found is None:
        return Seed(data, tuple(spans))
    payload = seed(base64.b64decode(found.group(1)))
    return Seed(data, tuple(spans), payload, found.span(1))


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_PLAIN = re.compile(rb"[-+0-9.eEa-z]+")
_BLANK = re.compile(rb"\s*")


def _blank(text: bytes, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _find(text: bytes, at: int, key: tuple[int, int] | None, spans: list[Span], base: int) -> int:
    """The end of the value at `at`; every value goes to `spans`, the inner ones first."""
    at = start = _blank(text, at)
    opening = text[at : at + 1]
    if opening in b"{[":
        at = _blank(text, at + 1)
        while text[at : at + 1] not in (b"}", b"]"):
            inner = None
            if opening == b"{":
                found = _STRING.match(text, at)
                if found is None:
                    raise ValueError
                inner = (found.start() + base, found.end() + base)
                at = _blank(text, found.end()) + 1
            at = _blank(text, _find(text, at, inner, spans, base))
            if text[at : at + 1] == b",":
                at = _blank(text, at + 1)
            elif text[at : at + 1] not in (b"}", b"]"):
                raise ValueError
        end = at + 1
    else:
        found = (_STRING if opening == b'"' else _PLAIN).match(text, at)
        if found is None:
            raise ValueError
        end = found.end()
    spans.append(Span(start + base, end + base, key))
    return end


def _splice(data: bytes, start: int, end: int, new: bytes) -> bytes:
    return data[:start] + new + data[end:]


# What knows only bytes.


def _flip(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    return _splice(one.data, at, at + 1, bytes([one.data[at] ^ (1 << random.randrange(8))]))


def _byte(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    return _splice(one.data, at, at + 1, bytes([random.randrange(256)]))


def _delete(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    return _splice(one.data, at, at + random.choice((1, 1, 2, 8, 64)), b"")


def _double(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    piece = one.data[at : at + random.choice((1, 4, 16, 256))]
    return _splice(one.data, at, at, piece * random.choice((1, 1, 2, 100)))


def _token(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data) + 1)
    return _splice(one.data, at, at + random.choice((0, 0, 1, 4)), random.choice(TOKENS))


def _truncate(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    return one.data[:at] if random.random() < 0.5 else one.data[at:]


def _exchange(random: Random, one: Seed) -> bytes:
    n = random.choice((1, 3, 20))
    first, second = sorted(random.randrange(len(one.data)) for _ in range(2))
    data = bytearray(one.data)
    data[first : first + n], data[second : second + n] = (
        data[second : second + n],
        data[first : first + n],
    )
    return bytes(data)


def _noise(random: Random, one: Seed) -> bytes:
    at = random.randrange(len(one.data))
    n = random.choice((1, 2, 8, 32))
    return _splice(one.data, at, at + n, random.randbytes(random.choice((0, n, 2 * n))))


def _bomb(random: Random, one: Seed) -> bytes:
    """Much of something: depth, length, or sheer repetition."""
    at = random.randrange(len(one.data))
    piece = random.choice((b"[", b'{"a":', b"- ", b"[a,", b"  ", b'"', b"9", b"\\u0041", b"a: b\n"))
    return _splice(one.data, at, at, piece * (random.choice((100, 10_000, 250_000)) // len(piece)))


# What knows JSON.


def _replace(random: Random, one: Seed) -> bytes:
    span = random.choice(one.spans)
    return _splice(one.data, span.start, span.end, random.choice(VALUES))


def _transplant(random: Random, one: Seed) -> bytes:
    span, other = random.choice(one.spans), random.choice(one.spans)
    return _splice(one.data, span.start, span.end, one.data[other.start : other.end])


def _wrap(random: Random, one: Seed) -> bytes:
    span = random.choice(one.spans)
    before, after = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'"', b'"'), (b" ", b"\n")))
    return _splice(one.data, span.start, span.end, before + one.data[span.start : span.end] + after)


def _members(one: Seed) -> list[Span]:
    return [span for span in one.spans if span.key is not None]


def _drop(random: Random, one: Seed) -> bytes:
    span = random.choice(_members(one) or one.spans)
    start = span.key[0] if span.key else span.start
    end = span.end
    if one.data[end : end + 1] == b",":
        end += 1
    elif one.data[start - 1 : start] == b",":
        start -= 1
    return _splice(one.data, start, end, b"")


def _repeat(random: Random, one: Seed) -> bytes:
    span = random.choice(_members(one) or one.spans)
    start = span.key[0] if span.key else span.start
    value = random.choice((one.data[span.start : span.end], random.choice(VALUES)))
    member = one.data[start : span.start] + value + b","
    return _splice(one.data, start, start, member)


def _rename(random: Random, one: Seed) -> bytes:
    members = _members(one)
    if not members:
        return _token(random, one)
    key = random.choice(members).key
    assert key is not None
    name = one.data[key[0] + 1 : key[1] - 1]
    other = random.choice(members).key
    assert other is not None
    names = (
        *(name.upper(), name[:-1], name + b" ", b"_" + name, b"", b"__proto__"),
        *(b"\\u%04x" % name[0] + name[1:] if name else b"", one.data[other[0] + 1 : other[1] - 1]),
    )
    return _splice(one.data, key[0] + 1, key[1] - 1, random.choice(names))


def _text(random: Random, one: Seed) -> bytes:
    """Another spelling or another letter within a string or a number."""
    span = random.choice(one.spans)
    if span.end - span.start < 3:
        return _replace(random, one)
    at = random.randrange(span.start + 1, span.end - 1)
    letter = one.data[at]
    spellings = (
        *(b"\\u%04x" % letter, bytes([letter ^ 0x20]), bytes([letter, letter]), b""),
        *(bytes([random.randrange(32, 127)]), b"\\/" if letter == 47 else b"\\n"),
    )
    return _splice(one.data, at, at + 1, random.choice(spellings))


def _payload(random: Random, one: Seed) -> bytes:
    """Another statement under the same signature; or the same one in other base64."""
    if one.payload is None:
        return _replace(random, one)
    start, end = one.place
    if random.random() < 0.1:
        text = one.data[start:end]
        texts = (
            *(text.replace(b"+", b"-").replace(b"/", b"_"), text.rstrip(b"="), text + b"=", b""),
            *(text.replace(b"/", b"\\/"), b"\\u%04x" % text[0] + text[1:], text + b"\\n"),
        )
        return _splice(one.data, start, end, random.choice(texts))
    inner = mutate(random, one.payload).data
    return _splice(one.data, start, end, base64.b64encode(inner))


_SIG = re.compile(rb'"sig":\s*"([^"]+)"')


def _signature(random: Random, one: Seed) -> bytes:
    """The signature in other DER, with other numbers, or not at all."""
    found = _SIG.search(one.data)
    if found is None:
        return _noise(random, one)
    sig = base64.b64decode(found.group(1))
    n_r = sig[3]
    r, s = sig[4 : 4 + n_r], sig[6 + n_r :]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = int.from_bytes(s)
    sigs = (
        *(_der(s, r), _der(b"\x00" + r, s), _der(r, s.lstrip(b"\x00")), _der(b"\x00", b"\x00")),
        *(_der(_integer(order - number), s), _der(r, _integer(order - number))),
        *(_der(r, _integer(number + order)), sig + b"\x00", sig[:-1], b"\x30\x81" + sig[1:]),
        *(b"\x30\x80" + sig[2:] + b"\x00\x00", r.rjust(32)[-32:] + s.rjust(32)[-32:], b""),
        *(bytearray(sig[:4]) + random.randbytes(len(sig) - 4), sig * 2, sig * 20),
    )
    new = base64.b64encode(bytes(random.choice(sigs)))
    return _splice(one.data, *found.span(1), new)


def _integer(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, signed=True)


def _der(r: bytes, s: bytes) -> bytes:
    body = b"\x02" + bytes([len(r)]) + r + b"\x02" + bytes([len(s)]) + s
    return b"\x30" + bytes([len(body)]) + body


def _spelling(random: Random, one: Seed) -> bytes:
    """The same JSON written otherwise: nothing is damaged."""
    values = [json.loads(line) for line in one.data.splitlines()]
    if random.random() < 0.5:
        values = [_shuffled(random, value) for value in values]
    style = random.choice(({"separators": (", ", " : ")}, {"ensure_ascii": False}, {"indent": 1}))
    if len(values) > 1:
        style.pop("indent", None)
    return b"\n".join(json.dumps(value, **style).encode() for value in values) + b"\n"  # type: ignore[arg-type]


def _shuffled(random: Random, value: object) -> object:
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: _shuffled(random, value[key]) for key in keys}
    return [_shuffled(random, one) for one in value] if isinstance(value, list) else value


Mutation = Callable[[Random, Seed], bytes]

BYTES: dict[str, Mutation] = {
    "flip a bit": _flip,
    "set a byte": _byte,
    "delete": _delete,
    "double": _double,
    "insert a token": _token,
    "truncate": _truncate,
    "exchange pieces": _exchange,
    "noise": _noise,
}
VALUES_OF_JSON: dict[str, Mutation] = {
    "replace a value": _replace,
    "transplant a value": _transplant,
    "wrap a value": _wrap,
    "drop a member": _drop,
    "repeat a member": _repeat,
    "rename a member": _rename,
    "respell a text": _text,
    "other payload": _payload,
    "other signature": _signature,
}
RARE: dict[str, Mutation] = {"bomb": _bomb, "respell all": _spelling}

_BYTES, _JSON = tuple(BYTES.items()), tuple(VALUES_OF_JSON.items())


@dataclass(frozen=True)
class Mutant:
    """A damaged document, and what was done to it first."""

    data: bytes
    how: str


def mutate(random: Random, one: Seed) -> Mutant:
    """A document that differs from `one`, at least in most cases."""
    if random.random() < 0.002:
        return Mutant(_bomb(random, one), "bomb")
    if one.spans and random.random() < 0.005:
        return Mutant(_spelling(random, one), "respell all")
    how, mutation = random.choice(_JSON if one.spans and random.random() < 0.5 else _BYTES)
    data = mutation(random, one)
    # A second wound where the first may have been harmless.
    if random.random() < 0.2 and data:
        data = random.choice(_BYTES)[1](random, Seed(data, ()))
    return Mutant(data, how)
