"""Messages cut from a byte stream by their Content-Length (RFC 3261 section 18.3), and the keep-alives between them."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from acdcore.sip.syntax.parser import MESSAGE_BYTES_MAX, MalformedMessage, readable_part

PONG: Final = b"\r\n"
"""What answers a Ping, RFC 5626 section 3.5.1."""
PING: Final = b"\r\n\r\n"
"""What asks for a pong."""

_END_OF_HEADERS: Final = b"\r\n\r\n"
_CONTENT_LENGTH: Final = re.compile(
    rb"\r\n(?:Content-Length|l)[ \t]*+:[ \t]*+(?:\r\n[ \t]++)*([^\r\n]*+)", re.IGNORECASE
)
_PINGS: Final = re.compile(rb"(?:\r\n\r\n)+")
_LENGTH_DIGITS_MAX: Final = 10
_CR: Final = 0x0D


@dataclass(frozen=True, slots=True)
class MessageFramed:
    """One complete message."""

    data: bytes
    """Start line to end of body, for `parser.parse`."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The peer asks whether the connection lives, once or several times in a row; answer with PONG."""


@dataclass(frozen=True, slots=True)
class FramingLost:
    """Where the next message begins is not known any more: answer if possible, then close. Always the last output."""

    fault: MalformedMessage
    """What was wrong, with the request as far as it could be read."""


Framed: TypeAlias = MessageFramed | Ping | FramingLost


class StreamFramer:
    """One connection's input; holds at most one unfinished message of MESSAGE_BYTES_MAX and the bytes just received."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # bytes in which the end of the headers is known not to begin
        self._total: int | None = None  # length of the message that has begun, once its headers are complete
        self._is_lost = False
        self._is_pong_due = False

    def expect_pong(self) -> None:
        """We have sent a PING: a CR LF that comes by itself answers it, and is not the first half of a ping."""
        self._is_pong_due = True

    def receive(self, data: bytes) -> list[Framed]:
        """Take what was read, give what is complete; after FramingLost everything is ignored."""
        framed: list[Framed] = []
        if self._is_lost:
            return framed
        self._buffer += data
        if self._is_pong_due and self._buffer == PONG:
            self._is_pong_due = False
            self._buffer.clear()
        try:
            while (item := self._next()) is not None:
                framed.append(item)
        except MalformedMessage as fault:
            self._is_lost = True
            self._buffer.clear()
            framed.append(FramingLost(fault))
        return framed

    def _next(self) -> MessageFramed | Ping | None:
        buffer = self._buffer
        if (pings := _PINGS.match(buffer)) is not None:
            del buffer[: pings.end()]  # a megabyte of them gets one pong, not a quarter of a million
            return Ping()
        if buffer.startswith(b"\r\n") and len(buffer) > 2 and buffer[2:3] != b"\r":
            del buffer[:2]  # a single CRLF before a message means nothing, RFC 3261 section 7.5
        if buffer.startswith(b"\r"):
            if len(buffer) > 3 or PING[: len(buffer)] != buffer:
                raise MalformedMessage(400, "line break that is not CR LF")
            return None
        return self._next_message()

    def _next_message(self) -> MessageFramed | None:
        if self._total is None:
            self._total = self._message_length()
        if max(self._total or 0, self._searched) > MESSAGE_BYTES_MAX:
            raise self._fault(513, "Message Too Large")
        if self._total is None or self._total > len(self._buffer):
            return None
        message = bytes(self._buffer[: self._total])
        del self._buffer[: self._total]
        self._searched, self._total = 0, None
        return MessageFramed(message)

    def _message_length(self) -> int | None:
        if self._searched == 0 and self._begins_with_bare_lf():
            raise self._fault(400, "line break that is not CR LF")  # its end would never come
        end = self._buffer.find(_END_OF_HEADERS, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_END_OF_HEADERS) + 1)
            return None
        return end + len(_END_OF_HEADERS) + self._content_length(end)

    def _begins_with_bare_lf(self) -> bool:
        """Whether the start line ends in LF alone: on a stream nothing is guessed about where a message ends."""
        first = self._buffer.find(b"\n")
        return first > 0 and self._buffer[first - 1] != _CR

    def _content_length(self, end: int) -> int:
        """Length of the body: required on streams, and two that differ would hide one message in another."""
        lengths = {found.strip() for found in _CONTENT_LENGTH.findall(self._buffer, 0, end)}
        if len(lengths) != 1:
            raise self._fault(400, "Content-Length missing" if not lengths else "more than one Content-Length")
        digits = lengths.pop()
        if not digits.isdigit() or len(digits) > _LENGTH_DIGITS_MAX:
            raise self._fault(400, "malformed Content-Length")
        return int(digits)

    def _fault(self, status: int, reason: str) -> MalformedMessage:
        return MalformedMessage(status, reason, readable_part(bytes(self._buffer[:MESSAGE_BYTES_MAX])))
