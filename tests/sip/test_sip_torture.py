"""The torture messages of RFC 4475, one file each, with the verdict that the message layer gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from acdcore.kernel.ids import IdSource
from acdcore.sip.digest import DigestServer
from acdcore.sip.headers import CSeq, NameAddr
from acdcore.sip.message import Message, Request, Response
from acdcore.sip.parser import MalformedMessage, parse
from acdcore.sip.uri import MalformedValue, OtherUri, SipUri

MESSAGES = Path(__file__).parent / "torture"


@dataclass(frozen=True)
class Accepted:
    """Parsed; what the RFC says of it holds."""

    fact: Callable[[Message], bool]
    """True of the message when it was understood as the RFC explains it."""


@dataclass(frozen=True)
class Refused:
    """Malformed, and enough was read to answer with this status."""

    status: int


@dataclass(frozen=True)
class Discarded:
    """Malformed, and nothing can or may be answered."""


@dataclass(frozen=True)
class RefusedOnUse:
    """Parsed; one header is refused by whoever asks for it."""

    use: Callable[[Message], object]


Verdict: TypeAlias = Accepted | Refused | Discarded | RefusedOnUse


def request(message: Message) -> Request:
    assert isinstance(message, Request)
    return message


def sip(address: NameAddr) -> SipUri:
    return address.sip_uri


def nothing_authorised(message: Message) -> bool:
    server = DigestServer("example.com", b"secret", IdSource(1))
    return not server.is_addressed(message.headers.get_all("Authorization"))


def is_folded_invite_understood(m: Message) -> bool:
    return (
        m.cseq == CSeq(9, "INVITE")
        and m.max_forwards == 68
        and (m.from_.display, m.from_.tag, m.to.tag) == ('A Caller \\"', "98asjd8", "1918181833n")
        and [via.branch for via in m.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
        and (m.contacts[0].display, m.contacts[0].param("q")) == ('Quoted string ""', "0.33")
        and sip(m.route[0]).param("unknownwith") == "value"
        and m.headers.get("Subject") == ""
        and m.headers.get("newfangledheader") == "newfangled value continued newfangled value"
        and len(m.body) > 0
    )


# RFC 4475 section, file, verdict. Where the RFC leaves a choice between leniency and refusal, we refuse.
TABLE: tuple[tuple[str, str, Verdict], ...] = (
    ("3.1.1.1", "invite_with_folds_and_blanks", Accepted(is_folded_invite_understood)),
    (
        "3.1.1.2",
        "unusual_characters_everywhere",
        Accepted(lambda m: request(m).method.startswith("!inter") and m.to.display == "BEL: NUL: DEL:"),
    ),
    (
        "3.1.1.3",
        "escapes_that_hide_separators",
        Accepted(lambda m: sip(m.contacts[0]).username == "caller" and m.from_.uri.username == "I have spaces"),
    ),
    ("3.1.1.4", "escaped_nul_in_users", Accepted(lambda m: m.to.uri.username == "null-%00-null")),
    (
        "3.1.1.5",
        "percent_that_is_no_escape",
        Accepted(lambda m: request(m).method == "RE%47IST%45R" and len(m.contacts) == 2 and m.to.display == "%Z%45"),
    ),
    ("3.1.1.6", "no_blank_before_angle_bracket", Accepted(lambda m: m.from_.display == "caller")),
    ("3.1.1.7", "long_values", Accepted(lambda m: len(m.vias) == 33 and len(m.to.display) == 112)),
    (
        "3.1.1.8",
        "second_request_behind_the_first",
        Accepted(lambda m: request(m).method == "REGISTER" and m.body == b""),
    ),
    ("3.1.1.9", "semicolons_in_the_user", Accepted(lambda m: request(m).uri.username == "user;par=u@example.net")),
    (
        "3.1.1.10",
        "unknown_transports_in_vias",
        Accepted(lambda m: [via.transport for via in m.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]),
    ),
    ("3.1.1.11", "multipart_with_binary_part", Accepted(lambda m: bytes(range(256)) in m.body)),
    ("3.1.1.12", "reply_with_unusual_reason", Accepted(lambda m: isinstance(m, Response) and "девять" in m.reason)),
    ("3.1.1.13", "reply_with_empty_reason", Accepted(lambda m: isinstance(m, Response) and m.reason == "")),
    ("3.1.2.1", "separators_without_values", Discarded()),
    ("3.1.2.2", "content_length_above_body", Refused(400)),
    ("3.1.2.3", "content_length_negative", Refused(400)),
    ("3.1.2.4", "request_numbers_too_great", Refused(400)),
    ("3.1.2.5", "reply_numbers_too_great", Discarded()),
    ("3.1.2.6", "display_name_without_closing_quote", Refused(400)),
    ("3.1.2.7", "request_uri_in_angle_brackets", Refused(400)),
    ("3.1.2.8", "request_uri_with_blank", Refused(400)),
    ("3.1.2.9", "request_line_with_two_blanks", Refused(400)),
    ("3.1.2.10", "request_line_with_blanks_at_end", Refused(400)),
    ("3.1.2.11", "request_uri_with_headers", Refused(400)),
    ("3.1.2.12", "date_with_wrong_time_zone", Accepted(lambda m: "EST" in (m.headers.get("Date") or ""))),
    ("3.1.2.13", "contact_without_angle_brackets", RefusedOnUse(lambda m: m.contacts)),
    ("3.1.2.14", "blanks_within_angle_brackets", Accepted(lambda m: m.to.display == "User, Some")),
    ("3.1.2.15", "display_name_with_bare_comma", Accepted(lambda m: m.from_.display == "User, Other")),
    ("3.1.2.16", "version_seven", Refused(505)),
    ("3.1.2.17", "cseq_of_another_method", Refused(400)),
    ("3.1.2.18", "cseq_of_another_unknown_method", Refused(400)),
    ("3.1.2.19", "status_code_too_great", Discarded()),
    ("3.2.1", "branch_of_the_cookie_only", Accepted(lambda m: m.via.branch == "z9hG4bK")),
    ("3.3.1", "from_to_and_call_id_missing", Refused(400)),
    (
        "3.3.2",
        "request_uri_of_unknown_scheme",
        Accepted(lambda m: request(m).uri == OtherUri("nobodyknowsthisscheme", "totallyopaquecontent")),
    ),
    (
        "3.3.3",
        "request_uri_of_unlikely_scheme",
        Accepted(lambda m: request(m).uri == OtherUri("soap.beep", "//192.0.2.103:3002")),
    ),
    (
        "3.3.4",
        "unknown_schemes_in_addresses",
        Accepted(lambda m: [str(a.uri) for a in (m.to, m.contacts[0])] == ["isbn:2983792873", "name:John_Smith"]),
    ),
    (
        "3.3.5",
        "unknown_extensions_required",
        Accepted(lambda m: m.tokens("Require") == ("nothingsupportsthis", "nothingsupportsthiseither")),
    ),
    ("3.3.6", "unknown_content_type", Accepted(lambda m: m.content_type == "application/unknownformat")),
    ("3.3.7", "unknown_authorization_scheme", Accepted(nothing_authorised)),
    ("3.3.8", "required_headers_twice", Refused(400)),
    ("3.3.9", "content_length_twice", Refused(400)),
    ("3.3.10", "reply_with_broadcast_via", Accepted(lambda m: m.vias[1].host == "255.255.255.255")),
    ("3.3.11", "max_forwards_zero", Accepted(lambda m: m.max_forwards == 0)),
    (
        "3.3.12",
        "contact_with_unknown_parameter",
        Accepted(lambda m: (m.contacts[0].param("unknownparam"), sip(m.contacts[0]).params) == ("", ())),
    ),
    (
        "3.3.13",
        "contact_uri_with_unknown_parameter",
        Accepted(lambda m: (sip(m.contacts[0]).param("unknownparam"), m.contacts[0].params) == ("", ())),
    ),
    (
        "3.3.14",
        "contact_uri_with_escaped_header",
        Accepted(lambda m: sip(m.contacts[0]).headers == (("Route", "%3Csip:sip.example.com%3E"),)),
    ),
    ("3.3.15", "reply_format_not_acceptable", Accepted(lambda m: m.headers.get("Accept") == "text/nobodyKnowsThis")),
    ("3.4.1", "rfc2543_invite", Accepted(lambda m: m.via.branch is None and m.from_.tag is None and len(m.body) > 0)),
)


@pytest.mark.parametrize(("section", "name", "verdict"), TABLE, ids=[name for _, name, _ in TABLE])
def test_torture_message_gets_its_verdict(section: str, name: str, verdict: Verdict) -> None:
    data = (MESSAGES / f"{name}.sip").read_bytes()
    match verdict:
        case Accepted(fact):
            message = parse(data)
            assert fact(message), section
            assert parse(message.serialise()) == message
        case Refused(status):
            with pytest.raises(MalformedMessage) as caught:
                parse(data)
            assert caught.value.status == status
            assert caught.value.partial is not None
            reply = caught.value.partial.response(status, to_tag="a1")
            assert reply.serialise().startswith(b"SIP/2.0 %d " % status)
        case Discarded():
            with pytest.raises(MalformedMessage) as caught:
                parse(data)
            assert caught.value.partial is None
        case RefusedOnUse(use):
            message = parse(data)
            with pytest.raises(MalformedValue):
                use(message)


def test_every_torture_file_has_a_row_and_every_row_a_file() -> None:
    assert sorted(path.stem for path in MESSAGES.glob("*.sip")) == sorted(name for _, name, _ in TABLE)
