"""The SIP ladder of a call as text: who sent what to whom, when."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow
from acdcore.sip.syntax.charset import decoded, readable

LANE_WIDTH = 26
"""Characters between two parties; the longest usual label is `200 OK (INVITE) sdp`."""
TIME_WIDTH = 9
"""Seconds since the first message, with milliseconds."""


class MessageDirection(StrEnum):
    """Seen from the endpoint whose messages are watched."""

    IN = "in"
    OUT = "out"


Observer = Callable[[MessageDirection, SipFlow, bytes, float], None]
"""Sees each message in and out with its flow and the time (monotonic seconds); must not call back."""


@dataclass(frozen=True, slots=True)
class LadderMessage:
    """One message on the wire."""

    at: float
    """Monotonic seconds."""
    sender: Address
    """Who sent it."""
    receiver: Address
    """Whom it was sent to."""
    data: bytes
    """The whole message."""
    is_lost: bool = False
    """The network dropped it (only a test's network knows)."""


def ladder_message(direction: MessageDirection, flow: SipFlow, data: bytes, at: float) -> LadderMessage:
    """What an observer keeps of one message."""
    if direction is MessageDirection.OUT:
        return LadderMessage(at, flow.local, flow.remote, data)
    return LadderMessage(at, flow.remote, flow.local, data)


def header_value(data: bytes, name: str) -> str:
    """The first value of a header by its full name, read without a parser so that broken messages show too."""
    wanted = name.lower().encode()
    for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == wanted:
            return readable(decoded(value.strip()))
    return ""


def messages_of_calls(messages: Iterable[LadderMessage], call_ids: frozenset[str]) -> list[LadderMessage]:
    """Only the messages of these calls: the legs of one call have a Call-ID each."""
    return [message for message in messages if header_value(message.data, "Call-ID") in call_ids]


def label(data: bytes) -> str:
    """`INVITE sdp`, `180 Ringing (INVITE)`, `200 OK (BYE)`: what an arrow is called."""
    start = readable(decoded(data.partition(b"\r\n")[0]))
    first, _, rest = start.partition(" ")
    body = " sdp" if header_value(data, "Content-Type").lower().startswith("application/sdp") else ""
    if first.upper() == "SIP/2.0":
        method = header_value(data, "CSeq").rpartition(" ")[2]
        return f"{rest} ({method}){body}"
    return f"{first}{body}" if first.isalpha() else "(not SIP)"


def render(messages: Sequence[LadderMessage], names: Mapping[Address, str]) -> str:
    """Draw the ladder, one column for each party in the order of `names`, then of appearance.

    Addresses without a name appear as host:port. Times are seconds since the first message. A lost message's arrow
    ends in `x`.
    """
    if not messages:
        return "(no messages)\n"
    columns = _columns(messages, names)
    positions = {address: columns.index(name) for address, name in _named(messages, names).items()}
    lines = [" " * (TIME_WIDTH + 1) + "".join(name.ljust(LANE_WIDTH + 1) for name in columns).rstrip()]
    started_at = messages[0].at
    for message in messages:
        arrow = _arrow(message, positions[message.sender], positions[message.receiver], len(columns))
        lines.append(f"{message.at - started_at:{TIME_WIDTH}.3f} {arrow}")
    return "\n".join(lines) + "\n"


def _named(messages: Sequence[LadderMessage], names: Mapping[Address, str]) -> dict[Address, str]:
    addresses = [address for message in messages for address in (message.sender, message.receiver)]
    return {address: names.get(address, str(address)) for address in addresses}


def _columns(messages: Sequence[LadderMessage], names: Mapping[Address, str]) -> list[str]:
    present = list(dict.fromkeys(_named(messages, names).values()))
    ordered = [name for name in dict.fromkeys(names.values()) if name in present]
    return ordered + [name for name in present if name not in ordered]


def _arrow(message: LadderMessage, start: int, end: int, columns: int) -> str:
    cells = ["|"] + [f"{'':{LANE_WIDTH}}|" for _ in range(columns - 1)]
    left, right = min(start, end), max(start, end)
    if left == right:
        return "".join(cells) + f" {label(message.data)} (to itself)"
    width = (right - left) * (LANE_WIDTH + 1) - 1
    text = f" {label(message.data)[: width - 6]} "
    tip = "x" if message.is_lost else ">" if start < end else "<"
    shaft = text.center(width - 1, "-")
    cells[left + 1 : right + 1] = [f"{shaft}{tip}|" if start < end else f"{tip}{shaft}|"]
    return "".join(cells)
