"""From a prompt to the very text that the model reads.

The template is rendered here, and not by a library call, for two reasons: a verifier has to
render the same bytes years later, so today's date is an argument; and the template that was used
is recorded by its digest. The environment offers what chat templates of the field rely on.

Source: the chat template conventions of Hugging Face transformers, where `chat_template.jinja`
goes before `chat_template` in `tokenizer_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock, Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from attest.benchmark.probes import PLACE, PLAIN_PROBE, Message, Probe
from attest.canonical import parse_json, sha256_hex
from attest.errors import InputError
from attest.evaluation.records import Template
from attest.files import read_file
from attest.license.terms import ChatTemplate

MAX_TEMPLATE_BYTES = 1024 * 1024
"""Largest chat template accepted; the largest in use are some tens of kilobytes."""

MAX_SYSTEM_PROMPT_BYTES = 64 * 1024
"""Largest system prompt that is read from a checkpoint."""

Render = Callable[[str], str]


class _Generation(Extension):
    """`{% generation %}` marks what the assistant said; for inference it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares this attribute so

    def parse(self, parser: Parser) -> Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Callable[[], str]) -> str:
        return caller()


def find_template(folder: Path, wanted: ChatTemplate) -> tuple[str, Template]:
    """The template text that the terms ask for, and its record.

    Raises: InputError with reason `no-chat-template` if the terms leave it to a checkpoint that
        has none.
    """
    if wanted.jinja is not None:
        return wanted.jinja, _record(wanted.jinja, "terms")
    file = folder / "chat_template.jinja"
    if file.is_file():
        text = read_file(file, MAX_TEMPLATE_BYTES).decode("utf-8")
        return text, _record(text, "chat_template.jinja")
    config_file = folder / "tokenizer_config.json"
    if config_file.is_file():
        config = parse_json(
            read_file(config_file, MAX_TEMPLATE_BYTES), what="tokenizer_config.json"
        )
        found = config.get("chat_template") if isinstance(config, dict) else None
        if isinstance(found, list):
            # Several named templates: `default` is the one for a plain conversation.
            named = {t["name"]: t["template"] for t in found if isinstance(t, dict)}
            found = named.get("default")
        if isinstance(found, str):
            return found, _record(found, "tokenizer_config.json")
    raise InputError(
        "the checkpoint has no chat template, and the terms give none",
        reason="no-chat-template",
        where=folder.name,
        hint="state in the terms how to render: measurement.chat_template with source `terms` "
        "and the template text in `jinja`",
    )


def _record(
    text: str, source: Literal["chat_template.jinja", "tokenizer_config.json", "terms"]
) -> Template:
    return Template(source=source, sha256=sha256_hex(text.encode("utf-8")))


def system_prompt_of(probe: Probe, folder: Path, measured: str | None) -> str | None:
    """The system message that a probe sends; None sends none.

    Args:
        probe: says where it is from.
        folder: of the checkpoint, which may ship one.
        measured: that of the measurement.

    Raises: InputError with reason `too-large` or `not-utf8` for a file that cannot be one.
    """
    wanted = probe.system_prompt
    if wanted.source == "file" and wanted.path is not None:
        file = folder / wanted.path
        if not file.is_file():
            return None
        try:
            return read_file(file, MAX_SYSTEM_PROMPT_BYTES).decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("not UTF-8", reason="not-utf8", where=wanted.path) from error
    return measured if wanted.source == "terms" else wanted.text


def renderer(
    template: str,
    *,
    system_prompt: str | None,
    special_tokens: Mapping[str, str],
    today: date,
    conversation: Sequence[Message] = PLAIN_PROBE.messages,
) -> Render:
    """A function from a prompt to the rendered conversation, ready for the answer.

    Args:
        template: Jinja text.
        system_prompt: content of the system message; None sends none.
        special_tokens: what templates call by name, such as `bos_token`.
        today: what a template that asks for the date is told.
        conversation: messages in which `{prompt}` stands for the prompt.

    Raises: InputError with reason `chat-template` if the template does not compile, or (from the
        returned function) refuses the conversation.
    """
    rendered = conversation_renderer(
        template, variables={**special_tokens, "add_generation_prompt": True}, today=today
    )

    def render(prompt: str) -> str:
        messages: list[dict[str, str]] = [
            {"role": one.role, "content": one.content.replace(PLACE, prompt)}
            for one in conversation
        ]
        if system_prompt is not None:
            messages.insert(0, {"role": "system", "content": system_prompt})
        return rendered(messages)

    return render


def conversation_renderer(
    template: str, *, variables: Mapping[str, Any], today: date
) -> Callable[[Sequence[Mapping[str, str]]], str]:
    """A function from messages to the text that a chat template makes of them.

    Args:
        template: Jinja text.
        variables: what the template is told besides the messages.
        today: what a template that asks for the date is told.

    Raises: InputError with reason `chat-template`, as `renderer` does.
    """
    try:
        compiled = _environment(today).from_string(template)
    except _RAISED_BY_TEMPLATES as error:
        raise _template_error(error) from error

    def render(messages: Sequence[Mapping[str, str]]) -> str:
        try:
            return compiled.render(messages=messages, tools=None, **variables)
        except _RAISED_BY_TEMPLATES as error:
            raise _template_error(error) from error

    return render


_RAISED_BY_TEMPLATES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""A template is a program: it may divide by zero, or add a word to a number."""


def _template_error(error: Exception) -> InputError:
    return InputError(
        f"the chat template does not render: {str(error) or type(error).__name__}",
        reason="chat-template",
        hint="mend the template, or state one in the terms (measurement.chat_template)",
    )


def _environment(today: date) -> ImmutableSandboxedEnvironment:
    def raise_exception(message: str) -> NoReturn:
        raise TemplateError(message)

    def to_json(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = partial(_strftime, today)
    return environment


def _strftime(today: date, form: str) -> str:
    return datetime(today.year, today.month, today.day).strftime(form)
