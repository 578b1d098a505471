"""A party's keys, by telephone-event (RFC 4733) or INFO: many phones send both, and each key counts once.

After the first telephone-event of a leg its INFO requests are ignored. Before that a key in INFO counts, and does not
count again when it comes as telephone-event soon after: INFO is often the faster of the two.
"""

from collections import deque
from dataclasses import dataclass

from acdcore.media.dtmf import KEYS

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
EVENT = "audio/telephone-event"
CONTENT_TYPES = frozenset({RELAY, PLAIN, EVENT})
END_BIT = 0x80
BOTH_S = 2.0
"""Seconds after a key in INFO in which its telephone-event may follow: a held key is reported when it is released."""
AHEAD_MAX = 32
"""Keys in INFO that may be ahead of their telephone-events: nobody dials faster."""


@dataclass(frozen=True, slots=True)
class InfoKey:
    """A key in an INFO."""

    digit: str
    """One of KEYS."""
    is_end: bool = True
    """Whether the key was released, or the format has one INFO for each key."""
    duration: int = 0
    """How long the key has been pressed, samples at 8 kHz; 0 when not given."""


class KeySource:
    """Decides which keys of a leg count; times are seconds of the event loop."""

    def __init__(self) -> None:
        self._sends_events = False
        self._ahead: deque[tuple[str, float]] = deque(maxlen=AHEAD_MAX)
        """Keys that came in INFO without their telephone-event so far, with the time."""
        self._down: InfoKey | None = None
        """A key that counted at the INFO for its press; the INFO for its release follows."""

    def counts(self, digit: str, now: float) -> bool:
        """Whether a telephone-event counts as a key; False when the key counted already by INFO."""
        self._sends_events = True
        while self._ahead and now - self._ahead[0][1] > BOTH_S:
            self._ahead.popleft()
        if digit not in [ahead for ahead, _ in self._ahead]:
            return True
        while self._ahead.popleft()[0] != digit:
            pass
        return False

    def of_info(self, content_type: str, body: bytes, now: float) -> str:
        """The key of an INFO; empty when it holds none or the key does not count."""
        key = read_info(content_type, body)
        if key is None or self._sends_events:
            return ""
        down, self._down = self._down, None if key.is_end else key
        goes_on = down is not None and down.digit == key.digit and key.duration > down.duration
        if goes_on or (key.is_end and down is not None and down.digit == key.digit):
            return ""
        self._ahead.append((key.digit, now))
        return key.digit


def read_info(content_type: str, body: bytes) -> InfoKey | None:
    """The key in an INFO body, None when there is none.

    `Signal=5` of dtmf-relay, the bare key of application/dtmf, each also under the other's name, with event codes for
    keys (10 is the star, 11 the hash), or the four octets of a telephone-event (RFC 4733 section 2.3).
    """
    if content_type not in CONTENT_TYPES:
        return None
    if content_type == EVENT and len(body) == 4 and body[0] < len(KEYS):
        return InfoKey(KEYS[body[0]], bool(body[1] & END_BIT), int.from_bytes(body[2:], "big"))
    signal = _signal(body.decode("ascii", "replace").strip()).upper()
    if signal.isascii() and signal.isdigit() and len(signal) == 2 and int(signal) < len(KEYS):
        signal = KEYS[int(signal)]
    return InfoKey(signal) if len(signal) == 1 and signal in KEYS else None


def _signal(text: str) -> str:
    """The value of the line `Signal`; a body without such a line is returned as it is."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.partition("=" if "=" in line else ":")
        if mark:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields.get("signal", "") if fields else text
