"""Calls whose messages cross, overtake and repeat each other, among requests that the peer should not have sent."""

import random
from collections import Counter

import pytest
from tests.scenarios.network import ANSWER, OFFER, Network, Party, Weather

from acdcore.sip.events import (
    FlowClosed,
    InviteArrived,
    InviteCancelled,
    RequestArrived,
    RequestFinished,
    RequestRejected,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionRefused,
    SipEvent,
    SipFlow,
)
from acdcore.sip.ladder import LadderMessage
from acdcore.sip.syntax.message import Headers, Request
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

METHODS = ("INVITE", "UPDATE", "BYE", "CANCEL", "INFO", "OPTIONS", "ACK", "PRACK")
TROUBLE_S = 8.0
"""For so long both sides, and somebody who knows their dialogs, do what they like."""
END_S = 60.0
"""By then both have hung up."""
DEEDS = 40


class Crossing:
    """Three calls from alice to bob in which everything happens in random order."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        weather = Weather(delay_s=0.01, jitter_s=self.chance.choice((0.0, 0.3, 1.5)), loss=0.05, duplication=0.2)
        self.network = Network(seed, weather)
        self.alice, self.bob = self.network.join("alice"), self.network.join("bob")
        self.alice.on_event = self.bob.on_event = self.behave
        self.left: set[tuple[str, SessionId]] = set()
        """Sessions that a side has left by itself."""
        self.serial = 0

    def run(self) -> None:
        for number in range(3):
            self.network.at(0.2 * number, lambda: self.sessions(self.alice).append(self.place()))
        self.known = {"alice": list[SessionId](), "bob": list[SessionId]()}
        for _ in range(DEEDS):
            self.network.at(self.chance.uniform(0.05, TROUBLE_S), self.trouble)
        self.network.at(END_S, self.end)
        self.network.run_out()

    def place(self) -> SessionId:
        return self.network.call(self.alice, self.bob, timeout_s=self.chance.uniform(0.5, 20))

    def sessions(self, party: Party) -> list[SessionId]:
        return self.known[party.name]

    def behave(self, party: Party, event: SipEvent) -> None:
        """What the user of an endpoint does at once, or soon, or never."""
        if isinstance(event, InviteArrived):
            self.sessions(party).append(event.session)
            for at, deed in ((0.5, "ring"), (2.0, "answer")):
                if self.chance.random() < 0.8:
                    self.later(at, party, event.session, deed)
        elif isinstance(event, SessionModified):
            self.later(0.5, party, event.session, self.chance.choice(("accept", "accept", "decline")))

    def later(self, within_s: float, party: Party, session: SessionId, deed: str) -> None:
        at = self.network.now + self.chance.random() * within_s
        self.network.at(at, lambda: self.act(party, session, deed))

    def act(self, party: Party, session: SessionId, deed: str) -> None:
        one, now = party.endpoint, self.network.now
        match deed:
            case "ring":
                outputs = one.progress(session, 180, now)
            case "answer":
                outputs = one.answer(session, ANSWER, now)
            case "accept":
                outputs = one.accept_modify(session, ANSWER, now)
            case "decline":
                outputs = one.refuse_modify(session, 488, now)
            case "modify":
                outputs = one.modify(session, OFFER, now)
            case _:
                self.left.add((party.name, session))
                outputs = one.hang_up(session, now)
        self.network.carry_out(party, outputs)

    def trouble(self) -> None:
        """A deed of one side, a message once more, or a request that its sender does not know of."""
        party = self.chance.choice((self.alice, self.bob))
        kind = self.chance.choice(("modify", "modify", "again", "forge", "forge", "forge", "hang up"))
        if kind == "again":
            self.deliver(self.chance.choice(self.network.seen))
        elif kind == "forge":
            self.forge(self.chance.choice(self.network.seen))
        elif self.sessions(party) and (kind == "modify" or self.chance.random() < 0.3):
            self.act(party, self.chance.choice(self.sessions(party)), kind)

    def deliver(self, one: LadderMessage, data: bytes = b"") -> None:
        flow = SipFlow(self.network.transport, one.receiver, one.sender)
        self.network.deliver(data or one.data, flow)

    def forge(self, one: LadderMessage) -> None:
        """A request within the dialog of a message, from the side that sent it."""
        message = parse(one.data)
        method = self.chance.choice(METHODS)
        ends = (message.from_, message.to) if isinstance(message, Request) else (message.to, message.from_)
        self.serial += 1
        is_cancel = method == "CANCEL" and isinstance(message, Request) and message.method == "INVITE"
        via = message.via if is_cancel else f"SIP/2.0/UDP {one.sender};branch=z9hG4bKf{self.serial}"
        cseq = message.cseq.number + (0 if is_cancel else self.chance.randrange(4))
        fields = [
            *(("Via", str(via)), ("From", str(ends[0])), ("To", str(ends[1])), ("Call-ID", message.call_id)),
            *(("CSeq", f"{cseq} {method}"), ("Contact", f"<sip:forger@{one.sender}>")),
        ]
        body = b""
        if method in ("INVITE", "UPDATE") and self.chance.random() < 0.5:
            fields.append(("Content-Type", "application/sdp"))
            body = OFFER
        if self.chance.random() < 0.3:
            fields += [("Supported", "timer"), ("Session-Expires", self.chance.choice(("90", "300", "10")))]
        target = SipUri.parse(f"sip:x@{one.receiver}")
        self.deliver(one, Request(method, target, Headers(fields), body).serialise())

    def end(self) -> None:
        for party in (self.alice, self.bob):
            for session in self.sessions(party):
                self.act(party, session, "hang up")

    def check(self, party: Party) -> None:
        """Each session ends once, and nothing of it is heard afterwards."""
        ends: Counter[SessionId] = Counter()
        for event in party.events:
            if isinstance(event, RequestArrived | RequestRejected | RequestFinished | FlowClosed):
                continue
            assert not ends[event.session], f"{event} after the end"
            ends[event.session] += isinstance(event, InviteCancelled | SessionEnded | SessionRefused)
        silent = [session for session in self.sessions(party) if not ends[session]]
        assert all((party.name, session) in self.left for session in silent), "ended by itself, or was left"


@pytest.mark.parametrize("seed", range(60))
def test_nothing_that_crosses_raises_or_leaks_or_ends_a_session_twice(seed: int) -> None:
    crossing = Crossing(seed)
    crossing.run()
    crossing.check(crossing.alice)
    crossing.check(crossing.bob)
