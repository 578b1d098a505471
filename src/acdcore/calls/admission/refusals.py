"""Refusals: each request that is refused, by SIP or HTTP, is counted and logged with source address and reason."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import structlog

from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.lockout import Banned, Lockout
from acdcore.kernel.refusal_log import Refusal, RefusalLog, shortened
from acdcore.sip.admission import Sources

GUESSING = AlarmKind(
    "password_guessing",
    Severity.MINOR,
    "Look at the sources in the log; block them at the firewall, or set allowed_networks for agents.",
    600.0,
)
FLOOD = AlarmKind(
    "sip_flood", Severity.MINOR, "Find the sources at the network; calls of trunks and phones go on.", 60.0
)
FLOOD_MESSAGES = 100
"""Messages dropped within a second that make an alarm; a single phone with a fault sends fewer."""


class Refusals:
    """One for the daemon."""

    def __init__(self, clock: Clock, sources: Sources, bus: EventBus) -> None:
        self._clock = clock
        self.sources = sources
        """What each address is to us."""
        self._log = structlog.get_logger("security")
        self._refusals = RefusalLog()
        bus.subscribe(Banned, self._banned)

    @property
    def lockout(self) -> Lockout:
        """Who is banned or held up, by SIP and HTTP together."""
        return self.sources.lockout

    def is_shared(self, host: str) -> bool:
        """Whether a known peer uses this address too: then it must not be banned for what others send from there."""
        return self.sources.is_shared(host, self._clock.now())

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """All refusals since the start, by (what, reason)."""
        return self._refusals.counts

    def refused(self, refusal: Refusal) -> None:
        """Count a refusal, and log it unless its source has used up its share of log lines."""
        if not self._refusals.is_written(refusal, self._clock.now()):
            return
        refusal = replace(refusal, user=shortened(refusal.user), detail=shortened(refusal.detail))
        # Source and proof come first: fail2ban's filter reads the beginning of a line, which holds no text of a peer.
        self._log.warning(
            "refused",
            source=refusal.source,
            proven=refusal.is_proven,
            known=refusal.is_known,
            port=refusal.port,
            what=refusal.what,
            reason=refusal.reason,
            user=refusal.user,
            detail=refusal.detail,
        )

    def conditions(self) -> Iterator[tuple[AlarmKind, str]]:
        """The alarms that hold now, asked for every second; logs a sum of the refusals that got no line."""
        now = self._clock.now()
        for left_out in self._refusals.due(now):
            self._log.warning("refused_more", of=left_out.source, times=left_out.refusals, reasons=left_out.reasons)
        bans = self.sources.lockout.bans(now)
        if bans:
            source = next(iter(bans))
            others = f" and {len(bans) - 1} others are" if len(bans) > 1 else " is"
            yield GUESSING, f"{source}{others} banned after wrong passwords or keys"
        flooding = self.sources.flooding
        if flooding.total() >= FLOOD_MESSAGES:
            (source, most), *_ = flooding.most_common(1)
            yield FLOOD, f"{flooding.total()} SIP messages were dropped within a second, {most} of them from {source}"
        flooding.clear()

    def _banned(self, ban: Banned) -> None:
        self._log.warning("banned", source=ban.source, for_s=ban.for_s, failures=ban.failures)
