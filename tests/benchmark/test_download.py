"""Downloads from a real server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from attest.benchmark.download import default_cache, download
from attest.benchmark.load import pull
from attest.benchmark.registry import Source, source
from attest.errors import HubError, InputError

CONTENT = b"first prompt\nsecond prompt\n"


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests print nothing."""


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "publisher"
    folder.mkdir()
    (folder / "prompts.txt").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield source("advbench").model_copy(
        update={
            "url": f"http://127.0.0.1:{server.server_port}/prompts.txt",
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
        }
    )
    server.shutdown()
    server.server_close()
    thread.join()


def test_keeps_the_file_under_its_digest_and_reports_progress(
    known: Source, tmp_path: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(known, cache=tmp_path / "cache", progress=lambda *step: seen.append(step))
    assert path == tmp_path / "cache" / known.sha256
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_downloads_once_and_again_only_if_the_copy_is_spoilt(known: Source, tmp_path: Path) -> None:
    path = download(known, cache=tmp_path / "cache")
    unreachable = known.model_copy(update={"url": "http://127.0.0.1:1/"})
    assert download(unreachable, cache=tmp_path / "cache") == path
    path.write_bytes(b"spoilt")
    assert download(known, cache=tmp_path / "cache").read_bytes() == CONTENT


def test_keeps_nothing_of_another_file(known: Source, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"expected SHA-256 0{64}"):
        download(known.model_copy(update={"sha256": "0" * 64}), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_stops_at_the_largest_file_and_keeps_nothing(
    known: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attest.benchmark.download.MAX_BENCHMARK_BYTES", 10)
    with pytest.raises(HubError, match="at most 10 bytes"):
        download(known, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "found"), [("/absent", "HTTP status 404"), (":1/", "ConnectionError")]
)
def test_says_what_kept_it_from_the_file(
    known: Source, tmp_path: Path, change: str, found: str
) -> None:
    host = (known.url or "").rpartition("/")[0]
    url = host + change if change.startswith("/") else host.rpartition(":")[0] + change
    with pytest.raises(HubError, match=found) as raised:
        download(known.model_copy(update={"url": url}), cache=tmp_path / "cache")
    assert "--data DIR" in (raised.value.hint or "")


def test_a_cache_that_cannot_be_a_folder_is_an_input_error(known: Source, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(InputError, match="cannot be written"):
        download(known, cache=tmp_path / "cache")


def test_an_embedded_set_is_not_pulled() -> None:
    with pytest.raises(InputError, match="needs no download"):
        pull("attest-core")


def test_the_default_cache_is_named_after_the_tool() -> None:
    assert "attest" in default_cache().name
