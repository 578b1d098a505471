"""Bodies as phones write them, and bodies that nobody should write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.sdp.model import Direction, SdpError, SessionDescription
from acdcore.sdp.parser import BODY_BYTES_MAX, FORMATS_MAX, LINES_MAX, MEDIA_MAX, parse

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"


def body(*lines: str) -> bytes:
    return (HEAD + "".join(f"{line}\r\n" for line in lines)).encode()


def audio(*lines: str) -> bytes:
    return body("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 0", *lines)


def test_reads_every_line_that_a_call_depends_on() -> None:
    session = parse(
        body(
            "c=IN IP4 192.0.2.1",
            "t=0 0",
            "a=sendonly",
            "m=audio 4000 RTP/AVP 0 96",
            "a=rtpmap:96 telephone-event/8000",
            "a=ptime:30",
            "a=maxptime:60",
            "m=video 4002 RTP/AVP 31",
            "c=IN IP6 2001:db8::1",
            "a=inactive",
        )
    )
    sound, picture = session.media
    assert (session.origin.session_id, session.origin.version, session.timing) == ("1", 1, "0 0")
    assert (sound.kind, sound.port, sound.transport, sound.formats) == ("audio", 4000, "RTP/AVP", ("0", "96"))
    assert (sound.ptime_ms, sound.maxptime_ms) == (30, 60)
    assert session.host_of(sound) == "192.0.2.1" and session.host_of(picture) == "2001:db8::1"
    assert session.direction_of(sound) is Direction.SENDONLY and session.direction_of(picture) is Direction.INACTIVE
    telephone_event = sound.encoding(96)
    assert telephone_event is not None and telephone_event.name == "telephone-event"


def test_bare_line_feeds_missing_subject_and_unknown_lines_are_tolerated() -> None:
    session = parse(b"v=0\no=- 1 1 IN IP4 192.0.2.1\nX=what\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=foo:bar\n\n")
    assert session.media[0].port == 4000
    assert session.timing == "0 0"


def test_free_text_in_any_charset_is_tolerated() -> None:
    raw = audio().replace(b"s=-", b"s=\xb5\xe7\xbb\xb0 \xff")
    assert parse(raw).media[0].port == 4000


def test_ports_of_layered_streams_and_fractional_packet_times_are_read() -> None:
    session = parse(body("c=IN IP4 192.0.2.1", "m=audio 4000/2 RTP/AVP 0", "a=ptime:20.0", "a=maxptime:soon"))
    assert (session.media[0].port, session.media[0].ptime_ms, session.media[0].maxptime_ms) == (4000, 20, None)


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\r\n",
        b"hello",
        b"v=1\r\n" + HEAD[5:].encode(),
        b"v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\no=- x 1 IN IP4 192.0.2.1\r\n",
        b"v=0\r\no=- 1 1 IN IP4\r\n",
        body("m audio"),
        body("t=now later"),
        body("m=audio"),
        body("m=audio 4000 RTP/AVP"),
        body("m=audio x RTP/AVP 0"),
        body("m=audio -1 RTP/AVP 0"),
        body("m=audio 65536 RTP/AVP 0"),
        body("m=aud\x07io 4000 RTP/AVP 0"),
        body("m=audio 4000 RTP//AVP 0"),
        body("m=audio 4000 RTP/AVP 0\xb2"),
        body("m=audio " + "9" * 5_000 + " RTP/AVP 0"),
        body("c=IN IP4 pbx.example.com"),
        body("c=IN IP4 192.0.2.256"),
        body("c=IN IP4 2001:db8::1"),
        body("c=IN IP5 192.0.2.1"),
        body("c=192.0.2.1"),
        audio("a=rtpmap:128 PCMU/8000"),
        audio("a=rtpmap:0"),
        audio("a=rtpmap:0 PCMU"),
        audio("a=rtpmap:0 PCMU/8000/1/1"),
        audio("a=rtpmap:x PCMU/8000"),
    ],
)
def test_malformed_body_is_the_peers_error(malformed: bytes) -> None:
    with pytest.raises(SdpError) as caught:
        parse(malformed)
    assert caught.value.sip_status == 400


@pytest.mark.parametrize(
    "oversized",
    [
        audio("a=x:" + "y" * BODY_BYTES_MAX),
        audio(*["a=x"] * LINES_MAX),
        body(*["m=audio 4000 RTP/AVP 0"] * (MEDIA_MAX + 1)),
        body("m=audio 4000 RTP/AVP " + " ".join(["0"] * (FORMATS_MAX + 1))),
        audio(*["a=rtpmap:96 x/8000"] * 129),
    ],
)
def test_each_limit_refuses_what_exceeds_it(oversized: bytes) -> None:
    with pytest.raises(SdpError):
        parse(oversized)


@given(st.binary(max_size=400))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    for text in (noise, b"v=0\r\n" + noise, audio() + noise):
        try:
            assert isinstance(parse(text), SessionDescription)
        except SdpError as error:
            assert 400 <= error.sip_status < 500


LINE = st.sampled_from("mcatovx").flatmap(
    lambda kind: st.lists(
        st.sampled_from(
            [
                "audio",
                "0",
                "8",
                "96",
                "RTP/AVP",
                "IN",
                "IP4",
                "IP6",
                "192.0.2.1",
                "::",
                "rtpmap:96",
                "PCMU/8000",
                "/",
                "-",
            ]
        ),
        max_size=7,
    ).map(lambda words: f"{kind}={' '.join(words)}")
)


@given(st.lists(LINE, max_size=12))
def test_lines_of_plausible_words_are_read_or_refused(lines: list[str]) -> None:
    try:
        session = parse(body(*lines))
    except SdpError:
        return
    assert all(0 <= media.port <= 65_535 and media.formats for media in session.media)


def test_address_with_the_interface_of_another_machine_is_refused() -> None:
    with pytest.raises(SdpError, match="scoped"):
        parse(body("c=IN IP6 fe80::1%eth0", "m=audio 4000 RTP/AVP 0"))
