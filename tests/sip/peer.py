"""One endpoint and the hand-written messages of its peer."""

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    EndpointCensus,
    InviteArrived,
    OutgoingInvite,
    Output,
    SessionConfirmed,
    SipFlow,
    Transmit,
    Transport,
)
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

US, PEER = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)
FLOW = SipFlow(Transport.UDP, US, PEER)
SDP = ("Content-Type: application/sdp",)
OFFER, ANSWER = b"v=0 offer\r\n", b"v=0 answer\r\n"
NOTHING_LEFT = EndpointCensus(0, 0, 0, 0, 0)


def endpoint(settings: EndpointSettings | None = None) -> Endpoint:
    return Endpoint(settings or EndpointSettings(), IdSource(1))


def message(
    method: str, *lines: str, branch: str = "z9hG4bK1", cseq: int = 1, to_tag: str = "", body: bytes = b""
) -> bytes:
    """A request of the peer; `lines` replace the usual ones of the same name or are added."""
    fields = {
        "Via": f"SIP/2.0/UDP {PEER};branch={branch}",
        "Max-Forwards": "70",
        "From": "<sip:peer@192.0.2.2>;tag=peer",
        "To": "<sip:acd@192.0.2.1>" + (f";tag={to_tag}" if to_tag else ""),
        "Call-ID": "call@192.0.2.2",
        "CSeq": f"{cseq} {method}",
        "Contact": "<sip:peer@192.0.2.2>",
    }
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name] = value
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"{method} sip:acd@192.0.2.1 SIP/2.0\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def sent(outputs: list[Output]) -> list[Request | Response]:
    return [parse(output.data) for output in outputs if isinstance(output, Transmit)]


def only_response(outputs: list[Output]) -> Response:
    (response,) = [one for one in sent(outputs) if isinstance(one, Response) and one.status != 100]
    return response


def statuses(outputs: list[Output]) -> list[int]:
    return [one.status for one in sent(outputs) if isinstance(one, Response)]


class Talk:
    """An endpoint with one confirmed incoming session."""

    def __init__(self, *lines: str, seed: int = 1) -> None:
        self.endpoint = Endpoint(EndpointSettings(), IdSource(seed))
        self.invite = message("INVITE", *SDP, *lines, body=OFFER)
        outputs = self.endpoint.receive(self.invite, FLOW, 0.0)
        arrived = outputs[-1]
        assert isinstance(arrived, InviteArrived)
        self.session = arrived.session
        answer = sent(self.endpoint.answer(self.session, ANSWER, 0.0))[0]
        assert isinstance(answer, Response)
        self.answer = answer
        self.tag = answer.to.tag or ""
        self.cseq = 1
        confirmed = self.endpoint.receive(message("ACK", branch="z9hG4bKack", to_tag=self.tag), FLOW, 0.0)
        assert confirmed == [SessionConfirmed(self.session, b"")]

    def say(
        self, method: str, *lines: str, body: bytes = b"", cseq: int | None = None, now: float = 1.0
    ) -> list[Output]:
        """A request of the peer within the dialog."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        data = message(method, *lines, branch=f"z9hG4bK{method}{cseq}", cseq=cseq, to_tag=self.tag, body=body)
        return self.endpoint.receive(data, FLOW, now)


def request_in(outputs: list[Output]) -> Request:
    (request,) = [one for one in sent(outputs) if isinstance(one, Request)]
    return request


def outgoing(credentials: DigestClient | None = None) -> OutgoingInvite:
    target = SipUri.parse("sip:peer@192.0.2.2")
    me = NameAddr(SipUri.parse("sip:acd@192.0.2.1"))
    return OutgoingInvite(target, FLOW, me, NameAddr(target), OFFER, credentials=credentials)
