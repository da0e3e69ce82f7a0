"""The figures of docs/measurement.md are those that the scripts print."""

from __future__ import annotations

import re
import runpy
from fractions import Fraction
from pathlib import Path

from attest.license.statistics import clopper_pearson_upper, max_failures, min_failures
from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "measurement.md").read_text("utf-8")


def test_the_table_of_judges_is_what_the_script_prints(shared: Path) -> None:
    script = runpy.run_path(str(REPOSITORY / "benchmarks" / "judges.py"))
    files = sorted((shared / "judges" / "xstest-mistral").glob("*.csv"))

    between = PAGE.partition(script["BEGIN"])[2].partition(script["END"])[0]

    assert between.strip() == script["tables"](files).strip(), (
        "run: python benchmarks/judges.py --write"
    )


def test_the_table_of_allowed_failures_is_what_the_rule_says() -> None:
    limit = alpha = Fraction(1, 20)
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| ([\d.]+)% \|$", PAGE, re.MULTILINE)

    assert len(rows) == 6
    for n, most, least, bound in rows:
        assert int(most) == max_failures(int(n), limit, alpha)
        assert int(least) == min_failures(int(n), limit, alpha)
        assert bound == f"{clopper_pearson_upper(0, int(n), 0.95):.2%}"[:-1]


def test_a_page_names_every_file_that_it_links() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE)

    assert links
    assert [link for link in links if not (REPOSITORY / "docs" / link).is_file()] == []
