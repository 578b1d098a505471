"""TOML files as editors of all kinds leave them: read, or a plain sentence that says what to correct and where.

A byte order mark at the start of a file is no mistake; Windows' editors write one. Every other encoding than UTF-8 is.
"""

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acdcore.kernel.errors import SettingsError

SIZE_MAX = 16 * 1024 * 1024
"""Far above any settings; a recording that is named by mistake is not read as text."""
_PLACE = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")
_SHOWN_MAX = 60
"""Characters of a faulty line that are shown."""
_MARKS: Mapping[bytes, str] = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_LEGACY = ("gb18030", "big5")
"""What Chinese editors write; tried in this order."""
_REMEDIES: tuple[tuple[str, str], ...] = (
    ("Cannot overwrite a value", "gives a key a second time; keep one of both"),
    ("Duplicate inline table key", "gives a key a second time; keep one of both"),
    ("Cannot declare", "opens a section a second time; put all its keys under one heading"),
    ("Cannot redefine", "opens a section a second time; put all its keys under one heading"),
    ("Cannot mutate immutable", "adds to a table that was written whole in { }; write its keys in one place"),
    ("Expected '=' after a key", 'has no = after the key; write key = value, and a key with blanks as "my key"'),
    ("Expected newline", "goes on after its value; put text in quotes, and one key on a line"),
    ("Expected ']'", 'is a heading without its end; write [section], and a name with blanks as [queues."my queue"]'),
    ("Unclosed array", "begins a list without a ] at its end, or without commas between its items"),
    ("Unclosed inline table", "begins a table without a } at its end, or without commas between its keys"),
    ("Unterminated string", "begins a text without a quote at its end"),
    ("Illegal character '\\n'", "begins a text without a quote at its end"),
    (
        "Found invalid character '\\r'",
        "ends in a carriage return alone; save the file with line ends of Unix or Windows",
    ),
    ("Illegal character '\\r'", "ends in a carriage return alone; save the file with line ends of Unix or Windows"),
    ("Unescaped '\\'", "has a single \\ in a text; write \\\\, or put the text into single quotes: 'C:\\dir'"),
    ("Invalid initial character for a key part", "has no key where one belongs; inline tables end without a comma"),
    ("Invalid date", "names a day or a time that does not exist; write 2026-02-28 or 09:30:00"),
    ("Invalid statement", "is neither key = value, nor a [section], nor a # comment"),
    ("Invalid value", "has no value that TOML knows; put text in quotes, write true or false in small letters"),
)
"""What the parser says, and what that means to somebody with an editor."""


def read_toml(file: Path, remedy: str = "") -> dict[str, Any]:
    """The whole file; raises SettingsError. `remedy` says what else could be done when it cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(SIZE_MAX + 1)
    except IsADirectoryError as error:
        raise SettingsError(str(file), "", "is a directory, not a file; name the file in it" + remedy) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(str(file), "", f"cannot be read: {reason}{remedy}") from error
    if len(data) > SIZE_MAX:
        raise SettingsError(str(file), "", f"is larger than {SIZE_MAX // 1024 // 1024} MB: no settings are so long")
    text = _decoded(file, data)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(str(file), "", f"is not TOML: {_what(str(error), text)}") from error
    except RecursionError as error:
        raise SettingsError(str(file), "", "is not TOML: its brackets are nested too deep to be read") from error


def toml_value(text: str) -> object:
    """The value that `text` writes; `text` itself where it is not TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _decoded(file: Path, data: bytes) -> str:
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise SettingsError(str(file), "", f"is not TOML in UTF-8: it is in {name}; save it as UTF-8")
    if b"\0" in data:
        raise SettingsError(str(file), "", "is not TOML in UTF-8: it holds zero bytes; save it as text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"line {line} is in {_encoding(data)}; save the file as UTF-8"
        raise SettingsError(str(file), "", f"is not TOML in UTF-8: {problem}") from error


def _encoding(data: bytes) -> str:
    """What the file is likely written in."""
    pairs = len(re.findall(rb"[\x81-\xfe][\x40-\xfe]", data))
    if pairs * 2 >= sum(byte > 0x7F for byte in data):
        for name in _LEGACY:
            try:
                data.decode(name)
            except UnicodeDecodeError:
                continue
            return {"gb18030": "GBK (Chinese, as old Windows programs write it)", "big5": "Big5"}[name]
    return "another encoding, such as Latin-1 or Windows-1252"


def _what(message: str, text: str) -> str:
    """The parser's message with the line that is meant, in plain words."""
    found = _PLACE.search(message)
    lines = text.split("\n")
    number = int(found[1]) if found and found[1] else _last(lines)
    message = message[: found.start()] if found else message
    line = lines[number - 1].strip().partition("\r")[0] if 0 < number <= len(lines) else ""
    wide = _full_width(line)
    if wide:
        written, meant = wide
        return f"line {number} has {written}, which only looks like {meant}; type it without the input method"
    if message.startswith("Cannot overwrite") and line.startswith("[["):
        return f"line {number} ({_shown(line)}) adds one more to what began as a single table; write [[ ]] each time"
    if message.startswith("Cannot declare") and f"[{line.partition(']')[0]}]]" in text:
        return f"line {number} ({_shown(line)}) is one of several; write [[ ]] each time"
    for begins, meaning in _REMEDIES:
        if message.startswith(begins):
            return f"line {number} ({_shown(line)}) {meaning}"
    return f"line {number} ({_shown(line)}): {message[:1].lower()}{message[1:]}"


def _last(lines: list[str]) -> int:
    """The last line with anything in it."""
    return next((number for number in range(len(lines), 1, -1) if lines[number - 1].strip()), 1)


def _full_width(line: str) -> tuple[str, str] | None:
    """A character of the full width of Chinese input outside of quotes, and what it stands for."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
    for character in bare:
        if character in "“”„‟":
            return character, '"'
        if character in "‘’":
            return character, "'"
        if character in "【】":
            return character, "[" if character == "【" else "]"
        if character == "\u3000":
            return "a full-width blank", "a blank"
        if character == "、":
            return character, ","
        if "！" <= character <= "～":
            return character, chr(ord(character) - 0xFEE0)
    return None


def _shown(line: str) -> str:
    """The line, without the value of what may be a secret."""
    key, sign, _ = line.partition("=")
    if sign and re.search(r"pass|dsn|secret|header", key, re.IGNORECASE):
        return f"{key.strip()[:_SHOWN_MAX]} = ..."
    return line if len(line) <= _SHOWN_MAX else line[:_SHOWN_MAX] + "..."
