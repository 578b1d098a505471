"""The packet path: one datagram in, at most one out, no memory taken and no lock.

The latch decides whom a stream hears and who is a stranger: its rules stand at the head of latch.pyx.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from acdcore.media.core cimport (
    DATAGRAM_MAX, KEY, KEYS, LOST, MU_AUDIO, NOT_AGREED, PRESSED, RESUMED, SILENCE, core_arm, core_send, core_tell,
)
from acdcore.media.dtmf cimport PRESSES, key_packet_t, key_read, keypad_deadline, keypad_expire, keypad_hear, press_t
from acdcore.media.g711 cimport decoding, transcoding
from acdcore.media.latch cimport is_same, latch_consider, latch_is_source, passage_t
from acdcore.media.linux cimport MSG_DONTWAIT, MSG_TRUNC, recvfrom, sockaddr, sockaddr_in, socklen_t
from acdcore.media.outlet cimport outlet_interrupt, outlet_omit, outlet_relay, outlet_relay_key
from acdcore.media.placing cimport packet_t
from acdcore.media.reception cimport (
    OUTSIDE, REPEATED, RESTARTED, arrival_t, reception_carries_on, reception_note, reception_time,
)
from acdcore.media.reports cimport reports_take
from acdcore.media.rtcp cimport incoming_t, rtcp_is, rtcp_read
from acdcore.media.rtp cimport RTP_HEADER_SIZE, rtp_header_t, rtp_read, rtp_write
from acdcore.media.speech cimport speech_hear, speech_key
from acdcore.media.streams cimport stream_aim
from acdcore.media.timeline cimport timeline_put

cdef enum:
    NS_PER_SAMPLE = 125_000


cdef void inbound_receive(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Read one datagram from the RTP port; what is left is read in the next wake, so no phone starves the others.

    Errors of the socket (ECONNREFUSED by ICMP, EINTR, EAGAIN) need no answer: the next datagram comes or does not.
    """
    cdef sockaddr_in source
    cdef socklen_t source_size = sizeof(source)
    cdef uint8_t* data = core.buffer
    cdef rtp_header_t header
    cdef ssize_t size = recvfrom(
        stream.rtp_fd, data, DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC, <sockaddr*>&source, &source_size
    )
    if size < 0:
        return
    core.tally.packets += 1
    if latch_is_source(&stream.latch, &source) or is_same(&source, &stream.latch.signalled):
        inbound_live(core, stream, now_ns)
    if rtcp_is(data, size) and not _is_audio_numbered_as_rtcp(stream, data, size):
        reports_take(core, stream, data, size, &source, now_ns)
        return
    if size > DATAGRAM_MAX or not rtp_read(data, size, &header):
        stream.counters.malformed += 1
        return
    if stream.meanings[header.payload_type] == NOT_AGREED:
        _refuse(core, stream, &header, &source, now_ns)
        return
    if not latch_is_source(&stream.latch, &source) and not _becomes_source(stream, &source, &header, now_ns):
        stream.counters.strangers += 1
        return
    _accept(core, stream, &header, data, now_ns)


