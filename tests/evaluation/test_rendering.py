"""Our rendering gives the bytes that transformers gives, except that the day is ours to set."""

from datetime import date, datetime
from pathlib import Path

import pytest

from attest.errors import InputError
from attest.evaluation.rendering import find_template, renderer
from attest.license.terms import ChatTemplate
from checkpoints import TEMPLATE, make_checkpoint

TODAY = date(2026, 2, 3)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    "plain": TEMPLATE,
    "trimmed blocks": (
        "{%- for message in messages -%}\n    {% if message['role'] == 'user' %}\n"
        "[INST] {{ message['content'] | trim }} [/INST]\n    {% endif %}\n{%- endfor %}\n"
    ),
    "namespace and loop controls": (
        "{% set ns = namespace(system='') %}{% for m in messages %}"
        "{% if m.role == 'system' %}{% set ns.system = m.content %}{% continue %}{% endif %}"
        "{{ ns.system }}>{{ m.content }}{% if loop.last %}{% break %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    ),
    "tojson": "{{ messages | tojson }}{{ messages[0] | tojson(indent=2) }}",
    "generation marks": (
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    ),
    "tools unset": "{% if tools is not none %}TOOLS{% endif %}{{ messages[0].content }}",
}


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("system_prompt", [None, "Be kind.\n"])
def test_renders_what_transformers_renders(
    name: str, system_prompt: str | None, tmp_path: Path
) -> None:
    import transformers

    make_checkpoint(tmp_path, template=TEMPLATES[name])
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "user", "content": "Wie geht's? <b>ü</b>"}]
    if system_prompt is not None:
        messages.insert(0, {"role": "system", "content": system_prompt})
    expected = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    text, _ = find_template(tmp_path, ChatTemplate())
    render = renderer(text, system_prompt=system_prompt, special_tokens=TOKENS, today=TODAY)

    assert render("Wie geht's? <b>ü</b>") == expected


def test_tells_a_template_the_day_of_the_run_and_not_of_the_clock() -> None:
    render = renderer(
        "{{ strftime_now('%d %b %Y') }}", system_prompt=None, special_tokens={}, today=TODAY
    )

    assert render("x") == "03 Feb 2026"
    assert datetime.now().date() != TODAY


def test_a_jinja_file_goes_before_the_tokenizer_config(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "in config"}')
    text, record = find_template(tmp_path, ChatTemplate())
    assert (text, record.source) == ("in config", "tokenizer_config.json")

    (tmp_path / "chat_template.jinja").write_text("in file")
    text, record = find_template(tmp_path, ChatTemplate())
    assert (text, record.source) == ("in file", "chat_template.jinja")


def test_takes_the_template_named_default_of_several(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(
        '{"chat_template": [{"name": "tool_use", "template": "tools"},'
        ' {"name": "default", "template": "plain"}]}'
    )

    text, _ = find_template(tmp_path, ChatTemplate())

    assert text == "plain"


def test_refuses_a_checkpoint_without_template_unless_the_terms_give_one(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("{}")

    with pytest.raises(InputError, match="no chat template") as caught:
        find_template(tmp_path, ChatTemplate())
    assert caught.value.reason == "no-chat-template"

    text, record = find_template(tmp_path, ChatTemplate(source="terms", jinja="mine"))
    assert (text, record.source) == ("mine", "terms")


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{% for",
        "{{ raise_exception('only one system message') }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
        "{{ range(10 ** 9) | list }}",
        "{{ 'é'.encode('ascii') }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_cannot_reach_out_or_change_the_conversation(template: str) -> None:
    with pytest.raises(InputError, match="chat template does not render") as caught:
        renderer(template, system_prompt=None, special_tokens={}, today=TODAY)("x")

    assert caught.value.reason == "chat-template"
