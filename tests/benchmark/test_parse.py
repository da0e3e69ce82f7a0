import json

import pytest

from attest.benchmark.items import Benchmark, Layout
from attest.benchmark.parse import MAX_PROMPT_CHARACTERS, MAX_REFERENCE_CHARACTERS, parse
from attest.canonical import sha256_hex
from attest.errors import InputError

CSV = Layout(
    format="csv",
    prompt_column="prompt",
    category_column="kind",
    id_column="id",
    label_column="label",
    comply_label="safe",
)
CSV_FILE = (
    b"id,prompt,kind,label\n"
    b"a,How do I pick a lock?,crime,unsafe\n"
    b'b,"Pick a rose,\r\nplease.",garden,safe\n'
)
PROMPTS = Layout(format="json", prompt_column="prompt", expected="refuse")


def read(data: bytes, layout: Layout, **others: object) -> Benchmark:
    return parse(data, layout, name="own", sha256=sha256_hex(data), **others)  # type: ignore[arg-type]


def refusal(data: bytes, layout: Layout, **others: object) -> InputError:
    with pytest.raises(InputError) as raised:
        read(data, layout, **others)
    return raised.value


def test_csv_keeps_ids_categories_labels_and_line_ends_of_prompts() -> None:
    first, second = read(CSV_FILE, CSV).items
    assert (first.id, first.category, first.expected) == ("a", "crime", "refuse")
    assert (second.id, second.category, second.expected) == ("b", "garden", "comply")
    assert second.prompt == "Pick a rose,\r\nplease."


def test_csv_may_begin_with_a_byte_order_mark() -> None:
    assert read(b"\xef\xbb\xbf" + CSV_FILE, CSV).items == read(CSV_FILE, CSV).items


def test_csv_without_header_numbers_its_columns() -> None:
    data = b"first prompt,x\nsecond prompt,y\n"
    plain = read(data, Layout(format="csv-noheader", expected="refuse"))
    assert [(i.id, i.prompt, i.category) for i in plain.items] == [
        ("1", "first prompt", "all"),
        ("2", "second prompt", "all"),
    ]
    grouped = read(data, Layout(format="csv-noheader", category_column="2", expected="refuse"))
    assert [i.category for i in grouped.items] == ["x", "y"]


def test_txt_has_one_prompt_per_line_feed_and_keeps_other_characters() -> None:
    data = "one\u2028still one \r\ntwo\n\n".encode()
    items = read(data, Layout(format="txt", expected="comply")).items
    assert [item.prompt for item in items] == ["one\u2028still one ", "two"]


@pytest.mark.parametrize("layout_format", ["json", "jsonl"])
def test_json_accepts_whole_numbers_as_ids(layout_format: str) -> None:
    rows = [{"n": 7, "prompt": "a b"}, {"n": 8, "prompt": "c d"}]
    text = json.dumps(rows) if layout_format == "json" else "\n".join(map(json.dumps, rows)) + "\n"
    layout = PROMPTS.model_copy(update={"format": layout_format, "id_column": "n"})
    assert [item.id for item in read(text.encode(), layout).items] == ["7", "8"]


def test_nested_takes_the_first_level_as_category_and_a_running_number_as_id() -> None:
    data = json.dumps({"A": {"x": ["one", "two"], "y": ["three"]}, "B": {"z": ["four"]}}).encode()
    items = read(data, Layout(format="nested", expected="refuse")).items
    assert [(i.id, i.category) for i in items] == [("1", "A"), ("2", "A"), ("3", "A"), ("4", "B")]


def test_prompts_of_one_behaviour_share_its_name() -> None:
    layout = CSV.model_copy(update={"behaviour_column": "kind"})
    assert [item.behaviour for item in read(CSV_FILE, layout).items] == ["crime", "garden"]
    assert [item.behaviour for item in read(CSV_FILE, CSV).items] == [None, None]


@pytest.mark.parametrize("answer", [42, "42", "the harbor"])
def test_a_question_has_its_right_answer(answer: object) -> None:
    rows = [{"prompt": "a question?", "answer": answer}]
    layout = PROMPTS.model_copy(update={"reference_column": "answer", "expected": "comply"})
    assert read(json.dumps(rows).encode(), layout).items[0].reference == str(answer)
    assert read(json.dumps(rows).encode(), PROMPTS).items[0].reference is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "row"),
        (4.2, "row"),
        (" ", "row"),
        ("x" * (MAX_REFERENCE_CHARACTERS + 1), "too-large"),
    ],
)
def test_rejects_a_question_without_a_plain_answer(answer: object, reason: str) -> None:
    data = json.dumps([{"prompt": "a question?", "answer": answer}]).encode()
    layout = PROMPTS.model_copy(update={"reference_column": "answer"})
    assert refusal(data, layout).reason == reason


def test_listed_categories_and_words_for_children_are_marked() -> None:
    data = json.dumps(
        [
            {"prompt": "anything", "kind": "hidden"},
            {"prompt": "something about a toddler", "kind": "other"},
            {"prompt": "something else", "kind": "other"},
        ]
    ).encode()
    layout = PROMPTS.model_copy(
        update={"category_column": "kind", "child_safety_categories": ("hidden",)}
    )
    assert [item.is_child_safety for item in read(data, layout).items] == [True, True, False]


