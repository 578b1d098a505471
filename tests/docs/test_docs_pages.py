"""The pages agree with the program where no example says so: keys of a queue, the index, how the program is called."""

import re
from dataclasses import fields
from pathlib import Path

from acdcore.configuration.queue_section import QueueSection

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \| [^|]+ \|$", re.MULTILINE)


def keys_in_queues() -> dict[str, str]:
    """Key and default of each row of the table of keys."""
    page = (DOCS / "queues.md").read_text("utf-8")
    return dict(ROW.findall(page.partition("## Keys of a queue")[2].partition("\n## ")[0]))


def test_keys_of_a_queue_are_those_of_the_settings_and_have_their_defaults() -> None:
    rows = keys_in_queues()
    assert rows.keys() == {field.name for field in fields(QueueSection)}
    for key, text in rows.items():
        default = getattr(QueueSection(), key)
        if isinstance(default, bool):
            assert text == str(default).lower(), key
        elif isinstance(default, int | float):
            assert float(text) == default, key
        else:
            assert not re.fullmatch(r"[0-9.]+", text), key


def test_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    named = set(re.findall(r"\]\((\w[\w-]*\.md)\)", index))
    assert named == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_decisions_are_all_listed() -> None:
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    assert set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", index)) == {
        page.name for page in (DOCS / "decisions").glob("0*.md")
    }


def test_program_is_called_by_its_name_once_the_page_has_said_where_it_is() -> None:
    for page in DOCS.glob("*.md"):
        found = page.read_text("utf-8").count(".venv/bin/acdcore")
        assert found == (page.name == "cli.md"), page.name
