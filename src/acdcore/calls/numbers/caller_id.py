"""Caller ID and dialled number: both as an INVITE has them, read by the trunk's rules (pure).

The caller is the first that has a number: P-Asserted-Identity (RFC 3325), Remote-Party-ID of the calling party
(draft-ietf-sip-privacy-04), From. Several values of a field are tried in order; one that cannot be read is skipped.

    in the INVITE                                             the caller is
    Privacy: id, user or header among the values (RFC 3323)   withheld in any case
    Remote-Party-ID with privacy other than off               withheld
    an address is anonymous, unavailable, restricted, ...     withheld, also when another address has a number
    the same with Privacy: none                               shown with the number of the other address
    Privacy: session, critical, history, or no such field     shown

A number is the digits of a telephone-subscriber without its parameters (RFC 3966; RFC 4694 `rn`, `npdi`; RFC 4904
`tgrp`; `isub`, `ext`, `cpc`), escapes and visual separators, in a `tel:` URI or as the user of a `sip:` one, with or
without `user=phone` (RFC 3261 section 19.1.6). `phone-context=+86` completes it; a context that is a domain does not.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from acdcore.numbering.plan import NumberingPlan
from acdcore.sip.syntax.headers import NameAddr, parse_name_addr, split_values
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.uri import MalformedValue, SipUri, Uri, unescaped

CHARS_MAX = 64
"""Longer numbers and names are cut: they go into every record."""
WITHHOLDING = frozenset({"id", "user", "header", "full", "uri", "name"})
"""Values of Privacy, and of Remote-Party-ID's `privacy`, that hide who calls (RFC 3323 4.2, RFC 3325 9.3)."""
NOT_NUMBERS = frozenset({"anonymous", "unavailable", "unknown", "restricted", "withheld", "private", "unavail"})
"""User parts that switches send in place of a number."""
HIDING_NAMES = frozenset({"anonymous", "restricted", "withheld", "private"})
"""Display names that withhold a number beside them; "unknown" only means that there is no name."""
ANONYMOUS_HOST = "anonymous.invalid"
"""RFC 3323 section 4.1.1.3."""
VISUAL_SEPARATORS = str.maketrans("", "", "() .-")
"""Characters of a number that only people read (RFC 3966 section 5.1.1), and blanks."""

# telephone-subscriber = global-number / local-number without its parameters (RFC 3966 section 3), with the blanks that
# some switches add and the digits of keypads; the parameters begin at the first ";".
_SUBSCRIBER = re.compile(r"\+?[0-9*#() .\-]*[0-9*#][0-9*#() .\-]*")


class DidFrom(StrEnum):
    """Where a trunk puts the dialled number."""

    REQUEST_URI = "request_uri"
    TO = "to"
    DIVERSION = "diversion"
    """The numbers that sent the call on (RFC 5806), the one called first before the others."""
    HISTORY_INFO = "history_info"
    """The same by RFC 7044."""


@dataclass(frozen=True, slots=True)
class CallerId:
    """The caller."""

    number: str
    """Canonical; as received when it has no canonical form; "" when withheld or not given."""
    is_withheld: bool = False
    """Whether the caller withholds the number."""
    trace: str = ""
    """The number of a caller who withholds it, in the same form; only for the operator's tracing of malicious calls."""

    @property
    def screened(self) -> str:
        """The number by which the call is screened, withheld or not: a blocked caller cannot pass by withholding it."""
        return self.trace or self.number


def caller_of(request: Request, plan: NumberingPlan) -> CallerId:
    """The caller of an INVITE from this trunk."""
    privacy = {word for value in request.headers.get_all("Privacy") for word in re.split(r"[;,\s]+", value.lower())}
    parties = [party for party in _addresses(request, "Remote-Party-ID") if _is_calling(party)]
    privacy |= {(party.param("privacy") or "off").lower() for party in parties}
    named = [*_addresses(request, "P-Asserted-Identity"), *parties, *_given(request)]
    is_hidden = bool(privacy & WITHHOLDING) or ("none" not in privacy and any(map(is_anonymous, named)))
    numbers = (number_of(address.uri, plan) for address in named if not _is_nobody(address.uri))
    number = next(filter(None, numbers), "")
    if is_hidden:
        return CallerId("", True, number)
    return CallerId(number)


def dialled_numbers(request: Request, rule: DidFrom, plan: NumberingPlan) -> tuple[str, ...]:
    """The dialled numbers in the order in which they are looked up in the routes; the Request-URI's is last."""
    uris: list[Uri] = []
    match rule:
        case DidFrom.TO:
            uris = [request.to.uri]
        case DidFrom.DIVERSION:
            uris = [address.uri for address in reversed(_addresses(request, "Diversion"))]
        case DidFrom.HISTORY_INFO:
            uris = [address.uri for address in sorted(_addresses(request, "History-Info"), key=_index)]
        case DidFrom.REQUEST_URI:
            pass
    numbers = [number_of(uri, plan) for uri in (*uris, request.uri)]
    return tuple(dict.fromkeys(filter(None, numbers))) or ("",)


def number_of(uri: Uri, plan: NumberingPlan) -> str:
    """The canonical number of a URI; the plain user part when it has no canonical form, "" without a user part."""
    plain = plain_user(uri)
    return (plan.canonical(plain) or plain)[:CHARS_MAX]


def plain_user(uri: Uri) -> str:
    """The user part as it was dialled, without escapes and without a number's parameters."""
    written = uri.user if isinstance(uri, SipUri) else uri.opaque if uri.scheme == "tel" else ""
    text = unescaped(written)
    user, _, params = text.partition(";")
    if not _SUBSCRIBER.fullmatch(user):
        return text if isinstance(uri, SipUri) else ""
    digits = user.translate(VISUAL_SEPARATORS)
    context = next((value for name, _, value in _params(params) if name == "phone-context"), "")
    if context.startswith("+") and not digits.startswith(("+", "*", "#")):
        return context.translate({ord(mark): None for mark in "-.()"}) + digits
    return digits


def is_anonymous(address: NameAddr) -> bool:
    """Whether an address means a withheld number, in one of the ways in which switches write it."""
    return _is_nobody(address.uri) or address.display.strip().lower() in HIDING_NAMES


def _is_nobody(uri: Uri) -> bool:
    host = uri.host.lower() if isinstance(uri, SipUri) else ""
    return plain_user(uri).strip().lower() in NOT_NUMBERS or host == ANONYMOUS_HOST


def _given(request: Request) -> list[NameAddr]:
    """The From; an anonymous address when it cannot be read."""
    try:
        return [request.from_]
    except MalformedValue:
        return []


def _addresses(request: Request, name: str) -> list[NameAddr]:
    """The values of a field that can be read, in order."""
    found = []
    for line in request.headers.get_all(name):
        try:
            values = split_values(line)
        except MalformedValue:
            continue
        for value in values:
            with suppress(MalformedValue):  # other values may be readable
                found.append(parse_name_addr(value))
    return found


def _is_calling(party: NameAddr) -> bool:
    return (party.param("party") or "calling").lower() == "calling"


def _index(entry: NameAddr) -> tuple[int, ...]:
    """The place of an entry in the history: 1, 1.1, 1.2 (RFC 7044 section 10.3); entries without one come last."""
    words = (entry.param("index") or "").split(".")
    return tuple(int(word) if word.isdigit() else 0 for word in words) if words[0].isdigit() else (1 << 30,)


def _params(text: str) -> Iterator[tuple[str, str, str]]:
    for item in text.split(";"):
        name, equals, value = item.partition("=")
        yield name.lower(), equals, value
