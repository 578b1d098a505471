"""The counts of `bench.attack` in each phase, and their limits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load import Window
from bench.setups import percentile

Figures = dict[str, int | float | str | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure may be at most."""

    key: str
    most: float


GOALS = (
    Goal("loss", 0.001),
    Goal("legit_failed", 0),
    Goal("legit_p99_ms", 500),
    Goal("ring_failed", 0),
    Goal("memory_growth_mb", 50),
    Goal("captured", 0),
    Goal("admitted", 0),
)


@dataclass(slots=True)
class Tally:
    """What a phase has come to."""

    phase: str
    sent: int = 0
    lost: int = 0
    misrouted: int = 0
    captured: int = 0
    admitted: int = 0
    dialled: int = 0
    registered: int = 0
    asked: int = 0
    connect_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    ring_failed: int = 0
    rss_mb: float = 0.0
    cpu_pct: float = 0.0
    """Of a core, by the daemon."""
    sip_dropped: int = 0
    """Datagrams for which the kernel found no room at the SIP port."""
    load_average: float = 0.0
    strangers: dict[str, int] = field(default_factory=dict)

    def carried(self, window: Window) -> None:
        """The talks' packets."""
        self.sent += window.sent
        self.lost += window.lost
        self.misrouted += window.misrouted
        self.captured += window.invaded

    def figures(self, before_mb: float) -> Figures:
        """As a line of JSON."""
        return {
            "phase": self.phase,
            "loss": round(self.lost / self.sent, 6) if self.sent else 0.0,
            "legit_failed": sum(self.failures.values()),
            "legit_p99_ms": percentile(self.connect_ms, 0.99),
            "ring_failed": self.ring_failed,
            "memory_growth_mb": round(max(0.0, self.rss_mb - before_mb), 1),
            "captured": self.captured,
            "admitted": self.admitted,
            "misrouted": self.misrouted,
            "legit_calls": self.dialled,
            "legit_registrations": self.registered,
            "legit_requests": self.asked,
            "packets": self.sent,
            "cpu_pct": self.cpu_pct,
            "sip_dropped": self.sip_dropped,
            "load_average": self.load_average,
            **{f"strangers_{key}": value for key, value in self.strangers.items()},
        }


def total(tallies: Sequence[Tally], before_mb: float) -> Figures:
    """Of all phases with strangers; the worst p99, the most memory, everything else added up."""
    attacked = [tally for tally in tallies if tally.phase != "quiet"] or list(tallies)
    p99s = [percentile(tally.connect_ms, 0.99) for tally in attacked]
    return {
        "loss": round(sum(tally.lost for tally in attacked) / max(1, sum(tally.sent for tally in attacked)), 6),
        "legit_failed": sum(tally.failures.total() for tally in attacked),
        "legit_p99_ms": max((p99 for p99 in p99s if p99 is not None), default=None),
        "ring_failed": sum(tally.ring_failed for tally in attacked),
        "memory_growth_mb": round(max(0.0, max(tally.rss_mb for tally in attacked) - before_mb), 1),
        "captured": sum(tally.captured for tally in attacked),
        "admitted": sum(tally.admitted for tally in attacked),
    }


def failing(figures: Figures) -> list[str]:
    """The goals that were missed."""
    missed = []
    for goal in GOALS:
        value = figures[goal.key]
        if not isinstance(value, int | float) or value > goal.most:
            missed.append(f"{goal.key} is {value}, wanted at most {goal.most:g}")
    return missed
