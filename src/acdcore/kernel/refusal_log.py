"""Refusals: which of them get a line in the log (pure; time is an argument).

Every refusal is counted. The first `LINES_A_SOURCE` of one source within `WINDOW_S` are written, and all sources
together write `LINES.per_s` a second; the others are summed up in one line when the window is over. So no flood of
requests becomes a flood of the log, and nothing goes unsaid.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass

from acdcore.kernel.buckets import Bucket, Rate

LINES_A_SOURCE = 10
"""In a window; as many as a ban takes, so that the log shows each guess that led to it."""
WINDOW_S = 60.0
"""After so long the rest is summed up, and the source has its lines anew."""
LINES = Rate(per_s=20.0, burst=200.0)
"""Lines of all sources together."""
SOURCES_MAX = 4_096
"""Sources with a window of their own; beyond, all others share one."""
OTHERS = "others"
"""The source under which those are summed up for whom there is no window."""
TEXT_CHARS_MAX = 64
"""What a stranger wrote is cut: it goes into a line of ours."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was asked and not granted."""

    what: str
    """One of a closed list: `register`, `invite`, `call`, `api_key`."""
    reason: str
    """One of a closed list, so that it can be a metric's label."""
    source: str
    """The address that it came from."""
    port: int = 0
    """Its port."""
    is_proven: bool = False
    """Whether the sender certainly receives what is sent to `source`; over UDP anybody can write any address."""
    is_known: bool = False
    """Whether trunks, registered phones or clients with a key share the address: it must not be blocked."""
    user: str = ""
    """The account, the agent or the key that was tried."""
    detail: str = ""
    """More for people: the number dialled, the rule that held."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What got no line of its own."""

    source: str
    """Whose, or `OTHERS`."""
    refusals: int
    """How many."""
    reasons: str
    """Which, the most frequent first: `register: unknown user or wrong password (17)`."""


@dataclass(slots=True)
class _Window:
    ends_at: float
    lines: int
    left_out: Counter[tuple[str, str]]


class RefusalLog:
    """Counts refusals, and decides which are written."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """All since the start, by (what, reason)."""
        self._windows: OrderedDict[str, _Window] = OrderedDict()  # in the order of their ends
        self._lines = Bucket(LINES, 0.0)

    def is_written(self, refusal: Refusal, now: float) -> bool:
        """Count one; whether it gets a line of its own."""
        kind = (refusal.what, refusal.reason)
        self.counts[kind] += 1
        window = self._window(refusal.source, now)
        if window.lines < LINES_A_SOURCE and self._lines.take(now):
            window.lines += 1
            return True
        window.left_out[kind] += 1
        return False

    def due(self, now: float) -> list[LeftOut]:
        """The sums of windows that are over; to be asked every second or so."""
        sums = []
        while self._windows:
            source, window = next(iter(self._windows.items()))
            if window.ends_at > now:
                break
            del self._windows[source]
            if window.left_out:
                sums.append(_sum(source, window.left_out))
        return sums

    def _window(self, source: str, now: float) -> _Window:
        found = self._windows.get(source)
        if found is None and len(self._windows) >= SOURCES_MAX:
            source = OTHERS
            found = self._windows.get(source)
        if found is None:
            found = self._windows[source] = _Window(now + WINDOW_S, 0, Counter())
        return found


def shortened(text: str) -> str:
    """A stranger's text as it may stand in a line of ours."""
    return text if len(text) <= TEXT_CHARS_MAX else text[: TEXT_CHARS_MAX - 1] + "…"


def _sum(source: str, left_out: Counter[tuple[str, str]]) -> LeftOut:
    reasons = [f"{what}: {reason} ({count})" for (what, reason), count in left_out.most_common()]
    return LeftOut(source, left_out.total(), ", ".join(reasons))
