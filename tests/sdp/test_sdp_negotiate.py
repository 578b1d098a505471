"""Offers as real phones make them, and what we agree on with each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.kernel.address import Address
from acdcore.sdp.model import Codec, LocalMedia, MediaDirection, NotAcceptable, Preference, SdpError, WarningCode
from acdcore.sdp.negotiate import PTIME_MS, accept_answer, answer_offer, offer
from acdcore.sdp.parser import parse

LOCAL = LocalMedia(Address("198.51.100.7", 20_000), (Codec.PCMU, Codec.PCMA), session_id=77)

BARESIP = b"""v=0
o=- 1763757000 2075478920 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
a=tool:baresip 1.0.0
m=audio 10462 RTP/AVP 96 0 8 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:10463
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:2075478920 cname:sip:1001@192.0.2.10
a=ptime:20
"""
PJSUA = b"""v=0
o=- 3972745800 3972745800 IN IP4 192.0.2.11
s=pjmedia
b=AS:117
t=0 0
a=X-nat:0
m=audio 4000 RTP/AVP 96 97 98 99 3 0 8 9 120 121 122
c=IN IP4 192.0.2.11
b=TIAS:96000
a=rtcp:4001 IN IP4 192.0.2.11
a=sendrecv
a=rtpmap:96 speex/16000
a=rtpmap:97 speex/8000
a=rtpmap:98 speex/32000
a=rtpmap:99 iLBC/8000
a=fmtp:99 mode=30
a=rtpmap:3 GSM/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:120 telephone-event/16000
a=fmtp:120 0-16
a=rtpmap:121 telephone-event/8000
a=fmtp:121 0-16
a=rtpmap:122 telephone-event/32000
a=fmtp:122 0-16
"""
SIPP = b"""v=0
o=user1 53655765 2353687637 IN IP4 192.0.2.12
s=-
c=IN IP4 192.0.2.12
t=0 0
m=audio 6000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
"""
VIDEO_PHONE = b"""v=0
o=1002 2861 1370 IN IP4 192.0.2.13
s=Talk
c=IN IP4 192.0.2.13
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=rtpmap:98 speex/8000
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/8000
a=rtcp-fb:* trr-int 5000
m=video 9078 RTP/AVPF 96 97
a=rtpmap:96 VP8/90000
a=rtpmap:97 H264/90000
"""
STATIC_TYPES_ONLY = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18 8 0\r\n"
)


def sdp(*lines: str, version: int = 1) -> bytes:
    return "\r\n".join((f"v=0\r\no=- 5 {version} IN IP4 192.0.2.1\r\ns=-", *lines, "")).encode()


def offered(*lines: str, connection: str = "IN IP4 192.0.2.1") -> bytes:
    return sdp(f"c={connection}", "t=0 0", "m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", *lines)


@pytest.mark.parametrize(
    ("phone", "remote", "codec", "payload_type", "dtmf"),
    [
        (BARESIP, Address("192.0.2.10", 10_462), Codec.PCMU, 0, 101),
        (PJSUA, Address("192.0.2.11", 4_000), Codec.PCMU, 0, 121),
        (SIPP, Address("192.0.2.12", 6_000), Codec.PCMA, 8, None),
        (VIDEO_PHONE, Address("192.0.2.13", 7_078), Codec.PCMU, 0, 99),
        (STATIC_TYPES_ONLY, Address("192.0.2.1", 4_000), Codec.PCMA, 8, None),
    ],
    ids=["baresip", "pjsua", "sipp", "video phone", "static types only"],
)
def test_phones_offer_is_answered_in_its_own_numbers(
    phone: bytes, remote: Address, codec: Codec, payload_type: int, dtmf: int | None
) -> None:
    agreed = answer_offer(phone, LOCAL)
    assert (agreed.remote, agreed.codec, agreed.payload_type) == (remote, codec, payload_type)
    assert agreed.dtmf_payload_type == dtmf
    assert agreed.dtmf_payload_types_in == (() if dtmf is None else (dtmf,))
    assert agreed.sends and agreed.receives and agreed.ptime_ms == 20
    ours = parse(agreed.body)
    formats = (str(payload_type),) if dtmf is None else (str(payload_type), str(dtmf))
    assert ours.media[0].formats == formats
    assert ours.media[0].port == 20_000 and ours.host_of(ours.media[0]) == "198.51.100.7"


@given(
    codecs=st.permutations(list(Codec)),
    theirs=st.lists(st.sampled_from(Codec), min_size=1, max_size=2, unique=True),
    want=st.sampled_from(MediaDirection),
    take=st.sampled_from(MediaDirection),
    hosts=st.sampled_from([("192.0.2.9", "198.51.100.7"), ("2001:db8::9", "2001:db8::7")]),
)
def test_both_sides_agree_on_one_stream(
    codecs: list[Codec], theirs: list[Codec], want: MediaDirection, take: MediaDirection, hosts: tuple[str, str]
) -> None:
    caller = LocalMedia(Address(hosts[0], 30_000), tuple(codecs), session_id=1, direction=want)
    callee = LocalMedia(Address(hosts[1], 20_000), tuple(theirs), session_id=2, direction=take)
    ours = offer(caller)
    answered = answer_offer(ours, callee)
    accepted = accept_answer(answered.body, ours)
    assert accepted.codec is answered.codec and accepted.payload_type == answered.payload_type
    assert accepted.dtmf_payload_type == answered.dtmf_payload_type == 101
    assert accepted.remote == callee.address and answered.remote == caller.address
    assert accepted.sends == answered.receives == (want.sends and take.receives)
    assert accepted.receives == answered.sends == (want.receives and take.sends)


def test_offerers_order_decides_unless_ours_is_preferred() -> None:
    both = sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 8 0")
    ours = LocalMedia(LOCAL.address, (Codec.PCMU, Codec.PCMA), session_id=1, preference=Preference.LOCAL)
    assert answer_offer(both, LOCAL).codec is Codec.PCMA
    assert answer_offer(both, ours).codec is Codec.PCMU


def test_dynamic_number_for_a_codec_of_ours_is_taken() -> None:
    agreed = answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcmu/8000"), LOCAL)
    assert (agreed.codec, agreed.payload_type) == (Codec.PCMU, 97)
    assert b"m=audio 20000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000\r\n" in agreed.body


def test_static_numbers_keep_their_meaning_whatever_is_mapped_to_them() -> None:
    lines = ("m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 PCMA/8000", "a=rtpmap:8 telephone-event/8000")
    agreed = answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), LOCAL)
    assert (agreed.codec, agreed.payload_type, agreed.dtmf_payload_type) == (Codec.PCMU, 0, None)


def test_lines_that_are_refused_keep_their_place_with_port_0() -> None:
    lines = (
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 3998 RTP/SAVP 0",
        "m=video 4002 RTP/AVP 31 34",
        "m=audio 4000 RTP/AVP 0",
        "m=audio 4004 RTP/AVP 0",
        "m=image 4006 udptl t38",
    )
    ours = parse(answer_offer(sdp(*lines), LOCAL).body)
    assert [(media.kind, media.port, media.transport) for media in ours.media] == [
        ("audio", 0, "RTP/SAVP"),
        ("video", 0, "RTP/AVP"),
        ("audio", 20_000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("image", 0, "udptl"),
    ]
    assert ours.media[1].formats == ("31", "34")


@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 4000 RTP/AVP 18 9", "a=rtpmap:18 G729/8000"),
        ("m=audio 4000 RTP/SAVP 0",),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0",),
        ("m=audio 0 RTP/AVP 0",),
        ("m=video 4000 RTP/AVP 0",),
        ("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMU/16000"),
        ("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMU/8000/2"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"),
        (),
    ],
    ids=["codecs", "srtp", "dtls", "port 0", "video", "wide band", "stereo", "multicast", "nothing"],
)
def test_offer_without_a_stream_for_us_is_not_acceptable(lines: tuple[str, ...]) -> None:
    with pytest.raises(NotAcceptable) as caught:
        answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), LOCAL)
    assert caught.value.sip_status == 488


@pytest.mark.parametrize("connection", [(), ("c=IN IP4 gateway.example.com",), ("c=IN IP4 192.0.2.256",), ("c=",)])
def test_address_that_cannot_be_read_is_left_to_the_signalling(connection: tuple[str, ...]) -> None:
    theirs = sdp("t=0 0", "m=audio 4000 RTP/AVP 0", *connection)
    assert answer_offer(theirs, LOCAL).remote == accept_answer(theirs, offer(LOCAL)).remote == Address("", 4_000)


def test_second_stream_serves_where_the_first_cannot_be_reached() -> None:
    lines = ("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1", "m=audio 4002 RTP/AVP 0", "c=IN IP4 192.0.2.1")
    agreed = answer_offer(sdp("t=0 0", *lines), LOCAL)
    assert agreed.remote == Address("192.0.2.1", 4_002)
    assert [media.port for media in parse(agreed.body).media] == [0, 20_000]


def test_mapped_address_is_the_one_it_maps() -> None:
    assert answer_offer(offered(connection="IN IP6 ::ffff:192.0.2.9"), LOCAL).remote == Address("192.0.2.9", 4_000)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("m=audio 4000 RTP/AVP 18",), WarningCode.MEDIA_FORMAT),
        (("m=audio 4000 RTP/SAVP 0",), WarningCode.TRANSPORT),
        (("m=video 4000 RTP/AVP 31",), WarningCode.MEDIA_TYPE),
        (("m=audio 0 RTP/AVP 0",), WarningCode.MEDIA_TYPE),
        ((), WarningCode.MEDIA_TYPE),
        (("m=audio 70000 RTP/AVP 0",), WarningCode.PARAMETER),
        (("m=audio 4000",), WarningCode.PARAMETER),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1"), WarningCode.MULTICAST),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255"), WarningCode.ADDRESS_FORMAT),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"), WarningCode.ADDRESS_FORMAT),
    ],
)
def test_refusal_says_by_its_code_what_is_missing(lines: tuple[str, ...], code: WarningCode) -> None:
    theirs = sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines)
    with pytest.raises(NotAcceptable) as refused:
        answer_offer(theirs, LOCAL)
    with pytest.raises(NotAcceptable) as torn_down:
        accept_answer(theirs, offer(LOCAL))
    assert refused.value.code is torn_down.value.code is code


def test_answer_whose_audio_has_slipped_to_another_place_is_taken() -> None:
    before = answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=video 1 RTP/AVP 31", "m=audio 4000 RTP/AVP 0"), LOCAL)
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5000 RTP/AVP 0"), offer(LOCAL, before.body))
    assert agreed.remote == Address("192.0.2.1", 5_000)


def test_numbers_of_an_answer_mean_what_they_meant_in_the_offer() -> None:
    first = answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMU/8000"), LOCAL)
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5000 RTP/AVP 97 101"), offer(LOCAL, first.body))
    assert (agreed.codec, agreed.payload_type, agreed.dtmf_payload_type) == (Codec.PCMU, 97, 101)


def test_number_that_an_answer_maps_to_something_else_takes_no_keys() -> None:
    lines = ("m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 opus/48000/2")
    assert accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), offer(LOCAL)).dtmf_payload_type is None


WORDS = st.sampled_from(
    [
        "audio",
        "video",
        "0",
        "8",
        "31",
        "96",
        "101",
        "RTP/AVP",
        "RTP/SAVP",
        "IN",
        "IP4",
        "IP6",
        "192.0.2.99",
        "::",
        "a:b",
        "rtpmap:31 LPC",
        "rtpmap:96 AMR",
        "rtpmap:999",
        "fmtp:",
        "ptime:x",
        "/",
        "-",
        "\x00",
        "\xb5\xe7",
        "\t",
        "0x1f",
        "",
    ]
)
RUBBISH = st.lists(WORDS, max_size=6).map(" ".join)
UNUSED_LINES = st.lists(
    st.tuples(
        st.sampled_from(["a=", "b=", "c=", "i=", "k=", "X=", "", "a=rtpmap:", "a=fmtp:", "a=ptime:"]), RUBBISH
    ).map("".join),
    max_size=5,
)
UNUSED_MEDIA = st.lists(
    st.tuples(
        st.sampled_from(["m=video ", "m=image ", "m=text ", "m=", "m=audio 0 ", "m=audio x "]), RUBBISH, UNUSED_LINES
    ).map(lambda drawn: (drawn[0] + drawn[1], *drawn[2])),
    max_size=3,
)


@given(
    head=st.lists(
        st.tuples(st.sampled_from(["o=", "s=", "t=", "u=", "z=", "b=", "a=rtpmap:", ""]), RUBBISH).map("".join),
        max_size=6,
    ),
    before=UNUSED_MEDIA,
    after=UNUSED_MEDIA,
    aside=st.lists(
        st.tuples(st.sampled_from(["a=fmtp:", "a=rtcp:", "a=x", "i=", "b=", "?"]), RUBBISH).map("".join), max_size=4
    ),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_rubbish_in_lines_that_audio_does_not_need_changes_nothing(
    head: list[str],
    before: list[tuple[str, ...]],
    after: list[tuple[str, ...]],
    aside: list[str],
    line_end: str,
) -> None:
    """What is drawn may well be a stream of its own, hence the one meant has the only port that counts."""
    sound = (
        "m=audio 4000 RTP/AVP 8 101",
        "c=IN IP4 192.0.2.1",
        "a=rtpmap:101 telephone-event/8000",
        "a=ptime:20",
        *aside,
    )
    media = [*before, sound, *after]
    lines = ["v=0", *head, *(line for each in media for line in each)]
    body = line_end.join(lines).encode("latin-1")
    ours = offer(LOCAL)
    for agreed in (answer_offer(body, LOCAL), accept_answer(body, ours)):
        if any(is_a_stream(each[0]) for each in before):
            continue
        assert (agreed.remote, agreed.codec) == (Address("192.0.2.1", 4_000), Codec.PCMA)
        assert (agreed.payload_type, agreed.dtmf_payload_type, agreed.ptime_ms) == (8, 101, 20)
    written = parse(answer_offer(body, LOCAL).body)
    assert len(written.media) == len(media)
    assert all(not each.problem and each.formats for each in written.media)


def is_a_stream(line: str) -> bool:
    """Whether a drawn line is good for audio by chance."""
    (media,) = parse(line.encode("latin-1")).media
    return media.kind == "audio" and media.port != 0


@pytest.mark.parametrize(
    ("theirs", "ours", "sends", "receives"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", False, True),
        ("recvonly", "sendonly", True, False),
        ("inactive", "inactive", False, False),
    ],
)
def test_hold_is_answered_by_its_counterpart(theirs: str, ours: str, sends: bool, receives: bool) -> None:
    agreed = answer_offer(offered(f"a={theirs}"), LOCAL)
    assert (agreed.sends, agreed.receives) == (sends, receives)
    assert f"a={ours}\r\n".encode() in agreed.body


@pytest.mark.parametrize("connection", ["IN IP4 0.0.0.0", "IN IP6 ::"])
def test_old_style_hold_stops_our_sending_only(connection: str) -> None:
    agreed = answer_offer(offered(connection=connection), LOCAL)
    assert (agreed.sends, agreed.receives) == (False, True)
    assert b"a=recvonly\r\n" in agreed.body


@pytest.mark.parametrize(
    ("lines", "ptime_ms"),
    [
        ((), PTIME_MS),
        (("a=ptime:30",), 30),
        (("a=ptime:0",), 20),
        (("a=ptime:5",), 10),
        (("a=ptime:200",), 60),
        (("a=ptime:40", "a=maxptime:25"), 20),
        (("a=maxptime:10",), 10),
    ],
)
def test_peers_packet_time_is_kept_within_bounds(lines: tuple[str, ...], ptime_ms: int) -> None:
    assert answer_offer(offered(*lines), LOCAL).ptime_ms == ptime_ms


def test_version_grows_only_when_the_description_changes() -> None:
    first = answer_offer(offered(), LOCAL)
    again = answer_offer(offered(), LOCAL, first.body)
    held = answer_offer(offered("a=sendonly"), LOCAL, again.body)
    resumed = answer_offer(offered(), LOCAL, held.body)
    assert again.body == first.body
    assert [parse(each.body).origin.version for each in (first, again, held, resumed)] == [1, 1, 2, 3]
    assert {parse(each.body).origin.session_id for each in (first, held, resumed)} == {"77"}


def test_new_offer_in_a_dialog_keeps_lines_and_numbers() -> None:
    lines = ("m=video 4002 RTP/AVP 31", "m=audio 4000 RTP/AVPF 97 101 98", "a=rtpmap:97 PCMU/8000")
    theirs = sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines, "a=rtpmap:98 telephone-event/8000", "a=rtpmap:101 PCMA/8000")
    agreed = answer_offer(theirs, LOCAL)
    hold = LocalMedia(LOCAL.address, (Codec.PCMA, Codec.PCMU), session_id=77, direction=MediaDirection.SENDONLY)
    ours = parse(offer(hold, agreed.body))
    assert ours.origin.version == 2
    assert [(media.kind, media.port) for media in ours.media] == [("video", 0), ("audio", 20_000)]
    sound = ours.media[1]
    assert sound.transport == "RTP/AVPF" and sound.formats == ("97", "8", "98")
    assert sound.direction is MediaDirection.SENDONLY


def test_telephone_event_is_offered_beside_a_codec_that_has_its_number() -> None:
    agreed = answer_offer(
        sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 101", "a=rtpmap:101 PCMU/8000"), LOCAL
    )
    assert parse(offer(LOCAL, agreed.body)).media[0].formats == ("101", "8", "102")


def test_answer_that_renumbers_is_sent_to_in_its_own_numbers() -> None:
    lines = ("m=audio 5000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), offer(LOCAL))
    assert (agreed.dtmf_payload_type, agreed.dtmf_payload_types_in) == (96, (101, 96))
    assert agreed.remote == Address("192.0.2.1", 5_000)


def test_first_codec_of_an_answer_that_names_several_is_spoken_and_all_are_taken() -> None:
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5000 RTP/AVP 18 8 0"), offer(LOCAL))
    assert (agreed.codec, agreed.payload_type) == (Codec.PCMA, 8)
    assert dict(agreed.audio_in) == {0: Codec.PCMU, 8: Codec.PCMA}


def test_every_number_that_an_offer_gives_to_a_codec_of_ours_is_taken() -> None:
    lines = ("m=audio 4000 RTP/AVP 8 18 96 0 97 101 102", "a=rtpmap:96 PCMA/8000", "a=rtpmap:97 opus/48000/2")
    keys = ("a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/8000")
    agreed = answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines, *keys), LOCAL)
    assert parse(agreed.body).media[0].formats == ("8", "101")
    assert agreed.audio_in == ((8, Codec.PCMA), (96, Codec.PCMA), (0, Codec.PCMU))
    assert agreed.dtmf_payload_types_in == (101, 102)


def test_codec_that_is_not_ours_to_speak_is_not_taken() -> None:
    ours = LocalMedia(LOCAL.address, (Codec.PCMA,), session_id=1)
    assert answer_offer(sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 0 8"), ours).audio_in == (
        (8, Codec.PCMA),
    )


def test_numbers_of_an_answer_are_taken_beside_those_that_we_offered() -> None:
    lines = ("m=audio 5000 RTP/AVP 97 98 101", "a=rtpmap:97 PCMU/8000", "a=rtpmap:98 PCMU/8000")
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), offer(LOCAL))
    assert (agreed.codec, agreed.payload_type) == (Codec.PCMU, 97)
    assert dict(agreed.audio_in) == {0: Codec.PCMU, 8: Codec.PCMA, 97: Codec.PCMU, 98: Codec.PCMU}


def test_number_that_an_answer_gives_to_another_codec_means_what_the_answer_says() -> None:
    theirs = sdp("c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMU/8000")
    ours = offer(LOCAL, answer_offer(theirs, LOCAL).body)
    lines = ("m=audio 5000 RTP/AVP 97 98", "a=rtpmap:97 PCMA/8000", "a=rtpmap:98 PCMU/8000")
    agreed = accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), ours)
    assert dict(agreed.audio_in)[97] is Codec.PCMA


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("m=audio 0 RTP/AVP 0",),
        ("m=video 5000 RTP/AVP 0",),
        ("m=audio 5000 RTP/AVP 18",),
        ("m=audio 5000 RTP/SAVP 0",),
        ("m=audio 5000 RTP/AVP 8",),
    ],
    ids=["no lines", "refused", "other kind", "not offered", "srtp", "codec not offered"],
)
def test_answer_that_does_not_fit_the_offer_is_not_acceptable(lines: tuple[str, ...]) -> None:
    only_mu_law = LocalMedia(LOCAL.address, (Codec.PCMU,), session_id=1)
    with pytest.raises(NotAcceptable):
        accept_answer(sdp("c=IN IP4 192.0.2.1", "t=0 0", *lines), offer(only_mu_law))


@given(st.binary(max_size=300), st.integers(0, 600), st.sampled_from([BARESIP, PJSUA, SIPP, VIDEO_PHONE]))
def test_damaged_body_is_agreed_on_or_refused(noise: bytes, at: int, phone: bytes) -> None:
    damaged = phone[:at] + noise + phone[at + len(noise) :]
    for is_offer in (True, False):
        try:
            agreed = answer_offer(damaged, LOCAL) if is_offer else accept_answer(damaged, offer(LOCAL))
        except SdpError as error:
            assert error.sip_status in (400, 488)
        else:
            assert 0 < agreed.remote.port <= 65_535
            assert parse(agreed.body).media


def test_address_of_the_other_family_is_not_acceptable() -> None:
    theirs = b"v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    local = LocalMedia(Address("192.0.2.9", 30_000), (Codec.PCMU,), session_id=1)
    with pytest.raises(NotAcceptable, match="cannot be reached"):
        answer_offer(theirs, local)
    with pytest.raises(NotAcceptable, match="cannot be reached"):
        accept_answer(theirs, offer(local))


def test_later_offer_with_port_0_is_answered_with_port_0_and_at_rest_until_the_audio_comes_back() -> None:
    first = answer_offer(BARESIP, LOCAL)
    taken_back = BARESIP.replace(b"m=audio 10462", b"m=audio 0")
    rest = answer_offer(taken_back, LOCAL, first.body)
    (line,) = parse(rest.body).media
    assert (line.port, rest.sends, rest.receives) == (0, False, False)
    assert rest.remote.port == 0
    assert parse(rest.body).origin.version == parse(first.body).origin.version + 1
    again = answer_offer(BARESIP, LOCAL, rest.body)
    assert (again.sends, again.receives, again.remote) == (True, True, Address("192.0.2.10", 10462))
    assert [media.port for media in parse(again.body).media] == [LOCAL.address.port]


def test_our_offer_after_the_audio_was_taken_back_uses_its_line_again() -> None:
    first = answer_offer(BARESIP, LOCAL)
    rest = answer_offer(BARESIP.replace(b"m=audio 10462", b"m=audio 0"), LOCAL, first.body)
    (line,) = parse(offer(LOCAL, rest.body)).media
    assert line.port == LOCAL.address.port


def test_first_offer_with_port_0_is_still_refused() -> None:
    with pytest.raises(NotAcceptable):
        answer_offer(BARESIP.replace(b"m=audio 10462", b"m=audio 0"), LOCAL)


def test_later_offer_of_audio_that_is_not_spoken_here_is_no_audio_taken_back() -> None:
    first = answer_offer(BARESIP, LOCAL)
    with pytest.raises(NotAcceptable):
        answer_offer(
            BARESIP.replace(b"m=audio 10462 RTP/AVP", b"m=audio 0 RTP/AVP 0\nm=audio 10462 RTP/SAVP"), LOCAL, first.body
        )
