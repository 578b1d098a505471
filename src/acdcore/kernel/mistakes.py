"""What pydantic finds wrong in an operator's file, in an operator's words.

Every sentence says what stands there and what to write instead. A value that may be a secret is never shown.
"""

import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

SECRET_KEYS = frozenset({"password", "dsn", "headers"})
"""Their values are not shown, nor what stands below them."""
VALUE_MAX = 60
"""Characters of a value that are shown."""
KEYS_MAX = 12
"""Keys that are listed for one that is not known."""
UNITS: Mapping[str, str] = {
    "_s": "seconds without a unit, as in 30",
    "_days": "days without a unit, as in 30",
    "_mb": "megabytes without a unit, as in 500",
    "_gb": "gigabytes without a unit, as in 10",
    "_port": "the port's number, as in 5060",
}
"""What a key's ending says of its figure."""
Location = tuple[int | str, ...]
UNKNOWN_KEY = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
"""A key that the table does not have: of a model, and of a dataclass."""
NO_FORM = "no_form"
"""A value that has none of the forms which it may have; pydantic has a mistake for each of them."""
_SHOULD = re.compile(r"(Input|String|List|Tuple|Dictionary|Value) should ")
_EMPTY = "is empty;"
_FORMS: Mapping[str, str] = {
    "list_type": "a list in brackets",
    "dict_type": "a table in braces",
    "model_type": "a table in braces",
    "string_type": "a text in quotes",
}


def mistakes(error: ValidationError, root: type, forms: Mapping[str, str]) -> list[tuple[Location, str]]:
    """One sentence for each mistake, with the keys that lead to it in the file, in the file's order."""
    found: dict[Location, str] = {}
    problems = list(_one_for_each_value(error.errors(), root))
    absent = {problem["loc"] for problem in problems if problem["type"] == "missing"}
    for problem in problems:
        if problem["type"] in UNKNOWN_KEY:
            meant = [loc for loc in absent if loc[:-1] == problem["loc"][:-1]]
            close = _close(str(problem["loc"][-1]), [str(loc[-1]) for loc in meant])
            absent -= {loc for loc in meant if loc[-1] == close}  # one key, written otherwise
    for problem in problems:
        if problem["type"] == "missing" and problem["loc"] not in absent:
            continue
        at = in_file(problem["loc"], root)
        found.setdefault(at, mistake_text(problem, forms, keys_at(root, problem["loc"][:-1])))
    return list(found.items())


