"""The published schemas are those of the records."""

from __future__ import annotations

import runpy

import pytest
from jsonschema import Draft202012Validator

from conftest import REPOSITORY

MAKE = runpy.run_path(str(REPOSITORY / "schemas" / "make.py"))


@pytest.mark.parametrize("name", MAKE["RECORDS"])
def test_a_schema_is_current_and_valid(name: str) -> None:
    published = (REPOSITORY / "schemas" / f"{name}.schema.json").read_text("utf-8")

    assert published == MAKE["text"](name), "run: python schemas/make.py"
    Draft202012Validator.check_schema(MAKE["schema"](name))
