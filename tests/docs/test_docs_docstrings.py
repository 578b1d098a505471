"""Docstrings name what exists: a class in backticks, or an error that is said to be raised, is defined somewhere."""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "acdcore"
NAMED = re.compile(r"`(?:\w+\.)*([A-Z][a-z]+\w*)`|`([A-Z][a-z]+\w*)\.\w+`|\b[Rr]aises ([A-Z]\w+)")
FOREIGN = frozenset({"Signal", "Digest"})
"""Words of protocols: a line of INFO bodies, a scheme of authentication."""


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Every string that stands as a statement, with its line."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def known_names() -> frozenset[str]:
    """All identifiers and words of strings in the code, those of Cython included, and Python's own."""
    found: set[str] = set(dir(builtins)) | FOREIGN
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                    found.add(name)
                case ast.Expr(value=ast.Constant()):
                    pass
                case ast.Assign(value=ast.Constant(value=str(text))) | ast.keyword(value=ast.Constant(value=str(text))):
                    found.update(re.findall(r"\w+", text))
    for pattern in ("*.pyx", "*.pxd", "*.pyi"):
        for file in SOURCE.rglob(pattern):
            found.update(re.findall(r"\w+", file.read_text("utf-8")))
    return frozenset(found)


def test_every_class_that_a_docstring_names_exists() -> None:
    known = known_names()
    stale = [
        f"{file.relative_to(SOURCE)}:{line}: {name}"
        for file in sorted(SOURCE.rglob("*.py"))
        for line, text in docstrings(file)
        for names in NAMED.findall(text)
        for name in names
        if name and name not in known
    ]
    assert stale == []
