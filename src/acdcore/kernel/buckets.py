"""Token buckets: how much one source, or all together, may ask for in a time (pure; time is an argument)."""

from collections import OrderedDict
from dataclasses import dataclass

SOURCES_MAX = 8_192
"""Sources counted at once, about 2 MB; beyond that the one silent for longest starts again full."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An allowance."""

    per_s: float
    """What grows back a second."""
    burst: float
    """What can be taken at once after a silence."""


class Bucket:
    """One allowance, full at first."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False when there is none left."""
        rate = self._rate
        left = min(rate.burst, self._left + (now - self._at) * rate.per_s)
        self._at = now
        if left < 1.0:
            self._left = left
            return False
        self._left = left - 1.0
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until one can be taken; 0 when one is there."""
        missing = 1.0 - (self._left + (now - self._at) * self._rate.per_s)
        return max(0.0, missing / self._rate.per_s)


class Buckets:
    """A bucket for each source; bounded."""

    def __init__(self, rate: Rate, sources_max: int = SOURCES_MAX) -> None:
        self._rate = rate
        self._sources_max = sources_max
        self._by_source: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_source)

    def take(self, source: str, now: float) -> bool:
        """Take one of the source's; False when it has none left."""
        return self.of(source, now).take(now)

    def wait_s(self, source: str, now: float) -> float:
        """Seconds until the source can take one; a source that is not counted need not wait."""
        bucket = self._by_source.get(source)
        return 0.0 if bucket is None else bucket.wait_s(now)

    def of(self, source: str, now: float) -> Bucket:
        """The source's bucket, the last one to be forgotten."""
        bucket = self._by_source.get(source)
        if bucket is not None:
            self._by_source.move_to_end(source)
            return bucket
        if len(self._by_source) >= self._sources_max:
            self._by_source.popitem(last=False)
        bucket = self._by_source[source] = Bucket(self._rate, now)
        return bucket


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 one, which is one customer's."""
    return host if ":" not in host else _prefix(host)


def _prefix(host: str) -> str:
    head, gap, _ = host.partition("%")[0].partition("::")
    groups = head.split(":") if head else []
    if gap:
        groups += ["0"] * (4 - len(groups))
    return ":".join([group.lstrip("0") or "0" for group in groups[:4]])
