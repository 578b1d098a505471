"""docs/cli.md tells of every command and every option."""

import re
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from acdcore.cli import commands
from acdcore.planning import change_words

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")


def every_command(command: object, name: str = "") -> dict[str, TyperCommand]:
    """The leaves of the tree, by the words that name them."""
    if isinstance(command, TyperCommand):
        return {name: command}
    assert isinstance(command, TyperGroup)
    found: dict[str, TyperCommand] = {}
    for word, one in command.commands.items():
        found |= every_command(one, f"{name} {word}".strip())
    return found


def test_every_command_and_option_is_explained() -> None:
    app = typer.Typer()
    commands.add_to(app)
    known = every_command(typer.main.get_command(app))
    groups = {"report queues", "report agents", "agents import", "prompts export", "prompts import"}
    groups |= {"voice status", "voice install", "voice say"}
    assert groups | {"init", "check", "reload", "retention", "why", "replay", "what-if", "staffing"} == set(known)
    for name, command in known.items():
        assert f"`{name}`" in PAGE, name
        for parameter in command.params:
            for option in (word for word in parameter.opts + parameter.secondary_opts if word.startswith("--")):
                assert re.search(rf"`{option}\b", PAGE), (name, option)


def test_every_change_that_is_shown_can_be_read() -> None:
    table = PAGE.partition("| word | means |")[2].partition("## staffing")[0]
    words = [
        word
        for line in table.splitlines()
        for word in re.findall(r"`([^`]+)`", line.split("|")[1] if "|" in line else "")
    ]
    assert len(words) == 8
    for word in words:
        change_words.read(word)
