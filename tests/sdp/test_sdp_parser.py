"""Bodies as phones write them, and bodies that nobody should write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.sdp.model import Encoding, MediaDirection, SdpError, SessionDescription
from acdcore.sdp.parser import BODY_BYTES_MAX, ENCODINGS_MAX, FORMATS_MAX, LINES_MAX, MEDIA_MAX, parse

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
    assert (
        session.direction_of(sound) is MediaDirection.SENDONLY
        and session.direction_of(picture) is MediaDirection.INACTIVE
    )
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


@pytest.mark.parametrize("nothing", [b"", b"\r\n", b"hello", b"v=1\r\n" + HEAD[5:].encode(), b"\x00", b"m audio\n"])
def test_body_that_is_no_session_description_is_the_peers_error(nothing: bytes) -> None:
    with pytest.raises(SdpError) as caught:
        parse(nothing)
    assert caught.value.sip_status == 400


SOUND = parse(audio()).media[0]


@pytest.mark.parametrize(
    "raw",
    [
        audio().replace(b"v=0\r\n", b""),
        audio().replace(b"v=0", b"v=00"),
        audio().replace(b"o=- 1 1 IN IP4 192.0.2.1\r\n", b""),
        audio().replace(b"o=- 1 1", b"o=John Smith 1 1"),
        audio().replace(b"o=- 1 1", b"o=- 0x1f x"),
        audio().replace(b"o=- 1 1", b"o=- " + b"9" * 30 + b" " + b"8" * 30),
        audio().replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o="),
        audio().replace(b"s=-\r\n", b""),
        audio().replace(b"t=0 0\r\n", b""),
        audio().replace(b"t=0 0", b"t=0"),
        audio().replace(b"t=0 0", b"t=now later"),
        audio().replace(b"s=-", b"s=-\r\nno line at all\r\n= =\r\n"),
        audio().replace(b"\r\n", b"\n"),
        audio().replace(b"\r\n", b"\r"),
        audio().replace(b"\r\n", b"\r\r\n"),
        audio() + b"\x00",
        audio()[:-2] + b"\x00",
        b"\xef\xbb\xbf" + audio(),
        b"\r\n" + audio(),
        audio().replace(b" ", b"\t"),
        audio().replace(b"m=audio 4000 RTP/AVP 0", b"M = AUDIO  4000  RTP/AVP  0 "),
        audio().replace(b"c=IN IP4", b"c=in ip4"),
        audio().replace(b"c=IN IP4", b"c=IN IP6"),
        audio().replace(b"c=IN IP4 ", b"c="),
        audio().replace(b"4000", b"4000/2"),
        audio("a=rtpmap:128 PCMU/8000", "a=rtpmap:0", "a=rtpmap:x PCMU/8000", "a=rtpmap:", "a=rtpmap"),
        audio("a=ptime:soon", "a=maxptime:", "a=fmtp:", "a=fmtp:0 =;=", "a", "a="),
        audio("i=\xb5\xe7\xbb\xb0", "b=nonsense", "k=", "X=what"),
    ],
)
def test_what_audio_does_not_need_is_not_looked_at(raw: bytes) -> None:
    session = parse(raw)
    sound = session.media[0]
    assert (sound.kind, sound.port, sound.formats, sound.problem) == (SOUND.kind, 4000, ("0",), "")
    assert session.host_of(sound) == "192.0.2.1"
    assert session.timing == "0 0"


@pytest.mark.parametrize(
    ("argument", "encoding"),
    [
        ("96 PCMA/8000", Encoding(96, "PCMA", 8000, 1)),
        ("96\tPCMA/8000", Encoding(96, "PCMA", 8000, 1)),
        ("96 PCMA", Encoding(96, "PCMA", 8000, 1)),
        ("96 PCMA/", Encoding(96, "PCMA", 8000, 1)),
        ("96 PCMA/8000 and more", Encoding(96, "PCMA", 8000, 1)),
        ("96 PCMA/8000;x=y", Encoding(96, "PCMA", 8000, 1)),
        ("96 PCMA / 8000 / 2 x", Encoding(96, "PCMA", 8000, 2)),
        ("96 opus/48000/2/3", Encoding(96, "opus", 48000, 2)),
        ("31 LPC", Encoding(31, "LPC", 8000, 1)),
    ],
)
def test_encoding_is_read_as_far_as_it_goes(argument: str, encoding: Encoding) -> None:
    assert parse(audio(f"a=rtpmap:{argument}")).media[0].encodings == (encoding,)


@pytest.mark.parametrize(
    ("line", "kind", "transport", "formats"),
    [
        ("m=audio", "audio", "RTP/AVP", ("0",)),
        ("m=", "application", "RTP/AVP", ("0",)),
        ("m=audio 4000 RTP/AVP", "audio", "RTP/AVP", ("0",)),
        ("m=audio x RTP/AVP 0", "audio", "RTP/AVP", ("0",)),
        ("m=audio -1 RTP/AVP 0", "audio", "RTP/AVP", ("0",)),
        ("m=audio 65536 RTP/AVP 0", "audio", "RTP/AVP", ("0",)),
        ("m=aud\x07io 4000 RTP/AVP 0", "audio", "RTP/AVP", ("0",)),
        ("m=audio 4000 RTP//AVP 0", "audio", "RTP/AVP", ("0",)),
        ("m=audio 4000 RTP/AVP 0\xb2", "audio", "RTP/AVP", ("0",)),
        ("m=audio " + "9" * 5_000 + " RTP/AVP 0", "audio", "RTP/AVP", ("0",)),
    ],
)
def test_line_that_cannot_be_used_is_kept_in_words_fit_for_an_answer(
    line: str, kind: str, transport: str, formats: tuple[str, ...]
) -> None:
    (media,) = parse(body(line)).media
    assert (media.kind, media.port, media.transport, media.formats) == (kind, 0, transport, formats)
    assert media.problem.isprintable() and len(media.problem) < 100


def test_refused_line_without_formats_is_no_fault() -> None:
    (media,) = parse(body("m=video 0")).media
    assert (media.kind, media.port, media.formats, media.problem) == ("video", 0, ("0",), "")


@pytest.mark.parametrize("name", ["IN IP4 pbx.example.com", "IN IP4 192.0.2.256", "IN IP5", "", "IN IP6 fe80::1%eth0"])
def test_connection_without_an_address_is_told_from_none_at_all(name: str) -> None:
    assert parse(body(f"c={name}")).host == ""
    assert parse(body("s=-")).host is None


@pytest.mark.parametrize(
    "oversized",
    [
        audio("a=x:" + "y" * BODY_BYTES_MAX),
        audio(*["a=x"] * LINES_MAX),
        body(*["m=audio 4000 RTP/AVP 0"] * (MEDIA_MAX + 1)),
    ],
)
def test_each_limit_refuses_what_exceeds_it(oversized: bytes) -> None:
    with pytest.raises(SdpError):
        parse(oversized)


def test_no_more_formats_and_encodings_are_looked_at_than_there_are() -> None:
    lines = ["a=rtpmap:96 x/8000"] * (ENCODINGS_MAX + 1)
    (media,) = parse(body("m=audio 4000 RTP/AVP " + " ".join(["0"] * (FORMATS_MAX + 1)), *lines)).media
    assert (len(media.formats), len(media.encodings), media.problem) == (FORMATS_MAX, ENCODINGS_MAX, "")


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
