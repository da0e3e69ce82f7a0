"""Commands that are imported when they are called, and only listed until then.

A command pays for its own options and libraries, never for those of its neighbours.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_group


class _Later(TyperCommand):
    """Stands in the list of commands for the one that its callback imports."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """The context of the command itself, in which it is then invoked."""
        assert self.callback is not None
        return self.callback().make_context(*arguments, **options)


def add_later(app: typer.Typer, name: str, place: str, summary: str) -> None:
    """Add to `app` a command, or a group of commands, without importing it.

    Args:
        app: what gets the command.
        name: what a person types.
        place: `module:name` in this folder, a function or a Typer application.
        summary: one sentence for the list of commands; the command itself says more.
    """

    def load() -> Any:
        module, _, attribute = place.partition(":")
        found = getattr(import_module(f"attest.cli.{module}"), attribute)
        home = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            home.add_typer(found, name=name)
        else:
            home.command(name=name)(found)
        return get_group(home).commands[name]

    app.command(name=name, help=summary, cls=_Later)(load)
