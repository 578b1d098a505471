"""Trunk probe: whether the trunks' peers answer. Each is asked by OPTIONS (RFC 3261 section 11) from time to time.

    unknown, up --silent twice in a row--> down (alarm) --any answer--> up

Any final response but 408 and 503 is a sign of life, also an error. A trunk that is down is still used for outbound
calls: it may be up again when the INVITE comes.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from acdcore.calls.trunks.trunks import Trunk
from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.background import Rhythm, repeat_in_background
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import AcdError
from acdcore.sip.events import OutgoingRequest, RequestFinished, RequestId

GONE = frozenset({408, 503})
"""Status 408 or 503: the peer is silent, cannot be sent to, or is out of service."""
SILENT_MAX = 2
"""OPTIONS without an answer before the trunk is down: one may be lost, although 408 comes after 32 s of tries."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks for trunks whose turn it is."""

TRUNK_DOWN = AlarmKind(
    "trunk_down",
    Severity.MAJOR,
    "Look whether the peer at the trunk's target is up and reachable; set ask_every_s = 0 if it never answers OPTIONS.",
)
"""The peer behind a trunk's target does not answer."""


@dataclass(slots=True)
class _Peer:
    target: str
    ask_at: float
    silent: int = 0


class TrunkReach:
    """Which trunks are to be asked, and which are down (pure)."""

    def __init__(self) -> None:
        self._peers: dict[str, _Peer] = {}

    def due(self, trunks: Iterable[Trunk], now: float) -> list[Trunk]:
        """The trunks to be asked now; each is due again `ask_every_s` later. Removed trunks are forgotten."""
        asked = [trunk for trunk in trunks if trunk.target and trunk.may_dial_out and trunk.ask_every_s]
        known, self._peers = self._peers, {}
        due = []
        for trunk in asked:
            peer = known.get(trunk.name)
            if peer is None or peer.target != trunk.target:
                peer = _Peer(trunk.target, now)
            if now >= peer.ask_at:
                peer.ask_at = now + trunk.ask_every_s
                due.append(trunk)
            self._peers[trunk.name] = peer
        return due

    def answered(self, trunk: Trunk, status: int) -> None:
        """Take the result of an OPTIONS."""
        peer = self._peers.get(trunk.name)
        if peer is not None and peer.target == trunk.target:  # else the settings have changed meanwhile
            peer.silent = peer.silent + 1 if status in GONE else 0

    def is_asked(self, name: str) -> bool:
        """Whether the settings of the moment have this trunk asked."""
        return name in self._peers

    def down(self) -> dict[str, str]:
        """The trunks that do not answer, each with its target."""
        return {name: peer.target for name, peer in self._peers.items() if peer.silent >= SILENT_MAX}


class TrunkProbe:
    """The driver: sends OPTIONS, raises and ends the alarms."""

    def __init__(
        self,
        trunks: Callable[[], Iterable[Trunk]],
        question: Callable[[Trunk], OutgoingRequest],
        send: Callable[[OutgoingRequest], RequestId],
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        """`trunks` are those of the settings of the moment; `question` may raise AcdError: there is no way to ask."""
        self._trunks = trunks
        self._question = question
        self._send = send
        self._alarms = alarms
        self._clock = clock
        self._reach = TrunkReach()
        self._asked: dict[RequestId, Trunk] = {}
        self._raised: set[str] = set()

    def look(self) -> None:
        """Ask the trunks whose turn it is."""
        for trunk in self._reach.due(self._trunks(), self._clock.now()):
            try:
                request = self._send(self._question(trunk))
            except AcdError:
                self._reach.answered(trunk, 503)
            else:
                self._asked[request] = trunk
        self._tell()

    def on_request_finished(self, event: RequestFinished) -> bool:
        """An OPTIONS was answered or timed out; False when the request was not sent by this probe."""
        trunk = self._asked.pop(event.request, None)
        if trunk is None:
            return False
        self._reach.answered(trunk, event.status)
        self._tell()
        return True

    def _tell(self) -> None:
        down = self._reach.down()
        for name in self._raised - down.keys():
            over = "it answers again" if self._reach.is_asked(name) else "it is not asked any more"
            self._alarms.clear(TRUNK_DOWN, over, about=name)
        for name in down.keys() - self._raised:
            self._alarms.raise_alarm(TRUNK_DOWN, f"{down[name]} does not answer OPTIONS", about=name)
        self._raised = set(down)


def probing(probe: TrunkProbe, alarms: Alarms) -> AbstractAsyncContextManager[None]:
    """Ask in the background until the block ends."""

    async def look() -> None:
        probe.look()

    return repeat_in_background("trunk probe", look, Rhythm(LOOK_EVERY_S), alarms)
