"""Regular expressions: the same on every Python that we support, and linear in hostile text."""

import ast
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import acdcore
from acdcore.sdp.model import SdpError
from acdcore.sdp.parser import parse as parse_sdp
from acdcore.sip.syntax.framing import StreamFramer
from acdcore.sip.syntax.headers import parse_name_addr, parse_params, parse_via, split_values, unquoted
from acdcore.sip.syntax.parser import LINE_CHARS_MAX, MESSAGE_BYTES_MAX
from acdcore.sip.syntax.uri import URI_CHARS_MAX, MalformedValue, parse_uri

SOURCES = sorted(Path(acdcore.__file__).parent.rglob("*.py"))
# CPython before 3.11.5 loses captures and whole matches in possessive quantifiers and atomic groups around groups
# (gh-100061, gh-106052); a possessive quantifier of a single character or class is sound everywhere.
UNSOUND = re.compile(r"\(\?>|(?<!\\)\)(?:[*+?]|\{[0-9,]*\})\+")

LIMIT_S = 0.5
"""CPU seconds that one hostile text may cost: a linear reading takes milliseconds, a quadratic one of 64 kB minutes."""


def texts_of(source: Path) -> Iterator[tuple[int, str]]:
    """String constants of a file with their lines; what adjacent literals and f-strings spell is put together."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "X" for part in node.values]
            yield node.lineno, "".join([str(part) for part in parts])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield node.lineno, text


def test_no_pattern_has_a_possessive_or_atomic_group() -> None:
    found = [f"{source}:{line}" for source in SOURCES for line, text in texts_of(source) if UNSOUND.search(text)]
    assert found == []


@pytest.mark.parametrize("text", [r"(?:a@)?+b", r"(a|b)*+", r"(ab)++", r"(ab){1,3}+", r"(?>ab)"])
def test_unsound_pattern_would_be_found(text: str) -> None:
    assert UNSOUND.search(text)


@pytest.mark.parametrize("text", [r"[a-z]++@", r"\)++", r"(?:a|b)+", r"[()+-]*+"])
def test_sound_pattern_is_left_alone(text: str) -> None:
    assert not UNSOUND.search(text)


def fed_to_a_stream(text: str) -> object:
    return StreamFramer().receive(f"OPTIONS sip:a@h SIP/2.0\r\n{text}\r\n\r\n".encode())


def offered(text: str) -> object:
    return parse_sdp(f"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\n{text}\r\n".encode())


LONG = MESSAGE_BYTES_MAX - 100
HOSTILE: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("escapes without a host", parse_uri, "sip:" + "%41" * ((URI_CHARS_MAX - 5) // 3) + "%"),
    ("escapes in user and password", parse_uri, "sip:" + "%41" * 300 + ":" + "%41" * 300 + "%"),
    ("at signs", parse_uri, "sip:" + "a@" * (URI_CHARS_MAX // 2 - 4)),
    ("escapes in parameters", parse_uri, "sip:h;" + "%41;" * 500 + "\x00"),
    ("escapes in URI headers", parse_uri, "sip:h?" + "%41&" * 500 + "\x00"),
    ("other scheme", parse_uri, "x" * (URI_CHARS_MAX - 1)),
    ("quotes that stay open", parse_name_addr, '"' + "\\a" * (LONG // 2)),
    ("quotes closed too late", parse_name_addr, '"' + 'a\\"' * (LONG // 3) + '" x'),
    ("brackets that stay open", parse_name_addr, "<" * LONG),
    ("blanks in a Via", parse_via, "SIP" + " " * LONG),
    ("blanks behind a Via", parse_via, "SIP/2.0/UDP h" + " " * LONG + "x"),
    ("parameters with a fault at the end", parse_params, ";a=b" * (LONG // 4) + "\x00"),
    ("flags with a fault at the end", parse_params, ";a" * (LONG // 2) + "\x00"),
    ("quoted parameters", parse_params, ';a="\\"' * (LONG // 6)),
    ("quotes in a list", split_values, '"a\\"' * (LONG // 4) + ","),
    ("brackets in a list", split_values, "<a" * (LONG // 2) + ","),
    ("escapes in a quoted string", unquoted, '"' + "\\a" * (LONG // 2)),
    ("folds in a length", fed_to_a_stream, "Content-Length:" + "\r\n " * (LONG // 3)),
    ("blanks in a length", fed_to_a_stream, "l" + " " * LONG),
    ("slashes in a transport", offered, "m=audio 1 " + "a/" * 5_000 + " 0"),
    ("formats with a fault at the end", offered, "m=audio 1 RTP/AVP " + "0 " * 5_000 + "("),
)


@pytest.mark.parametrize(("reader", "text"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_text_is_read_in_linear_time(reader: Callable[[str], object], text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(MalformedValue, SdpError):
        reader(text)
    assert time.process_time() - begun < LIMIT_S


@pytest.mark.parametrize("length", [1, 100, LINE_CHARS_MAX // 8])
def test_long_values_keep_their_meaning(length: int) -> None:
    address = parse_name_addr('"' + 'a\\"' * length + '" <sip:' + "%41b" * (length % 400) + "c@h:5060;p=%41>;x")
    assert address.display == 'a"' * length
    assert address.sip_uri.user == "%41b" * (length % 400) + "c"
    assert (address.sip_uri.host, address.sip_uri.port, address.sip_uri.params) == ("h", 5060, (("p", "%41"),))
    assert parse_params(";a=b" * length) == (("a", "b"),) * length


def test_host_and_port_are_never_taken_for_a_user() -> None:
    uri = parse_name_addr("<sip:example.com:5070;transport=tcp>").sip_uri
    assert (uri.user, uri.password, uri.host, uri.port) == ("", None, "example.com", 5070)
