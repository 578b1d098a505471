"""Bodies as carriers with ISUP and phones with more to say send them: where the session description is in them."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.sip.session.bodies import DEPTH_MAX, PARTS_MAX, Unsupported, session_description
from acdcore.sip.syntax.charset import decoded
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.syntax.uri import SipUri

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ISUP = bytes(range(256)) + b"\r\n--\r\n\r\n--other\r\n"
"""A message of the telephone network is binary: it may have anything in it but the boundary."""
OPTIONAL = "Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional"
REQUIRED = "Content-Type: application/isup\r\nContent-Disposition: signal;handling=required"
SOUND = "Content-Type: application/sdp"


def request(body: bytes, *fields: tuple[str, str]) -> Request:
    return Request("INVITE", SipUri("sip", "95500", "192.0.2.9"), Headers(fields), body)


def mixed(*parts: tuple[str, bytes], boundary: str = "unique-1", kind: str = "mixed", line_end: str = "\r\n") -> bytes:
    mark = f"--{boundary}".encode()
    end = line_end.encode()
    body = b"".join(
        mark + end + head.replace("\r\n", line_end).encode() + end + end + data + end for head, data in parts
    )
    return body + mark + b"--" + end


def found_in(body: bytes, content_type: str = "multipart/mixed;boundary=unique-1") -> bytes | Unsupported:
    return session_description(request(body, ("Content-Type", content_type)))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (SDP, "application/sdp"),
        (SDP, "Application/SDP; charset=utf-8"),
        (mixed((SOUND, SDP), (OPTIONAL, ISUP)), "multipart/mixed;boundary=unique-1"),
        (mixed((OPTIONAL, ISUP), (SOUND, SDP)), 'Multipart/Mixed; charset=x ; Boundary = "unique-1"'),
        (mixed((SOUND, SDP), boundary="----=_Part_1.2/3?"), "multipart/mixed;boundary=----=_Part_1.2/3?"),
        (b"a preamble\r\n" + mixed((SOUND, SDP)) + b"an epilogue", "multipart/mixed;boundary=unique-1"),
        (mixed(("Content-Type: text/plain", b"hello"), (SOUND, SDP)), "multipart/mixed;boundary=unique-1"),
        (
            mixed((f"{SOUND}\r\nContent-Disposition: session;handling=required", SDP)),
            "multipart/mixed;boundary=unique-1",
        ),
        (
            mixed((f"{SOUND}\r\nContent-Transfer-Encoding: BASE64", b64encode(SDP))),
            "multipart/mixed;boundary=unique-1",
        ),
        (mixed((f"{SOUND}\r\nContent-Transfer-Encoding: binary", SDP)), "multipart/mixed;boundary=unique-1"),
        (
            mixed((f"{SOUND}\r\nContent-Transfer-Encoding: quoted-printable", SDP.replace(b"=", b"=3D"))),
            "multipart/mixed;boundary=unique-1",
        ),
        (mixed(("c: application/sdp", SDP)), "multipart/mixed;boundary=unique-1"),
        (mixed(("Content-Type:\r\n application/sdp", SDP)), "multipart/mixed;boundary=unique-1"),
        (mixed((SOUND, SDP), (SOUND, b"v=0 of another session")), "multipart/mixed;boundary=unique-1"),
        (
            mixed((f"{SOUND}\r\nContent-Disposition: early-session", b"v=0 early"), (SOUND, SDP)),
            "multipart/mixed;boundary=unique-1",
        ),
        (mixed((SOUND, b"v=0 plainer"), (SOUND, SDP)), "multipart/alternative;boundary=unique-1"),
        (mixed((SOUND, SDP))[: -len(b"\r\n--unique-1--\r\n")], "multipart/mixed;boundary=unique-1"),
        (
            mixed(
                ("Content-Type: multipart/alternative;boundary=b", mixed((SOUND, SDP), boundary="b")), (OPTIONAL, ISUP)
            ),
            "multipart/mixed;boundary=unique-1",
        ),
    ],
)
def test_session_description_is_found(body: bytes, content_type: str) -> None:
    assert found_in(body, content_type) == SDP
    response = Response(200, "OK", Headers([("Content-Type", content_type)]), body)
    assert session_description(response) == SDP


def test_bare_line_feeds_part_the_parts_as_well() -> None:
    assert (
        found_in(mixed((OPTIONAL, b"x"), (SOUND, b"v=0\nm=audio 1 RTP/AVP 8"), line_end="\n"))
        == b"v=0\nm=audio 1 RTP/AVP 8"
    )


def test_body_without_a_type_is_taken_for_what_an_invite_carries() -> None:
    assert session_description(request(SDP)) == SDP


@pytest.mark.parametrize(
    ("body", "content_type", "disposition"),
    [
        (b"", "application/sdp", ""),
        (mixed((OPTIONAL, ISUP)), "multipart/mixed;boundary=unique-1", ""),
        (mixed(("Content-Type: application/pidf+xml", b"<presence/>")), "multipart/mixed;boundary=unique-1", ""),
        (ISUP, "application/isup", "signal;handling=optional"),
        (SDP, "application/sdp", "early-session;handling=optional"),
        (mixed((f"{SOUND}\r\nContent-Transfer-Encoding: x-unknown", SDP)), "multipart/mixed;boundary=unique-1", ""),
    ],
)
def test_what_may_be_ignored_leaves_no_offer(body: bytes, content_type: str, disposition: str) -> None:
    fields = [("Content-Type", content_type), *([("Content-Disposition", disposition)] if disposition else [])]
    assert session_description(request(body, *fields)) == b""


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (mixed((SOUND, SDP), (REQUIRED, ISUP)), "multipart/mixed;boundary=unique-1"),
        (ISUP, "application/isup"),
        (b"hello", "text/plain"),
        (mixed((SOUND, SDP)), "multipart/mixed"),
        (mixed((SOUND, SDP)), "multipart/mixed;boundary=another"),
        (mixed((SOUND, SDP)), f"multipart/mixed;boundary={'x' * 71}"),
    ],
)
def test_what_must_be_understood_and_is_not_gets_415_with_what_would_be(body: bytes, content_type: str) -> None:
    assert found_in(body, content_type) == Unsupported((("Accept", "application/sdp, multipart/mixed"),))


def test_compressed_body_is_told_how_it_could_be_read() -> None:
    fields = (("Content-Type", "application/sdp"), ("Content-Encoding", "gzip"))
    assert session_description(request(b"\x1f\x8b", *fields)) == Unsupported((("Accept-Encoding", "identity"),))


def test_parts_and_their_depth_are_bounded() -> None:
    many = mixed(*[(OPTIONAL, b"x")] * PARTS_MAX, (SOUND, SDP))
    assert found_in(many) == b""
    deep, kind = SDP, SOUND
    for level in range(DEPTH_MAX + 1):
        deep, kind = mixed((kind, deep), boundary=f"b{level}"), f"Content-Type: multipart/mixed;boundary=b{level}"
    assert session_description(request(deep, ("Content-Type", kind.partition(": ")[2]))) == b""


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_beside_the_session_description_leave_it_alone(before: bytes, after: bytes, cut: int) -> None:
    noise = [each for each in (before, after) if b"--unique-1" not in each]
    parts = [(OPTIONAL, each) for each in noise]
    assert found_in(mixed(*parts[:1], (SOUND, SDP), *parts[1:])) == SDP
    damaged = mixed(*parts, (SOUND, SDP))
    found_in(damaged[:cut] + before + damaged[cut:])


def test_long_body_of_nearly_boundaries_is_read_in_time_that_grows_with_it() -> None:
    assert found_in(b"\r\n--unique-1 " * 5_000 + b"x") == b""
    assert found_in(b"\r\n" * 30_000) == Unsupported((("Accept", "application/sdp, multipart/mixed"),))


def test_boundary_in_any_charset_parts_the_parts() -> None:
    mark = "分界".encode("gbk")
    body = mixed((SOUND, SDP), boundary="@@").replace(b"@@", mark)
    assert found_in(body, f'multipart/mixed;boundary="{decoded(mark)}"') == SDP


@pytest.mark.parametrize("body", [b"Content-Length: 0\r\n\r\n", b"\r\n", b"hello"])
def test_body_without_a_type_that_is_no_description_counts_as_none(body: bytes) -> None:
    assert session_description(request(body)) == b""
    assert session_description(request(SDP)) == SDP