def mistake_text(problem: ErrorDetails, forms: Mapping[str, str], known: Sequence[str] = ()) -> str:
    """The mistake and its remedy; `forms` says of each pattern how what it stands for is written.

    `known` are the keys that could stand where the wrong one does.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    message = problem["msg"].removeprefix("Value error, ")
    key = str(problem["loc"][-1]) if problem["loc"] else ""
    value = _shown(problem)
    match kind:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"is not a key that belongs here; {_alternative(key, known)}"
        case "missing":
            return "is required, but missing; add it"
        case "string_pattern_mismatch":
            form = forms.get(context["pattern"], "it otherwise")
            return f"{_is(value)}cannot be written so; write {form}"
        case "list_type" | "tuple_type" | "set_type" | "frozen_set_type":
            return f'{_is(value)}is not a list; write it in brackets, as in ["first", "second"]'
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type" | "dataclass_type":
            return f"{_is(value)}is not a table; write {{ key = value }}, or its keys below a heading in brackets"
        case "string_type":
            example = f"as in {json.dumps(_plain(problem['input']), ensure_ascii=False)}" if value else 'as in "text"'
            return f"{_is(value)}is not a text; write it in quotes, {example}"
        case "bool_type" | "bool_parsing":
            return f"{_is(value)}is neither true nor false; write one of the two, without quotes"
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return f"{_is(value)}is not a whole number; write {_unit(key, 'digits only, as in 3')}"
        case "float_type" | "float_parsing" | "finite_number":
            return f"{_is(value)}is not a number; write {_unit(key, 'digits only, as in 1.5')}"
        case "enum" | "literal_error":
            return f"{_is(value)}is not known here; write {_one_of(str(context['expected']))}"
        case "union_tag_invalid":
            tags = str(context["expected_tags"])
            kind_key = str(context["discriminator"]).strip("'")
            close = near(str(context["tag"]), re.findall(r"'([^']+)'", tags))
            return f'{kind_key} "{context["tag"]}" is not known; write one of {_one_of(tags)}{close}'
        case "union_tag_not_found":
            kind_key = str(context["discriminator"]).strip("'")
            return f"has no {kind_key}, which says what it is; add it"
        case _ if kind.startswith("date"):
            return f"{_is(value)}is not a day of the calendar; write it without quotes, as in 2026-10-01"
        case "ip_v4_address":
            return f'{_is(value)}is not an IPv4 address; write one, as in "192.0.2.10"; names are not looked up'
        case "no_form":
            return f"{_is(value)}cannot stand here; write {message}"
        case "value_error":
            return message[:1].lower() + message[1:]
    return f"{_is(value)}{_must(message)}"


def _must(message: str) -> str:
    """A bound as pydantic says it, as the end of a sentence about the value."""
    found = _SHOULD.match(message)
    if found is None:
        return message[:1].lower() + message[1:]
    bound = re.sub(r" after validation, not \d+$", "", message[found.end() :])
    return f"{_EMPTY if bound.startswith('have at least 1') else 'is out of bounds;'} it must {bound}"


def near(name: str, names: Iterable[str]) -> str:
    """`; did you mean main-menu?` when one of `names` is spelt almost so; "" otherwise."""
    close = _close(name, sorted(names))
    return f"; did you mean {close}?" if close else ""


def _is(value: str) -> str:
    """The beginning of a sentence about a value that may be shown."""
    return f"{value} " if value else ""


def _unit(key: str, otherwise: str) -> str:
    return next((form for ending, form in UNITS.items() if key.endswith(ending)), otherwise)


def _one_of(expected: str) -> str:
    return expected.replace("'", '"')


def _alternative(key: str, known: Sequence[str]) -> str:
    close = _close(key, known)
    if close:
        return f"remove it or correct its spelling: {close}?"
    return "remove it or correct its spelling" + (
        f"; there are {', '.join(known)}" if 0 < len(known) <= KEYS_MAX else ""
    )


def _close(key: str, known: Sequence[str]) -> str:
    """The key that was surely meant; "" when none is like it."""
    alike = [each for each in known if each.startswith(f"{key}_") or key.replace("-", "_") == each]
    return next(iter(alike or get_close_matches(key, known, n=1, cutoff=0.7)), "")


def _shown(problem: ErrorDetails) -> str:
    """The value as it stands in the file; "" when it may be a secret, or is too much."""
    value = problem["input"]
    if any(str(part) in SECRET_KEYS for part in problem["loc"]) or isinstance(value, dict | list):
        return ""
    if isinstance(value, str):
        return _cut(json.dumps(re.sub(r":[^:@/\s]*@", ":...@", value), ensure_ascii=False))
    return _cut(_plain(value))


def _plain(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}..."


# --- where ---


def _one_for_each_value(problems: Sequence[ErrorDetails], root: type) -> Iterator[ErrorDetails]:
    """Of a value that may have several forms, only what is wrong with the form that was meant: the deepest mistake."""
    groups: dict[Location, list[ErrorDetails]] = {}
    for problem in problems:
        loc = problem["loc"]
        form = _walk(loc, root)[1]
        groups.setdefault(loc if form is None else loc[:form], []).append(problem)
    for at, group in groups.items():
        deepest = max(len(one["loc"]) for one in group)
        meant = [one for one in group if len(one["loc"]) == deepest]
        if len(meant) > 1 and deepest == len(at) + 1:
            yield ErrorDetails(type=NO_FORM, loc=at, msg=_forms(meant), input=group[0]["input"])
        else:
            yield from meant


def _forms(problems: Sequence[ErrorDetails]) -> str:
    """Each form that a value may have, as it is written."""
    phrases = []
    for problem in problems:
        for begins, phrase in _FORMS.items():
            if problem["type"].startswith(begins):
                phrases.append(phrase)
        if problem["type"] in ("literal_error", "enum"):
            phrases.append(_one_of(str(problem["ctx"]["expected"])))
    return " or ".join(dict.fromkeys(phrases))


def is_form(part: int | str) -> bool:
    """Whether a part of pydantic's location may be the name of a type, and not a key of the file."""
    text = str(part)
    return text == "[key]" or text.endswith("Table") or "[" in text or text == "str"


