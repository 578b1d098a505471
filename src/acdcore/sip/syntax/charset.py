"""Header text whose bytes are not UTF-8, as RFC 3261 section 7.3.1 wants it: phones and exchanges send GBK and Latin-1.

Bytes are carried, not judged: what does not decode stands in a `str` as surrogates (PEP 383) and leaves as the same
bytes. Nothing of it may reach people, JSON or a database: what these get went through `readable`.
"""

import re
from typing import Final

# A character of two bytes in GBK; its second byte may look like a backslash.
_DOUBLE_BYTE: Final = re.compile(rb"[\x81-\xFE][@-~\x80-\xFE]")
_BACKSLASH: Final = 0x5C


def decoded(data: bytes) -> str:
    """`data` as text that `encoded` turns into the same bytes, whatever they are."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes that `text` was read from, UTF-8 where it was not read; raises ValueError for other surrogates."""
    return text.encode("utf-8", "surrogateescape")


def is_utf8(data: bytes) -> bool:
    """Whether the head of a message is what RFC 3261 section 7.3.1 wants."""
    if data.isascii():
        return True
    try:
        data.partition(b"\r\n\r\n")[0].decode()
    except UnicodeDecodeError:
        return False
    return True


def is_text(text: str) -> bool:
    """Whether nothing in `text` stands for a byte that is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str) -> str:
    """`text` for people, JSON and databases: UTF-8, else GB18030 (which holds GBK), else with replacement characters.

    Raises ValueError for surrogates that `decoded` did not put there.
    """
    return text if text.isascii() or is_text(text) else _guessed(encoded(text))


def double_bytes_escaped(text: str) -> str:
    """`text` with a backslash before each that is half of a GBK character: the sender took it for a letter's byte."""

    def escaped(found: re.Match[bytes]) -> bytes:
        return found[0] + b"\\" if found[0][1] == _BACKSLASH else found[0]

    return decoded(_DOUBLE_BYTE.sub(escaped, encoded(text)))


def _guessed(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # Displays cut names at a number of bytes: whole characters before half of one are UTF-8 all the same.
        whole = data[: error.start]
        if error.end == len(data) and error.reason == "unexpected end of data" and not whole.isascii():
            return whole.decode()
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
