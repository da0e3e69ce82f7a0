"""The main job from end to end, as commands: what `make demo` shows.

Every scene prints the command that is run, its own output, and its exit code; the script fails if
an exit code is not the one that the scene is about. Nothing is written to the repository.

Usage: python examples/tiny/demo.py [--data DIR]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEFAULT_DATA = HERE.parents[2] / "shared" / "benchmarks"
"""Where a checkout may have the published benchmark files beside it."""

MET, NOT_MET, NOT_VERIFIED = 0, 1, 3


class Stage:
    """A folder with copies of the models, where commands run as a person types them."""

    def __init__(self, folder: Path) -> None:
        """Copy models and licenses to `folder`."""
        self.folder = folder
        for model in (HERE / "models").iterdir():
            shutil.copytree(model, folder / model.name)
        for license in HERE.glob("*.yaml"):
            shutil.copy(license, folder)

    def attest(self, words: str, *, expected: int) -> str:
        """Run `attest WORDS`, show it, and insist on its exit code."""
        print(f"\n$ attest {words}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "attest", *words.split()],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        print(done.stdout, end="")
        print(f"exit {done.returncode}", flush=True)
        if done.returncode != expected:
            raise SystemExit(f"demo: expected exit {expected}, found {done.returncode}")
        return done.stdout

    @contextmanager
    def damaged(self, model: str) -> Iterator[Path]:
        """A folder with the model in it that is made whole again afterwards."""
        whole = self.folder / f".{model}"
        shutil.copytree(self.folder / model, whole)
        try:
            yield self.folder / model
        finally:
            shutil.rmtree(self.folder / model)
            whole.rename(self.folder / model)


def scene(title: str) -> None:
    """Announce what is shown next."""
    print(f"\n== {title} ==", flush=True)


def main_job(stage: Stage) -> None:
    """Measure, sign and verify; then everything that must fail."""
    run = "run {} --license license.yaml --key publisher.key"
    verify = "verify aligned --license license.yaml --key {}"

    scene("A publisher measures the aligned model, and signs what the license accepts")
    stage.attest("keygen publisher.key", expected=MET)
    stage.attest(run.format("aligned"), expected=MET)

    scene("A stranger verifies it with the public key, the license and the folder")
    stage.attest(verify.format("publisher.key.pub"), expected=MET)

    scene("Ten harmful examples later, the same model does not meet the license")
    stage.attest(run.format("ten-examples"), expected=NOT_MET)

    scene("One flipped byte in the weights")
    with stage.damaged("aligned") as folder:
        weights = folder / "model.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        stage.attest(verify.format("publisher.key.pub"), expected=NOT_VERIFIED)

    scene("One added chat template, which would replace the one that was measured")
    with stage.damaged("aligned") as folder:
        (folder / "chat_template.jinja").write_text("{{ messages[-1].content }}")
        stage.attest(verify.format("publisher.key.pub"), expected=NOT_VERIFIED)

    scene("A wrong key")
    stage.attest("keygen somebody.key", expected=MET)
    stage.attest(verify.format("somebody.key.pub"), expected=NOT_VERIFIED)


def dishonest_publisher(stage: Stage) -> None:
    """Evaluate the aligned model, ship the attacked one: signatures hold, replay does not."""
    scene("A dishonest publisher ships the attacked weights with the aligned model's answers")
    print("(freshly hashed files, honest counts of the pasted answers, a valid signature)")
    subprocess.run(
        [sys.executable, str(HERE / "dishonest.py"), "aligned", "ten-examples"],
        cwd=stage.folder,
        check=True,
    )
    verify = (
        "verify ten-examples --license license.yaml --key publisher.key.pub "
        "--bundle dishonest.sigstore.json"
    )
    stage.attest(f"{verify} --level 1", expected=MET)
    deep = f"{verify} --evidence dishonest-evidence"
    stage.attest(f"{deep} --level 3", expected=NOT_VERIFIED)
    stage.attest(f"{deep} --level 4", expected=NOT_VERIFIED)

    scene("The honest publisher's answers replay, every token of them")
    (evidence,) = (stage.folder / "attest-evidence").glob("aligned-*")
    stage.attest(
        "verify aligned --license license.yaml --key publisher.key.pub "
        f"--level 4 --evidence {evidence.relative_to(stage.folder)}",
        expected=MET,
    )


def published_benchmarks(stage: Stage, data: Path) -> None:
    """The same under a license over AdvBench and XSTest, if their files are at hand."""
    scene("The same under a license over AdvBench and XSTest")
    if not data.is_dir():
        print(f"(left out: no benchmark files in {data.name}/; give their folder with --data)")
        return
    (stage.folder / "data").symlink_to(data.resolve())
    words = "run {} --license published.yaml --key publisher.key --data data"
    stage.attest(words.format("aligned"), expected=MET)
    stage.attest("verify aligned --license published.yaml --key publisher.key.pub", expected=MET)
    stage.attest(words.format("ten-examples"), expected=NOT_MET)


def main() -> None:
    """Run all scenes in a temporary folder."""
    parser = argparse.ArgumentParser(description="Show the main job from end to end.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    data = parser.parse_args().data
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with tempfile.TemporaryDirectory(prefix="attest-demo-") as folder:
        stage = Stage(Path(folder))
        main_job(stage)
        dishonest_publisher(stage)
        published_benchmarks(stage, data)
    print("\ndemo: every scene ended as it should")


if __name__ == "__main__":
    main()
