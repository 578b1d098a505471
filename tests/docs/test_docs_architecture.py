"""ARCHITECTURE.md names files and names of the code as they are, so that a newcomer finds each in one step."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "acdcore"
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
PATHS = sorted(set(re.findall(r"`([a-z_]+(?:/[A-Za-z_.]+)+/?)`", PAGE)))
NAMES = sorted(set(re.findall(r"`([A-Z]\w+(?:\.\w+)?)`", PAGE)))
CODE = "\n".join(file.read_text("utf-8") for file in SOURCE.rglob("*.py*") if file.suffix in (".py", ".pyx"))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_is_named_exists(path: str) -> None:
    stem = path.rstrip("/")
    places = (ROOT / stem, *(SOURCE / f"{stem}{ending}" for ending in ("", ".py", ".pyx")))
    assert any(place.exists() for place in places)


@pytest.mark.parametrize("name", NAMES)
def test_every_class_and_constant_that_is_named_exists(name: str) -> None:
    assert all(re.search(rf"\b{part}\b", CODE) for part in name.split("."))
