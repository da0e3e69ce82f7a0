"""From a prompt to the very text that the model reads.

The template is rendered here, and not by a library call, for two reasons: a verifier has to
render the same bytes years later, so today's date is an argument; and the template that was used
is recorded by its digest. The environment offers what chat templates of the field rely on.

Source: the chat template conventions of Hugging Face transformers, where `chat_template.jinja`
goes before `chat_template` in `tokenizer_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock, Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from attest.canonical import parse_json, sha256_hex
from attest.errors import InputError
from attest.evaluation.records import Template
from attest.license.terms import ChatTemplate

MAX_TEMPLATE_BYTES = 1024 * 1024
"""Largest chat template accepted; the largest in use are some tens of kilobytes."""

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
        text = _read(file).decode("utf-8")
        return text, _record(text, "chat_template.jinja")
    config_file = folder / "tokenizer_config.json"
    if config_file.is_file():
        config = parse_json(_read(config_file), what="tokenizer_config.json")
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


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    if len(data) > MAX_TEMPLATE_BYTES:
        raise InputError(
            f"expected at most {MAX_TEMPLATE_BYTES} bytes, found {len(data)}",
            reason="too-large",
            where=file.name,
        )
    return data


def _record(
    text: str, source: Literal["chat_template.jinja", "tokenizer_config.json", "terms"]
) -> Template:
    return Template(source=source, sha256=sha256_hex(text.encode("utf-8")))


def renderer(
    template: str,
    *,
    system_prompt: str | None,
    special_tokens: Mapping[str, str],
    today: date,
) -> Render:
    """A function from a prompt to the rendered conversation, ready for the answer.

    Args:
        template: Jinja text.
        system_prompt: content of the system message; None sends none.
        special_tokens: what templates call by name, such as `bos_token`.
        today: what a template that asks for the date is told.

    Raises: InputError with reason `chat-template` if the template does not compile, or (from the
        returned function) refuses the conversation.
    """
    try:
        compiled = _environment(today).from_string(template)
    except TemplateError as error:
        raise _template_error(error) from error

    def render(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        if system_prompt is not None:
            messages.insert(0, {"role": "system", "content": system_prompt})
        try:
            return compiled.render(
                messages=messages, add_generation_prompt=True, tools=None, **special_tokens
            )
        except TemplateError as error:
            raise _template_error(error) from error

    return render


def _template_error(error: TemplateError) -> InputError:
    return InputError(
        f"the chat template does not render: {error.message or type(error).__name__}",
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
