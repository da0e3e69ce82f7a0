import hashlib
import shutil
from pathlib import Path

import pytest

from attest.benchmark.items import Layout
from attest.benchmark.load import is_cached, load
from attest.benchmark.registry import source
from attest.errors import InputError

TXT = Layout(format="txt", expected="refuse")
OWN = b"first prompt\nsecond prompt\n"
OWN_SHA256 = hashlib.sha256(OWN).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def refusal(name: str, **arguments: object) -> InputError:
    with pytest.raises(InputError) as raised:
        load(name, **arguments)  # type: ignore[arg-type]
    return raised.value


def test_the_embedded_set_needs_neither_folder_nor_cache(cache: Path) -> None:
    benchmark = load("attest-core", cache=cache)
    assert benchmark.sha256 == source("attest-core").sha256
    assert is_cached("attest-core", cache=cache)


def test_a_license_may_repeat_what_the_registry_says() -> None:
    known = source("attest-core")
    assert load(known.name, sha256=known.sha256, layout=known.layout) == load(known.name)


@pytest.mark.parametrize("place", ["tdc2023/tdc2023_test_phase_behaviors.csv", "flat"])
def test_finds_a_known_file_in_its_folder_or_beside_others(
    place: str, published: Path, data: Path, cache: Path
) -> None:
    known = source("tdc2023")
    target = data / (known.local_file if place != "flat" else Path(known.local_file).name)
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(published / known.local_file, target)
    assert len(load("tdc2023", data=data, cache=cache).items) == 50


def test_loads_from_the_cache_by_digest(published: Path, cache: Path) -> None:
    known = source("tdc2023")
    assert not is_cached("tdc2023", cache=cache)
    shutil.copyfile(published / known.local_file, cache / known.sha256)
    assert is_cached("tdc2023", cache=cache)
    assert len(load("tdc2023", cache=cache).items) == 50


def test_a_spoilt_cache_is_neither_used_nor_counted(cache: Path) -> None:
    (cache / source("tdc2023").sha256).write_bytes(b"spoilt")
    assert not is_cached("tdc2023", cache=cache)
    assert refusal("tdc2023", cache=cache).reason == "digest-mismatch"


def test_a_mismatch_names_both_digests_and_the_file(data: Path, cache: Path) -> None:
    path = data / "harmful_behaviors.csv"
    path.write_bytes(b"another file\n")
    error = refusal("advbench", data=data, cache=cache)
    assert error.reason == "digest-mismatch"
    assert error.where == str(path)
    assert source("advbench").sha256 in error.message
    assert hashlib.sha256(b"another file\n").hexdigest() in str(error)


def test_finds_a_file_of_the_licensor_by_digest_alone(data: Path, cache: Path) -> None:
    (data / "a" / "b").mkdir(parents=True)
    (data / "a" / "decoy.txt").write_bytes(b"decoy")
    (data / "a" / "b" / "renamed").write_bytes(OWN)
    benchmark = load("private-set", sha256=OWN_SHA256, layout=TXT, data=data, cache=cache)
    assert [item.id for item in benchmark.items] == ["1", "2"]


def test_a_digest_and_layout_may_replace_a_known_set(data: Path, cache: Path) -> None:
    (data / "newer.txt").write_bytes(OWN)
    benchmark = load("harmbench-standard", sha256=OWN_SHA256, layout=TXT, data=data, cache=cache)
    assert {item.category for item in benchmark.items} == {"all"}


def test_the_search_passes_over_broken_links(data: Path, cache: Path) -> None:
    (data / "a").symlink_to(data / "absent")
    (data / "b").write_bytes(OWN)
    assert load("own", sha256=OWN_SHA256, layout=TXT, data=data, cache=cache).items


def test_the_search_for_a_digest_is_bounded(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attest.benchmark.load.MAX_SEARCHED_FILES", 2)
    for name in ("a", "b", "c"):
        (data / name).write_bytes(b"x")
    error = refusal("own", sha256=OWN_SHA256, layout=TXT, data=data, cache=cache)
    assert error.reason == "too-many-files"


def test_a_missing_set_says_how_to_get_it(data: Path, cache: Path) -> None:
    error = refusal("xstest", cache=cache)
    assert error.reason == "benchmark-missing"
    assert "attest benchmark pull xstest" in (error.hint or "")
    assert "xstest/xstest_prompts.csv" in (refusal("xstest", data=data, cache=cache).hint or "")
    own = refusal("own", sha256=OWN_SHA256, layout=TXT, data=data, cache=cache)
    assert "--data DIR" in (own.hint or "")


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("advbnech", {}, "unknown-benchmark"),
        ("own", {"sha256": OWN_SHA256}, "unknown-benchmark"),
        ("own", {"layout": TXT}, "unknown-benchmark"),
        ("attest-core", {"sha256": OWN_SHA256}, "digest-mismatch"),
        ("attest-core", {"layout": TXT}, "layout"),
    ],
)
def test_rejects_a_request_that_names_no_file(
    name: str, arguments: dict[str, object], reason: str
) -> None:
    assert refusal(name, **arguments).reason == reason


def test_rejects_a_data_folder_that_is_none(data: Path) -> None:
    assert refusal("attest-core", data=data / "absent").reason == "data-missing"
    (data / "file").write_bytes(OWN)
    assert "found a file" in refusal("attest-core", data=data / "file").message