def in_file(loc: Location, root: type) -> Location:
    """The location without what pydantic adds: names of types, and of the kinds of nodes that a key in them chose."""
    return _walk(loc, root)[0]


def _walk(loc: Location, root: type) -> tuple[Location, int | None]:
    """The location in the file, and where in `loc` the name of one of several forms stands, if it does."""
    kept: list[int | str] = []
    kinds: list[Any] = [root]
    form = None
    for place, part in enumerate(loc):
        chosen = _tagged(kinds, part)
        inner = None if len(kinds) > 1 and chosen else _inside(kinds, part)
        if inner is None and (is_form(part) or chosen):
            form = place if form is None and is_form(part) and part != "[key]" else form
            kinds = chosen or kinds
            continue
        kept.append(part)
        kinds = inner or []
    return tuple(kept), form


def keys_at(root: type, loc: Location) -> list[str]:
    """The keys that may stand in the table at `loc`; empty where any may."""
    kinds: list[Any] = [root]
    for part in loc:
        chosen = _tagged(kinds, part)
        inner = None if len(kinds) > 1 and chosen else _inside(kinds, part)
        kinds = (chosen or kinds) if inner is None else inner
    return sorted({str(key) for kind in kinds if _is_table(kind) for key in keys_of(kind)})


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind))


@cache
def keys_of(table: type) -> Mapping[int | str, Any]:
    """The keys of a table, a model or a dataclass, each with the type of what stands there."""
    if issubclass(table, BaseModel):
        return {field.alias or name: field.annotation for name, field in table.model_fields.items()}
    hints = get_type_hints(table, include_extras=True)
    names = [field.name for field in fields(table)] if is_dataclass(table) else []
    return {name: hints[name] for name in names if not _is_of_heading(hints[name])}


def _is_of_heading(annotation: Any) -> bool:
    """Whether it is the name in the heading of a table, which is no key of it."""
    return any(isinstance(one, FieldInfo) and one.exclude is True for one in get_args(annotation)[1:])


def _inside(kinds: Sequence[Any], part: int | str) -> list[Any] | None:
    """What may stand below the key `part` of these; None when none has such a key."""
    found: list[Any] = []
    for kind in kinds:
        if _is_table(kind):
            found += _expanded(keys_of(kind)[part]) if part in keys_of(kind) else []
        elif get_origin(kind) in (dict, Mapping) and part != "[key]" and (len(kinds) == 1 or not is_form(part)):
            found += _expanded(get_args(kind)[1]) or [object]
        elif get_origin(kind) in (list, tuple, frozenset) and isinstance(part, int):
            found += _expanded(get_args(kind)[0]) or [object]
    return found or None


def _tagged(kinds: Sequence[Any], part: int | str) -> list[Any]:
    """What `part` chooses among these: by a tag, by a table's name or by the value of its type."""
    chosen = []
    for kind in kinds:
        if get_origin(kind) is Annotated:
            if any(isinstance(one, Tag) and one.tag == part for one in get_args(kind)[1:]):
                chosen += _expanded(get_args(kind)[0])
            continue
        if not _is_table(kind):
            continue
        tags = {tag for name in ("type", "kind") if name in keys_of(kind) for tag in _literals(keys_of(kind)[name])}
        if kind.__name__ == part or part in tags:
            chosen.append(kind)
    return chosen


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _expanded(annotation: Any) -> list[Any]:
    """All forms that a value may have."""
    origin = get_origin(annotation)
    if origin is Annotated and any(isinstance(one, Tag) for one in get_args(annotation)[1:]):
        return [annotation]
    if origin is Annotated:
        return _expanded(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for one in get_args(annotation) for kind in _expanded(one)]
    return [annotation]
