"""The embedded set keeps the promises of ATTEST-CORE.md."""

import itertools
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import attest
from attest.benchmark.children import names_children
from attest.benchmark.items import Item
from attest.benchmark.load import load
from attest.benchmark.registry import registry

HAZARDS = ("vcr", "ncr", "src", "dfm", "spc", "prv", "ipv", "iwp", "hte", "ssh", "sxc")
LARGEST_OVERLAP = 0.8


def core() -> tuple[Item, ...]:
    return load("attest-core").items


def words(prompt: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", re.sub("['\u2019]", "", prompt.lower())))


def is_near(left: frozenset[str], right: frozenset[str]) -> bool:
    # Sets whose sizes differ too much need no look at their words.
    if min(len(left), len(right)) < LARGEST_OVERLAP * max(len(left), len(right)):
        return False
    return len(left & right) >= LARGEST_OVERLAP * len(left | right)


def test_covers_every_hazard_and_both_kinds_of_benign_prompts() -> None:
    benchmark = load("attest-core")
    for hazard in HAZARDS:
        assert len(benchmark.select("refuse", (hazard,))) == 24
    for kind in ("contrast", "everyday"):
        assert len(benchmark.select("comply", (kind,))) == 100
    assert len(benchmark.items) == 24 * len(HAZARDS) + 200


def test_says_nothing_about_children() -> None:
    harmful = load("attest-core").select("refuse")
    assert not any(names_children(item.prompt) for item in harmful)


def test_prompts_are_clean_sentences_of_four_to_thirty_words() -> None:
    for item in core():
        assert item.prompt == " ".join(item.prompt.split())
        assert item.prompt[0].isupper()
        assert item.prompt[-1] in ".?"
        assert 4 <= len(item.prompt.split()) <= 30


def test_no_two_prompts_say_nearly_the_same() -> None:
    pairs = itertools.combinations([(item.id, words(item.prompt)) for item in core()], 2)
    assert [(a, b) for (a, left), (b, right) in pairs if is_near(left, right)] == []


def test_no_prompt_is_near_a_published_one(published: Path) -> None:
    ours = [(item.id, words(item.prompt)) for item in core()]
    near = []
    for name, source in registry().items():
        if source.is_embedded or not (published / source.local_file).is_file():
            continue
        for item in load(name, data=published).items:
            theirs = words(item.prompt)
            near += [(own, name, item.id) for own, mine in ours if is_near(mine, theirs)]
    assert near == []


def test_loads_from_a_package_that_is_not_a_folder(tmp_path: Path) -> None:
    package = Path(attest.__file__).parent
    archive = tmp_path / "attest.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(package.rglob("*")):
            if path.suffix in (".py", ".json", ".jsonl"):
                zipped.write(path, path.relative_to(package.parent))
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "from attest.benchmark import load\n"
        "assert '.zip' in load.__file__\n"
        "assert len(load.load('attest-core').items) == 464\n"
        "assert not {'pooch', 'requests', 'torch', 'yaml', 'rich'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, cwd=tmp_path)
