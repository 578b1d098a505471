"""The number shown on an outbound call, and the header fields that carry it, by the trunk's rules (pure).

Our number is the agent's `caller_id`, else the queue's, else the trunk's. Where there is none the From has the trunk's
user, or "acdcore", but never the number that we call.

    call                               From                     asserted   Privacy   Diversion, History-Info
    callback, agent's external seat     our number               our number -         -
    forwarded, shows own               our number               our number -         the number that was called
    forwarded, shows the caller        the caller's             our number -         the number that was called
    the same, caller withheld          anonymous (RFC 3323)     our number id        the number that was called

The asserted number is always our own: the carrier knows it as ours, screens and bills by it, and removes it where
`Privacy: id` asks for that (RFC 3325 section 7). A withheld caller's number is sent in no field.
"""

from dataclasses import dataclass

from acdcore.calls.numbers.trunk_numbers import AssertBy, ForwardedShows, Redirection, TrunkNumbers
from acdcore.sip.events import Fields
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import Params, SipUri, escaped_user

NOBODY_USER = "acdcore"
"""The From's user part when we have no number: an INVITE needs one, and it must not be anybody's number."""
ANONYMOUS = NameAddr(SipUri("sip", "anonymous", "anonymous.invalid"), "Anonymous")
"""RFC 3323 section 4.1.1.3."""
FORWARDED_CAUSE = "302"
"""Call forwarding unconditional, RFC 4458 section 2: the caller was sent on by a rule, no phone of the number rang."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A caller who is connected to an external number."""

    caller: str
    """Canonical; "" when withheld."""
    dialled: str
    """The number of ours that was called, canonical."""


@dataclass(frozen=True, slots=True)
class CallOut:
    """One outbound call."""

    number: str
    """The number to call, canonical."""
    host: str
    """Our address towards the trunk."""
    peer: SipUri
    """The trunk's URI."""
    user: str = ""
    """The user for the trunk's digest challenges; empty: none."""
    caller_id: str = ""
    """The agent's or the queue's number to show, canonical; empty: the trunk's."""
    forwarded: Forwarded | None = None
    """The caller who is forwarded; None for other calls."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the INVITE."""

    target: SipUri
    """Request-URI and To."""
    from_: NameAddr
    headers: Fields


def shown_on(out: CallOut, rules: TrunkNumbers) -> Shown:
    """The addresses of an INVITE to `out.number` on the trunk with these rules."""
    domain = rules.from_domain or out.host
    own = out.caller_id or rules.caller_id
    ours = SipUri("sip", _written(own, rules) or escaped_user(out.user) or NOBODY_USER, domain)
    from_ = NameAddr(SipUri("sip", escaped_user(rules.from_user), domain) if rules.from_user else ours)
    privacy: Fields = ()
    if out.forwarded is not None and rules.forwarded_shows is ForwardedShows.CALLER:
        if not out.forwarded.caller:
            from_, privacy = ANONYMOUS, (("Privacy", "id"),)
        elif rules.plan.canonical(out.forwarded.caller):
            from_ = NameAddr(SipUri("sip", _written(out.forwarded.caller, rules), domain))
    target = SipUri("sip", _written(out.number, rules), out.peer.host, out.peer.port, out.peer.params)
    asserted = _asserted(ours, rules.assert_by, is_private=bool(privacy)) if own else ()
    redirection = _redirection(out.forwarded, own, target, (rules, domain)) if out.forwarded is not None else ()
    return Shown(target, from_, (*asserted, *privacy, *redirection))


def _written(number: str, rules: TrunkNumbers) -> str:
    return escaped_user(rules.plan.written(number, rules.number_form))


def _asserted(ours: SipUri, by: AssertBy, *, is_private: bool) -> Fields:
    match by:
        case AssertBy.NONE:
            return ()
        case AssertBy.P_ASSERTED_IDENTITY:
            return (("P-Asserted-Identity", str(NameAddr(ours))),)
        case AssertBy.P_PREFERRED_IDENTITY:
            return (("P-Preferred-Identity", str(NameAddr(ours))),)
        case AssertBy.REMOTE_PARTY_ID:
            params: Params = (("party", "calling"), ("screen", "yes"), ("privacy", "full" if is_private else "off"))
            return (("Remote-Party-ID", str(NameAddr(ours, "", params))),)


def _redirection(forwarded: Forwarded, own: str, target: SipUri, by: tuple[TrunkNumbers, str]) -> Fields:
    """The field for a forwarded call, with `forwarded.dialled`, or our own number when that is no number."""
    rules, domain = by
    number = rules.plan.canonical(forwarded.dialled) or own
    if rules.redirection is Redirection.NONE or not number:
        return ()
    from_ours = SipUri("sip", _written(number, rules), domain)
    fields: list[tuple[str, str]] = []
    if rules.redirection in (Redirection.DIVERSION, Redirection.BOTH):
        params: Params = (("reason", "unconditional"), ("counter", "1"))
        fields.append(("Diversion", str(NameAddr(from_ours, "", params))))
    if rules.redirection in (Redirection.HISTORY_INFO, Redirection.BOTH):
        reached = SipUri("sip", target.user, target.host, target.port, (("cause", FORWARDED_CAUSE),))
        values = (NameAddr(from_ours, "", (("index", "1"),)), NameAddr(reached, "", (("index", "1.1"), ("mp", "1"))))
        fields.append(("History-Info", ", ".join(map(str, values))))
    return tuple(fields)
