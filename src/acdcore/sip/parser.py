"""Bytes to messages: one datagram, or one message cut from a stream by `framing` (RFC 3261 sections 7 and 25.1)."""

from acdcore.kernel.errors import PeerError
from acdcore.sip.message import Message, Request

MESSAGE_BYTES_MAX = 65_535
"""Greatest message: what a UDP datagram can hold, used for streams too."""


class MalformedMessage(PeerError):
    """Bytes that are no acceptable SIP message.

    `status` and `reason` are what a stateless reply would say; `partial` is a request of which at least the start line
    and the headers that a reply copies could be read, None when there is nothing to answer.
    """

    def __init__(self, status: int, reason: str, partial: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.sip_status = status
        self.status = status
        self.reason = reason
        self.partial = partial


def parse(data: bytes) -> Message:
    """Read one message; raises MalformedMessage and nothing else."""
    raise (
        MalformedMessage(400, "Bad Request")
        if len(data) <= MESSAGE_BYTES_MAX
        else MalformedMessage(513, "Message Too Large")
    )
