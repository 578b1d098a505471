"""docs/glossary.md leads to files and names that exist, and one public name means one thing."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "acdcore"
PAGE = ROOT / "docs" / "glossary.md"
ROW = re.compile(r"^\| (?!Term|Question|---)(.+) \|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
CHINESE = re.compile(r"[\u4e00-\u9fff]")

OBJECT_IS_THE_MODULE = frozenset(
    {"main", "parse", "load", "read", "run", "check", "validate", "render", "replay", "resume"}
)
"""Verbs that are called as `module.verb` and take their object from the module's name."""


def rows() -> list[list[str]]:
    """The cells of every row."""
    return [row.split(" | ") for row in ROW.findall(PAGE.read_text("utf-8"))]


def places() -> list[tuple[str, str]]:
    """Every file that a row names, with the name that is said to be in it, or ""."""
    found = []
    for row in rows():
        codes = CODE.findall(row[-1])
        for code, following in zip(codes, [*codes[1:], ""], strict=True):
            if "/" in code:
                found.append((code, "" if "/" in following else following))
    return found


def public_names(file: Path) -> Iterator[str]:
    """Classes and functions that a module defines for others."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name


@pytest.mark.parametrize(("file", "name"), places())
def test_glossary_leads_to_what_is_there(file: str, name: str) -> None:
    path = SOURCE / file
    assert path.is_file(), f"docs/glossary.md names {file}, which does not exist"
    if name:
        assert name in set(public_names(path)), f"docs/glossary.md says that {file} defines {name}"


def test_every_term_stands_once_with_its_chinese_and_its_meaning() -> None:
    terms = [row for row in rows() if len(row) == 4]
    names = [row[0] for row in terms]
    assert len(names) > 60
    assert sorted(names) == sorted(set(names))
    assert [row[0] for row in terms if not CHINESE.search(row[1]) or not row[2]] == []


def test_no_public_name_is_defined_in_two_packages() -> None:
    packages: dict[str, set[str]] = defaultdict(set)
    for file in SOURCE.rglob("*.py"):
        parts = file.relative_to(SOURCE).parts
        for name in public_names(file):
            packages[name].add(parts[0])
    twice = {name: sorted(where) for name, where in packages.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in OBJECT_IS_THE_MODULE} == {}
