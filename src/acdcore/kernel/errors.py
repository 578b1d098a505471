"""Errors by who erred, and the closed list of ways in which a call ends.

    AcdError
    ├── PeerError          the other side sent something wrong; it gets `sip_status`
    ├── Refused            a rule or a limit says no; nobody is at fault
    ├── SettingsError      the operator's file or environment is wrong; names file and key
    └── Unavailable        a part that we need is not there for now (database, disk, tool)

A bug of ours is none of these: it stays an ordinary exception and is reported as such.
"""

from collections.abc import Sequence
from enum import StrEnum


class Outcome(StrEnum):
    """How a call ended, shared by records, metrics and alarms."""

    ANSWERED = "answered"
    """An agent talked to the caller."""
    SELF_SERVED = "self_served"
    """The flow came to its end without asking for an agent."""
    CLOSED = "closed"
    """The caller heard that nobody is on duty, and wanted or got nothing else."""
    ABANDONED_FLOW = "abandoned_flow"
    """The caller hung up in the menu."""
    ABANDONED_QUEUE = "abandoned_queue"
    """The caller hung up while waiting."""
    ABANDONED_RINGING = "abandoned_ringing"
    """The caller hung up before we answered."""
    OVERFLOWED = "overflowed"
    """The call left by an overflow rule and ended there."""
    REFUSED_CAPACITY = "refused_capacity"
    """All lines were taken and the rule for that was carried out."""
    REFUSED_PEER = "refused_peer"
    """The peer may not call in, or may not call there."""
    REFUSED_REQUEST = "refused_request"
    """The request could not be served: no common codec, no such number."""
    FORWARDED = "forwarded"
    """The flow connected the call to an external number, and somebody talked there."""
    UNANSWERED = "unanswered"
    """The flow rang an external number and nobody answered, or no trunk could call it."""
    VOICEMAIL = "voicemail"
    """The caller left a message."""
    CALLBACK = "callback"
    """The caller left the line and is to be called back."""
    BLOCKED = "blocked"
    """The caller's number is on the list of those turned away, or called too often."""
    FEATURE_CODE = "feature_code"
    """An agent dialled a feature code."""
    WITHDRAWN = "withdrawn"
    """Operations staff hung the call up."""
    MEDIA_LOST = "media_lost"
    """The caller's audio stopped without a BYE."""
    SHUTDOWN = "shutdown"
    """The daemon was stopped, or found the call unfinished after a crash."""
    FAILED = "failed"
    """A fault of ours or of the network."""


class AcdError(Exception):
    """Root of all errors that acdcore raises on purpose."""

    sip_status = 500
    outcome = Outcome.FAILED


class PeerError(AcdError):
    """The peer's data is wrong."""

    sip_status = 400
    outcome = Outcome.REFUSED_REQUEST


class Refused(AcdError):
    """A rule or a limit forbids it."""

    sip_status = 403
    outcome = Outcome.REFUSED_PEER


class Unavailable(AcdError):
    """Something that we depend on is away for now."""

    sip_status = 503
    outcome = Outcome.FAILED


class SettingsError(AcdError):
    """The operator's configuration is wrong.

    The text reads `file: key: what is wrong; what to do`. One error may bring further ones that were found with it.
    """

    def __init__(self, file: str, key: str, problem: str, further: Sequence["SettingsError"] = ()) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem
        self.further = tuple(further)

    def all(self) -> "tuple[SettingsError, ...]":
        """This one and those that were found with it, each by itself."""
        alone = SettingsError(self.file, self.key, self.problem)
        return (alone, *(one for further in self.further for one in further.all()))


def raise_together(errors: Sequence[SettingsError]) -> None:
    """Raise them as one SettingsError; nothing when there are none. Equal ones are raised once."""
    apart = list({str(one): one for error in errors for one in error.all()}.values())
    if apart:
        first = apart[0]
        raise SettingsError(first.file, first.key, first.problem, apart[1:])