cdef bint _is_audio_numbered_as_rtcp(const stream_t* stream, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """A peer that gives a codec a number from 64 to 95, which RFC 5761 keeps free, is told from RTCP by its lengths."""
    cdef incoming_t incoming
    if size > DATAGRAM_MAX or stream.meanings[data[1] & 0x7F] == NOT_AGREED:
        return False    # of a longer datagram the buffer holds the beginning only
    return not rtcp_read(data, size, stream.outlet.ssrc, &incoming)


cdef void _refuse(
    core_t* core, stream_t* stream, const rtp_header_t* header, const sockaddr_in* source, int64_t now_ns
) noexcept nogil:
    """A payload type that was not agreed on: from the peer (comfort noise, say) its number must not look lost."""
    if not latch_is_source(&stream.latch, source):
        stream.counters.strangers += 1
        return
    stream.counters.unwanted += 1
    _note(core, stream, header, now_ns)
    if stream.bridge != NULL:
        outlet_omit(&stream.bridge.outlet, header.ssrc, header.sequence)


cdef bint _becomes_source(
    stream_t* stream, const sockaddr_in* source, const rtp_header_t* header, int64_t now_ns
) noexcept nogil:
    """Whether a valid packet from elsewhere is the peer's; then ours go there from now on."""
    cdef passage_t passage
    passage.heard_ns = stream.heard_ns
    passage.is_carried_on = reception_carries_on(
        &stream.reception, header, <uint32_t>(now_ns // NS_PER_SAMPLE), (now_ns - stream.heard_ns) // NS_PER_SAMPLE
    )
    if not latch_consider(&stream.latch, source, header, &passage, now_ns):
        return False
    stream_aim(stream)
    return True


cdef void inbound_live(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """A sign of life of the peer. Whatever comes from the source is one: audio, comfort noise, events, reports, and what
    only keeps a NAT's mapping, from empty datagrams to STUN (RFC 6263 section 4). A muted phone sends nothing else."""
    stream.alive_ns = now_ns
    if stream.is_lost:
        stream.is_lost = False
        core_tell(core, RESUMED, stream.id, 0, 0)


cdef bint _note(core_t* core, stream_t* stream, const rtp_header_t* header, int64_t now_ns) noexcept nogil:
    """The peer is heard, whatever the packet carries; False when it came before or is out of all order.

    What is no audio and has an SSRC of its own (keys, comfort noise) goes beside the audio and says nothing about it.
    """
    cdef bint is_beside = _is_beside(stream, header)
    cdef arrival_t arrival = reception_note(
        &stream.beside if is_beside else &stream.reception, header.ssrc, header.sequence
    )
    if arrival == REPEATED or arrival == OUTSIDE:
        return False
    stream.heard_ns = now_ns
    inbound_live(core, stream, now_ns)
    if arrival == RESTARTED and not is_beside and stream.bridge != NULL:
        outlet_interrupt(&stream.bridge.outlet)
    return True


cdef bint _is_beside(const stream_t* stream, const rtp_header_t* header) noexcept nogil:
    return (
        stream.meanings[header.payload_type] < MU_AUDIO
        and stream.reception.has_source
        and stream.reception.ssrc != header.ssrc
    )


cdef void _accept(
    core_t* core, stream_t* stream, rtp_header_t* header, uint8_t* data, int64_t now_ns
) noexcept nogil:
    cdef int meaning = stream.meanings[header.payload_type]
    if meaning == KEYS:     # also those that are out of order: the keypad has its own rules for that
        _hear_key(core, stream, header, data, now_ns)
    if not _note(core, stream, header, now_ns):
        return
    stream.counters.packets_in += 1
    stream.counters.octets_in += header.payload_size
    if meaning >= MU_AUDIO:
        reception_time(&stream.reception, header.timestamp, <uint32_t>(now_ns // NS_PER_SAMPLE))
        if (stream.tap != NULL or stream.ear != NULL) and stream.receives:
            _record(stream, header, data, now_ns)
    if stream.is_awaited and stream.receives:
        stream.is_awaited = False
        if stream.bridge != NULL:
            outlet_interrupt(&stream.bridge.outlet)
    if stream.bridge != NULL and stream.receives:
        _relay(core, stream, header, data, now_ns)


cdef void _record(stream_t* stream, const rtp_header_t* header, const uint8_t* data, int64_t now_ns) noexcept nogil:
    """Give a packet to who listens and to the recording, if there are such."""
    cdef packet_t packet
    packet.ssrc = header.ssrc
    packet.sequence = header.sequence
    packet.timestamp = header.timestamp
    packet.payload = data + header.payload_at
    packet.count = header.payload_size
    packet.table = decoding(stream.meanings[header.payload_type] - MU_AUDIO)
    if stream.ear != NULL:
        timeline_put(&stream.ear.timeline, 0, &packet, now_ns)
    if stream.tap == NULL:
        return
    timeline_put(&stream.tap.timeline, stream.lane, &packet, now_ns)
    if stream.lane == 0 and stream.tap.hush_ns > 0:
        speech_hear(&stream.tap.speech, packet.payload, packet.count, packet.table, _position(stream, now_ns))


cdef int64_t _position(const stream_t* stream, int64_t now_ns) noexcept nogil:
    """On the timeline of the stream's recording."""
    return (now_ns - stream.tap.timeline.began_ns) // NS_PER_SAMPLE


cdef void _hear_key(
    core_t* core, stream_t* stream, const rtp_header_t* header, const uint8_t* data, int64_t now_ns
) noexcept nogil:
    cdef key_packet_t packet
    cdef press_t presses[PRESSES]
    cdef int at
    if stream.tap != NULL and stream.lane == 0:
        speech_key(&stream.tap.speech, _position(stream, now_ns))
    if not key_read(data + header.payload_at, header, &packet):
        return
    for at in range(keypad_hear(&stream.keypad, &packet, now_ns, presses)):
        core_tell(core, PRESSED, stream.id, presses[at].key, presses[at].duration)
    if stream.keypad.is_down and not stream.is_key_armed:
        stream.is_key_armed = True
        core_arm(core, keypad_deadline(&stream.keypad), KEY, stream.id)


cdef void inbound_expire_key(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """The deadline of a held key has come, or would have if more had not been heard of it."""
    cdef press_t press
    stream.is_key_armed = False
    if keypad_expire(&stream.keypad, now_ns, &press):
        core_tell(core, PRESSED, stream.id, press.key, press.duration)
    elif stream.keypad.is_down:
        stream.is_key_armed = True
        core_arm(core, keypad_deadline(&stream.keypad), KEY, stream.id)


cdef void inbound_check_silence(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Has the peer lived? Tell when it has not, and look again when it could next be lost."""
    cdef int64_t silent_ns = now_ns - stream.alive_ns
    stream.is_silence_armed = False
    if not stream.is_connected or not stream.receives or core.lost_after_ns == 0:
        return
    if silent_ns >= core.lost_after_ns and not stream.is_lost and not stream.is_early:
        stream.is_lost = True
        core_tell(core, LOST, stream.id, silent_ns, 0)
    stream.is_silence_armed = True
    if stream.is_lost or stream.is_early:
        core_arm(core, now_ns + core.lost_after_ns, SILENCE, stream.id)
    else:
        core_arm(core, stream.alive_ns + core.lost_after_ns, SILENCE, stream.id)


cdef void _relay(
    core_t* core, stream_t* stream, rtp_header_t* source, uint8_t* data, int64_t now_ns
) noexcept nogil:
    """Pass a packet on to the bridge's other side, its header written in front of the payload where it lies."""
    cdef stream_t* other = stream.bridge
    cdef rtp_header_t header
    cdef int law = <int>stream.meanings[source.payload_type] - MU_AUDIO
    if other.playback != NULL or not other.sends or not other.has_target:
        outlet_interrupt(&other.outlet)
        return
    if law < 0 and other.dtmf_payload_type < 0:
        outlet_omit(&other.outlet, source.ssrc, source.sequence)
        return
    if law < 0:
        if not outlet_relay_key(&other.outlet, source, _is_beside(stream, source), now_ns, &header):
            return
        header.payload_type = other.dtmf_payload_type
    else:
        if not outlet_relay(&other.outlet, source, source.payload_size, now_ns, &header):
            return
        header.payload_type = other.payload_type
    other.is_filling = other.is_flowing = False
    other.sent_ns = now_ns
    data += source.payload_at
    if law >= 0 and law != other.law:
        _transcode(data, source.payload_size, transcoding(law, other.law))
    rtp_write(data - RTP_HEADER_SIZE, &header)
    core_send(core, other, data - RTP_HEADER_SIZE, RTP_HEADER_SIZE + source.payload_size)


cdef void _transcode(uint8_t* codes, int count, const uint8_t* table) noexcept nogil:
    cdef int at
    for at in range(count):
        codes[at] = table[codes[at]]
