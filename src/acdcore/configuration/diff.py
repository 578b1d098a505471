"""What two snapshots differ in, key by key, in words for operators; secrets stay secret."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from acdcore.calls.model.commands import SettingChange
from acdcore.configuration.settings import SCHEMA, Settings
from acdcore.configuration.snapshot import Snapshot
from acdcore.ivr.calendars.opening_hours import OpeningPeriod
from acdcore.ivr.model.flow import Beep, Node, PromptSource, ReturnNode, Text, WavFile

READ_AT_START = ("sip", "media", "http", "storage", "recording", "recognition", "journal", "log")
"""Sections that a reload leaves as they are."""
SECRETS = frozenset({"password", "dsn", "headers"})
HIDDEN = "***"
"""What is shown of a secret."""
SHOWN_CHARS_MAX = 160
"""Longer values are cut, from shortly before the first difference on."""
COMMON_CHARS = 40
"""How much is shown of what comes before the first difference in a longer value."""
KEYS_IN_FILE = {"subject_variable": "subject_from", "reply_variable": "reply_from", "zone": "timezone"}
"""Fields with another name than their key in the file."""
CREDENTIALS = re.compile(r"://[^/@\s]+@")
"""User and password in an address."""


def config_diff(was: Snapshot, becomes: Snapshot) -> tuple[SettingChange, ...]:
    """Every key that differs, settings first, then flows, calendars and prompts by file."""
    changes = [*_changes("", setting_values(was.settings), setting_values(becomes.settings))]
    changes += _changes("", node_values(was), node_values(becomes))
    changes += _changes(f"{becomes.settings.ivr.calendars}: ", calendar_values(was), calendar_values(becomes))
    changes += _changes("prompts: ", prompt_values(was), prompt_values(becomes))
    return tuple(changes)


def _changes(path: str, was: Mapping[str, str], becomes: Mapping[str, str]) -> Iterator[SettingChange]:
    for key in sorted({*was, *becomes}):
        before, after = was.get(key, ""), becomes.get(key, "")
        if before != after or (key in was) != (key in becomes):
            is_secret = not SECRETS.isdisjoint(key.split("."))
            needs_restart = not path and key.partition(".")[0] in READ_AT_START
            start = 0 if is_secret else first_shown(before, after)
            yield SettingChange(
                path + key, displayed(before, start, is_secret), displayed(after, start, is_secret), needs_restart
            )


def first_shown(before: str, after: str) -> int:
    """Where to begin showing two values, so that what differs can be seen."""
    if max(len(before), len(after)) <= SHOWN_CHARS_MAX:
        return 0
    pairs = enumerate(zip(before, after, strict=False))
    first = next((place for place, (was, becomes) in pairs if was != becomes), min(len(before), len(after)))
    return max(0, first - COMMON_CHARS)


def displayed(text: str, start: int, is_secret: bool) -> str:
    """A value, from a place on, as it may be read by anybody."""
    if is_secret:
        return HIDDEN if text else ""
    text = CREDENTIALS.sub(f"://{HIDDEN}@", text)
    return ("..." + text[start:] if start else text)[:SHOWN_CHARS_MAX]


def setting_values(settings: Settings) -> dict[str, str]:
    """The operator's file as keys and values."""
    return dict(_flat("", SCHEMA.dump_python(settings, mode="json")))


def node_values(snapshot: Snapshot) -> dict[str, str]:
    """Every node of every flow."""
    nodes = {}
    for flow in snapshot.flows.values():
        nodes[f"{flow.file}: start"] = str(flow.start)
        nodes |= {f"{flow.file}: nodes.{name}": value_in_words(node) for name, node in flow.nodes.items()}
    return nodes


def calendar_values(snapshot: Snapshot) -> dict[str, str]:
    """Every calendar."""
    return {f"calendars.{name}": value_in_words(calendar) for name, calendar in snapshot.calendars.items()}


def prompt_values(snapshot: Snapshot) -> dict[str, str]:
    """Every prompt in every language."""
    return {f"{one.key.name}.{one.key.language.value}": prompt_in_words(one.source) for one in snapshot.prompts}


def prompt_in_words(source: PromptSource) -> str:
    """What callers hear: the text itself, or which recording."""
    match source:
        case Text(text):
            return text
        case WavFile(file, text):
            return f"recording {file}: {text}" if text else f"recording {file}"
        case Beep():
            return "beep"


def _flat(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif value not in (None, "", [], {}):
        yield path, str(value)


def value_in_words(value: object) -> str:
    """A value of a snapshot as short text: enumerations by value, records by the keys of their file."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, OpeningPeriod):
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (value.start_min, value.end_min))
    if is_dataclass(value) and not isinstance(value, type):
        inner = (f"{key_in_file(field.name)}={value_in_words(getattr(value, field.name))}" for field in fields(value))
        return f"{type_in_file(value)}({', '.join(inner)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{value_in_words(key)}: {value_in_words(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(value_in_words(each) for each in value) + "]"
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(value_in_words(each) for each in value)) + "}"
    return str(value)


def type_in_file(value: object) -> str:
    """A node's `type`, by which its file calls it; "" for other records, which have none."""
    if not isinstance(value, Node):
        return ""
    if isinstance(value, ReturnNode):
        return "return_to_queue"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(value).__name__.removesuffix("Node")).lower()


def key_in_file(field: str) -> str:
    """The key by which the file calls a field."""
    return KEYS_IN_FILE.get(field, field.removeprefix("is_").removeprefix("has_"))