def test_categories_of_rows_come_from_outside_where_the_file_has_none() -> None:
    layout = Layout(format="txt", expected="refuse")
    items = read(b"one\ntwo", layout, category_of_row={1: "a", 2: "b"}).items
    assert [item.category for item in items] == ["a", "b"]
    assert refusal(b"one\ntwo", layout, category_of_row={1: "a"}).reason == "layout"


def test_rejects_a_file_with_another_digest() -> None:
    with pytest.raises(
        InputError, match=r"expected own with SHA-256 0{64}, found [0-9a-f]{64}"
    ) as raised:
        parse(b"prompt", Layout(format="txt", expected="refuse"), name="own", sha256="0" * 64)
    assert raised.value.reason == "digest-mismatch"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"id,prompt,kind\na,b,c\n", "missing-column"),
        (b"id,prompt,kind,label\na,b,c\n", "row"),
        (b"id,prompt,kind,label\n\na,b,c,safe\n", "row"),
        (b"id,prompt,kind,label\na, ,c,safe\n", "row"),
        (b"id,prompt,kind,label\na,b,,safe\n", "row"),
        (b"id,prompt,kind,label\n,b,c,safe\n", "row"),
        (b"id,prompt,kind,label\na,b,c,safe\na,d,c,safe\n", "duplicate-id"),
        (b"id,prompt,kind,kind\na,b,c,d\n", "layout"),
        (b"id,prompt,kind,label\na,b,c,Safe\n", "layout"),
        (b"id,prompt,kind,label\n", "empty"),
        (b"", "empty"),
        (b'id,prompt,kind,label\na,"b"x,c,safe\n', "not-csv"),
        (b"id,prompt,kind,label\na,\xff,c,safe\n", "not-utf8"),
        (b"id,prompt,kind,label\n" + b"a" * 201 + b",b,c,safe\n", "schema"),
        (
            b"id,prompt,kind,label\na," + b"b" * (MAX_PROMPT_CHARACTERS + 1) + b",c,safe\n",
            "too-large",
        ),
    ],
)
def test_rejects_csv_with_one_flaw(data: bytes, reason: str) -> None:
    assert refusal(data, CSV).reason == reason


@pytest.mark.parametrize(
    ("data", "layout_format", "reason"),
    [
        (b'{"prompt": "a"}', "json", "layout"),
        (b'["a"]', "json", "row"),
        (b'[{"prompt": 1}]', "json", "row"),
        (b'[{"prompt": "a", "prompt": "b"}]', "json", "duplicate-key"),
        (b'[{"text": "a"}]', "json", "missing-column"),
        (b'{"prompt": "a"}\n\n{"prompt": "b"}', "jsonl", "not-json"),
        (b'["a"]', "nested", "layout"),
        (b'{"A": ["a"]}', "nested", "layout"),
        (b'{"A": {"x": "a"}}', "nested", "layout"),
        (b'{"A": {"x": [["a"]]}}', "nested", "row"),
        (b"a\n \nb", "txt", "row"),
        (b"a\n\xff", "txt", "not-utf8"),
    ],
)
def test_rejects_other_files_with_one_flaw(data: bytes, layout_format: str, reason: str) -> None:
    fixed = layout_format in ("nested", "txt")
    layout = PROMPTS.model_copy(
        update={"format": layout_format, "prompt_column": None if fixed else "prompt"}
    )
    assert refusal(data, layout).reason == reason


def test_names_the_row_and_the_columns_found() -> None:
    error = refusal(b'[{"prompt": "a"}, {"text": "b", "kind": "c"}]', PROMPTS)
    assert str(error) == "own: row 2: expected a column 'prompt', found 'text', 'kind'"


def test_never_quotes_a_prompt_taken_for_a_column() -> None:
    secret = "this long prompt was taken for the name of a column"
    error = refusal(f"{secret}\nsecond".encode(), CSV)
    assert "taken for" not in str(error)


@pytest.mark.parametrize(
    "layout",
    [
        Layout(format="json", expected="refuse"),
        Layout(format="json", prompt_column="prompt"),
        Layout(format="json", prompt_column="prompt", label_column="label"),
        Layout(format="json", prompt_column="prompt", expected="refuse", comply_label="safe"),
        PROMPTS.model_copy(update={"child_safety_categories": ("absent",)}),
    ],
)
def test_rejects_a_layout_that_leaves_a_question_open(layout: Layout) -> None:
    assert refusal(b'[{"prompt": "a", "label": "safe"}]', layout).reason == "layout"


def test_bounds_bytes_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(format="txt", expected="refuse")
    monkeypatch.setattr("attest.benchmark.parse.MAX_ITEMS", 2)
    assert refusal(b"a\nb\nc", layout).reason == "too-large"
    monkeypatch.setattr("attest.benchmark.parse.MAX_BENCHMARK_BYTES", 2)
    assert refusal(b"a\nb", layout).reason == "too-large"


def test_blank_lines_at_the_end_are_no_rows() -> None:
    assert read(CSV_FILE + b"\n\n", CSV).items == read(CSV_FILE, CSV).items


def test_rejects_a_name_that_is_no_slug() -> None:
    with pytest.raises(InputError) as raised:
        parse(b"a", Layout(format="txt", expected="refuse"), name="A B", sha256=sha256_hex(b"a"))
    assert raised.value.reason == "schema"
