"""The UAC side of sessions: INVITE goes out, its responses come in (RFC 3261 sections 9.1 and 13.2)."""

from acdcore.sip.events import OutgoingInvite, SessionId, SessionRefused
from acdcore.sip.session.bodies import description_or_nothing
from acdcore.sip.session.core import SDP, UserAgent
from acdcore.sip.session.session_timer import least_interval_s
from acdcore.sip.session.table import Fact, InviteAttempt, Session, SessionInput, SessionState
from acdcore.sip.syntax.charset import readable
from acdcore.sip.syntax.message import Headers, Request, Response, reason_of
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import FORKS_MAX, Owner, Purpose, Transaction
from acdcore.sip.transaction.timers import SipTimer


class Uac:
    """Outgoing sessions of a user agent."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua

    def invite(self, invite: OutgoingInvite, turn: EndpointTurn) -> SessionId:
        """Place a call, or refuse it at once when there are too many."""
        ua = self._ua
        number = SessionId(ua.new_number())
        if len(ua.sessions) >= ua.settings.sessions_max or not ua.has_room_for_ours():
            turn.out.append(SessionRefused(number, 503, reason_of(503), None))
            return number
        tag = ua.own_headers.tag()
        request = self._request(invite, tag)
        transaction = ua.transactions.open_client(request, invite.flow, Owner(Purpose.INVITE, number), turn)
        transaction.path = invite.path or ua.settings.path
        session = Session(number, SessionState.CALLING, invite.flow, transaction, tag, attempt=InviteAttempt(invite))
        session.path, session.credentials = transaction.path, invite.credentials
        ua.open(session)
        ua.arm(session, SipTimer.RING_LIMIT, turn.now + invite.timeout_s)
        return number

    def _request(self, invite: OutgoingInvite, tag: str) -> Request:
        own_headers = self._ua.own_headers
        fields = [
            ("Via", own_headers.via(invite.flow)),
            ("Max-Forwards", "70"),
            ("From", str(invite.from_.with_param("tag", tag))),
            ("To", str(invite.to)),
            ("Call-ID", self._ua.ids.token(16)),
            ("CSeq", "1 INVITE"),
            ("Contact", own_headers.contact(invite.flow)),
            own_headers.allow,
            own_headers.user_agent,
            *invite.headers,
        ]
        if invite.body:
            fields.append(SDP)
        return Request("INVITE", invite.target, Headers(fields), invite.body)

    def response_arrived(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """A response to an INVITE of ours, also after its session has ended."""
        ua = self._ua
        session = ua.sessions.get(SessionId(transaction.owner.number))
        if response.is_success and transaction.acks:
            self._success_again(transaction, response, turn)
            return
        if session is None or session.transaction is not transaction:
            if response.is_success:
                ua.acknowledge_fork(transaction, response, turn)
            return
        body = self._description(session, response)
        fact = Fact(response.status, readable(response.reason), response, body=body)
        if response.is_provisional:
            if response.to.tag is not None:
                ua.open_early(session, response.to.tag)
            ua.advance(session, SessionInput.PROVISIONAL, fact, turn)
        elif response.is_success:
            ua.advance(session, SessionInput.SUCCESS, fact, turn)
        else:
            self._failure_arrived(session, fact, turn)

    def _description(self, session: Session, response: Response) -> bytes:
        """The answer in a response; in a 2xx without one, what the same phone said before it (section 13.2.1)."""
        body, attempt, tag = description_or_nothing(response), session.attempt, response.to.tag
        if attempt is None or tag is None:
            return body
        if response.is_provisional and body and len(attempt.answers) < FORKS_MAX:
            attempt.answers.setdefault(tag, body)
        return body or attempt.answers.get(tag, b"") if response.is_success else body

    def _success_again(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """A 2xx after the first one: from the same phone its ACK was lost, from another one it is a fork."""
        if not self._ua.acknowledge_again(transaction, response, turn):
            self._ua.acknowledge_fork(transaction, response, turn)

    def _failure_arrived(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        attempt = session.attempt
        if attempt is not None and fact.response is not None:
            request = self._ua.authorised(session.transaction, fact.response, session.credentials)
            request = request or self._with_timer(session, fact.response)
            if request is not None and self._ua.advance(session, SessionInput.CHALLENGED, Fact(request=request), turn):
                return
        self._ua.advance(session, SessionInput.FAILURE, fact, turn)

    def _with_timer(self, session: Session, response: Response) -> Request | None:
        """The INVITE once more with what a 422 or 421 asks for; None where that is nothing that we can do.

        The peer is to refresh: we watch the audio. It is tried once only: an interval longer than the one that it asked
        for would not be the one that it asked for (RFC 4028 section 7.4).
        """
        request = session.transaction.request
        if "timer" in request.tokens("Supported"):
            return None
        extra: list[tuple[str, str]]
        if response.status == 422 and (least_s := least_interval_s(response)):
            extra = [("Min-SE", str(least_s)), ("Session-Expires", f"{least_s};refresher=uas")]
        elif response.status == 421 and response.tokens("Require") == ("timer",):
            extra = []
        else:
            return None
        headers = request.headers.with_("Via", self._ua.own_headers.via(session.transaction.flow))
        headers = headers.with_("CSeq", f"{request.cseq.number + 1} INVITE")
        return Request("INVITE", request.uri, Headers([*headers, ("Supported", "timer"), *extra]), request.body)

    def ring_limit(self, session: Session, turn: EndpointTurn) -> None:
        """Nobody answered for long enough."""
        self._ua.advance(session, SessionInput.RING_LIMIT, Fact(408), turn)

    def cancel_timeout(self, session: Session, turn: EndpointTurn) -> None:
        """Our CANCEL brought no final response: the INVITE counts as cancelled (section 9.1)."""
        self._ua.transactions.drop(session.transaction)
        self._ua.advance(session, SessionInput.CANCEL_TIMEOUT, Fact(), turn)
