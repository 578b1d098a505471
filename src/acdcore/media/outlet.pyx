"""One SSRC, one sequence and one sample clock towards a phone, over prompt, music and bridge.

Rules:
  1. A packet that we generate takes the next sequence number; its timestamp is the end of the audio before it.
  2. After a pause or a switch the timestamp is what our own clock makes of the time gone by, never less than the end
     of the audio before, and the marker bit is set (RFC 3551 section 4.1).
  3. A relay run keeps the source's own steps: sequence and timestamp are offset, by as much as makes its first packet
     follow what was sent before. So loss upstream stays a gap downstream, where the phone conceals it and its reports
     count it, and packets that overtook each other are passed on as they come.
  4. A packet from before the run's first would need numbers already used: it is not relayed.
  5. A packet that is left out on purpose (a telephone-event for a phone that knows none) closes its gap.
  6. A run whose timestamps say what cannot be gets a new timestamp offset, so that the phone does not play it late; its
     sequence goes on. Timestamps that overlap the packet before, run backwards or leap ahead of the time gone by follow
     the number instead. Behind a pause in which they stood still they follow our clock: at once at a marker, else when
     the packets have come in step for 50 ms; those of a network that only held them back come sooner, and stay as they are.
  7. A telephone-event with an SSRC of its own is put in between: the run's numbers move up, and its offset in time stays.
     It is timed by our clock, and so is one whose clock is not that of the audio around it. No key moves the run's clock.
"""

from libc.stdint cimport int16_t, int64_t, uint16_t, uint32_t
from libc.string cimport memset

from acdcore.media.rtp cimport rtp_header_t

from acdcore.media.rtp import RtpPacket

cdef enum:
    NS_PER_SAMPLE = 125_000
    SEGMENT_SAMPLES = 65_535    # RFC 4733 section 2.5.1.3: so long a key keeps one timestamp
    LEAP_SAMPLES = 16_000   # of keys, two seconds: a phone that restarts its clock
    AHEAD_SAMPLES = 400     # 50 ms: audio cannot come before it was said; the rest may be a hurried network
    HELD_SAMPLES = 800      # 100 ms: longer than most jitter
    IN_STEP_NS = 50_000_000   # 50 ms: two or three packets


cdef uint32_t _clock(const outlet_t* outlet, int64_t now_ns) noexcept nogil:
    """The timestamp for audio that begins now, after a pause or a switch."""
    cdef uint32_t passed = <uint32_t>((now_ns - outlet.newest_ns) // NS_PER_SAMPLE)
    cdef uint32_t timestamp = outlet.newest + passed
    if not outlet.has_sent or <int>(timestamp - outlet.next_timestamp) < 0:
        return outlet.next_timestamp
    return timestamp


cdef void _record(outlet_t* outlet, const rtp_header_t* header, int samples, int64_t now_ns) noexcept nogil:
    cdef uint32_t end = header.timestamp + <uint32_t>samples
    if not outlet.has_sent or <int>(header.timestamp - outlet.newest) > 0:
        outlet.newest = header.timestamp
        outlet.newest_ns = now_ns
    if not outlet.has_sent or <int>(end - outlet.next_timestamp) > 0:
        outlet.next_timestamp = end
    outlet.has_sent = True


cdef void outlet_generate(
    outlet_t* outlet, int samples, bint is_first, int64_t now_ns, rtp_header_t* header
) noexcept nogil:
    """Number a packet of ours with so many samples; `is_first` after a pause or a switch."""
    header.ssrc = outlet.ssrc
    header.marker = is_first
    header.sequence = outlet.next_sequence
    header.timestamp = _clock(outlet, now_ns) if is_first else outlet.next_timestamp
    outlet.is_relaying = False
    outlet.next_sequence += 1
    _record(outlet, header, samples, now_ns)


cdef bint outlet_relay(
    outlet_t* outlet, const rtp_header_t* source, int samples, int64_t now_ns, rtp_header_t* header
) noexcept nogil:
    """Number an audio packet of another phone; False when it must not be sent on (rule 4)."""
    cdef bint is_first = not outlet.is_relaying or outlet.source_ssrc != source.ssrc
    cdef bint is_newest
    if is_first:
        _begin_run(outlet, source, now_ns)
    if not _number(outlet, source, header, &is_newest):
        return False
    if is_newest:
        if not is_first:
            is_first = _mend(outlet, source, samples, now_ns)
        if samples > 0:
            _note_audio(outlet, source, samples, now_ns)
        outlet.source_newest = source.timestamp
        outlet.source_newest_ns = now_ns
    header.marker = is_first or source.marker
    header.timestamp = source.timestamp + outlet.timestamp_offset
    _record(outlet, header, samples, now_ns)
    return True


cdef bint outlet_relay_key(
    outlet_t* outlet, const rtp_header_t* source, bint is_beside, int64_t now_ns, rtp_header_t* header
) noexcept nogil:
    """Number a telephone-event of another phone, which `is_beside` its audio when it has an SSRC of its own (rule 7)."""
    cdef bint is_first = not is_beside and (not outlet.is_relaying or outlet.source_ssrc != source.ssrc)
    cdef bint is_newest
    if is_first:
        _begin_run(outlet, source, now_ns)
    if is_beside:
        _insert(outlet, header)
    elif not _number(outlet, source, header, &is_newest):
        return False
    header.marker = is_first or source.marker
    if is_beside or not _keeps_time(outlet, source, now_ns):
        header.timestamp = _key_timestamp(outlet, source, now_ns)
    else:
        header.timestamp = source.timestamp + outlet.timestamp_offset
    _record(outlet, header, 0, now_ns)
    return True


cdef void _begin_run(outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    outlet.is_relaying = True
    outlet.source_ssrc = source.ssrc
    outlet.source_highest = source.sequence - 1
    outlet.source_span = -1
    outlet.source_newest = source.timestamp
    outlet.source_newest_ns = now_ns
    outlet.sequence_offset = outlet.earlier_offset = outlet.next_sequence - source.sequence
    outlet.earlier_span = 0
    outlet.timestamp_offset = _clock(outlet, now_ns) - source.timestamp
    outlet.audio_samples = 0
    outlet.held_samples = 0


cdef void _note_audio(outlet_t* outlet, const rtp_header_t* source, int samples, int64_t now_ns) noexcept nogil:
    outlet.audio_samples = samples
    outlet.audio_sequence = source.sequence
    outlet.audio_timestamp = source.timestamp
    outlet.audio_ns = now_ns


cdef bint _mend(outlet_t* outlet, const rtp_header_t* source, int samples, int64_t now_ns) noexcept nogil:
    """Rule 6; whether the packet begins a talkspurt (the marker)."""
    cdef int64_t passed, step
    cdef int ahead
    if samples == 0 or outlet.audio_samples == 0:
        if not _leaps(outlet, source, now_ns):
            return False
        outlet.timestamp_offset = _clock(outlet, now_ns) - source.timestamp
        return True
    step = <uint16_t>(source.sequence - outlet.audio_sequence) * <int64_t>outlet.audio_samples
    ahead = <int>(source.timestamp - outlet.audio_timestamp)
    passed = (now_ns - outlet.audio_ns) // NS_PER_SAMPLE
    if ahead <= 0 or (step == outlet.audio_samples and ahead < step):
        return _follow_number(outlet, source, step, passed, now_ns)
    if ahead > step and ahead - passed > AHEAD_SAMPLES:
        return _follow_number(outlet, source, step, passed, now_ns)
    return _is_out_of_silence(outlet, source, passed - ahead, now_ns)


cdef bint _follow_number(
    outlet_t* outlet, const rtp_header_t* source, int64_t step, int64_t passed, int64_t now_ns
) noexcept nogil:
    """The number tells the time, unless a pause came before."""
    if passed - step > HELD_SAMPLES:
        outlet.timestamp_offset = _clock(outlet, now_ns) - source.timestamp
        return True
    outlet.timestamp_offset += outlet.audio_timestamp + <uint32_t>step - source.timestamp
    return False


cdef bint _is_out_of_silence(
    outlet_t* outlet, const rtp_header_t* source, int64_t late, int64_t now_ns
) noexcept nogil:
    """Timestamps that stood still in silence are set right; late packets of a network are not."""
    if outlet.held_samples > 0:
        outlet.held_samples += late
        if outlet.held_samples <= HELD_SAMPLES:
            outlet.held_samples = 0
            return False
    elif late > HELD_SAMPLES:
        outlet.held_samples = late
        outlet.held_since_ns = now_ns
    if outlet.held_samples == 0 or not (source.marker or now_ns - outlet.held_since_ns >= IN_STEP_NS):
        return False
    outlet.timestamp_offset += <uint32_t>outlet.held_samples
    outlet.held_samples = 0
    return True


cdef bint _number(
    outlet_t* outlet, const rtp_header_t* source, rtp_header_t* header, bint* is_newest
) noexcept nogil:
    """Give a packet of the run its number; False when that has been used (rule 4)."""
    cdef int distance = <int16_t>(source.sequence - outlet.source_highest)
    header.ssrc = outlet.ssrc
    header.sequence = source.sequence + outlet.sequence_offset
    is_newest[0] = distance > 0
    if distance > 0:
        outlet.source_span += distance
        outlet.source_highest = source.sequence
        outlet.next_sequence = header.sequence + 1
    elif -distance > outlet.source_span:
        header.sequence = source.sequence + outlet.earlier_offset
        return -distance <= outlet.source_span + outlet.earlier_span
    return True


cdef void _insert(outlet_t* outlet, rtp_header_t* header) noexcept nogil:
    """Number a packet that is none of the run's: it takes the next number, and those of the run move up."""
    header.ssrc = outlet.ssrc
    header.sequence = outlet.next_sequence
    outlet.next_sequence += 1
    if outlet.is_relaying:
        _shift(outlet, 1)


cdef void _shift(outlet_t* outlet, int by) noexcept nogil:
    """From here on the run's numbers go out by so many higher; those overtaken keep what they would have had."""
    if outlet.source_span > 0:
        outlet.earlier_offset = outlet.sequence_offset
        outlet.earlier_span = outlet.source_span
        outlet.source_span = 0
    outlet.sequence_offset += by


cdef bint _leaps(const outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    cdef int64_t ahead = _ahead(outlet, source, now_ns)
    return ahead > LEAP_SAMPLES or ahead < -LEAP_SAMPLES


cdef bint _keeps_time(const outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    """Whether a key is timed by the clock of the audio around it; it may be held for a whole segment."""
    cdef int64_t ahead = _ahead(outlet, source, now_ns)
    return -LEAP_SAMPLES - SEGMENT_SAMPLES < ahead < LEAP_SAMPLES


cdef int64_t _ahead(const outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    """How much later a packet is by its timestamp than by the time gone by since the newest audio, samples."""
    cdef int64_t passed = (now_ns - outlet.source_newest_ns) // NS_PER_SAMPLE
    return <int>(source.timestamp - outlet.source_newest) - passed


cdef uint32_t _key_timestamp(outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    """The moment at which a press was first heard of, for all of its packets."""
    if not outlet.has_key or outlet.key_ssrc != source.ssrc or outlet.key_source != source.timestamp:
        outlet.has_key = True
        outlet.key_ssrc = source.ssrc
        outlet.key_source = source.timestamp
        outlet.key_timestamp = _clock(outlet, now_ns)
    return outlet.key_timestamp


cdef void outlet_omit(outlet_t* outlet, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    """Leave out the run's next packet without a gap (rule 5)."""
    if not outlet.is_relaying or outlet.source_ssrc != ssrc or sequence != <uint16_t>(outlet.source_highest + 1):
        return
    outlet.source_highest = sequence
    _shift(outlet, -1)
    outlet.earlier_span += 1


cdef void outlet_interrupt(outlet_t* outlet) noexcept nogil:
    """The relay run ends; the next relayed packet begins another."""
    outlet.is_relaying = False


cdef class Outlet:
    """The same, for tests: times are seconds."""

    cdef outlet_t _state

    def __cinit__(self, ssrc, sequence, timestamp):
        memset(&self._state, 0, sizeof(self._state))
        self._state.ssrc = ssrc
        self._state.next_sequence = sequence
        self._state.next_timestamp = timestamp

    def generate(self, samples, now, is_first=False):
        """The header of a packet of ours, as a packet without payload."""
        cdef rtp_header_t header
        outlet_generate(&self._state, samples, is_first, int(now * 1e9), &header)
        return RtpPacket(0, header.sequence, header.timestamp, header.ssrc, b"", bool(header.marker))

    def relay(self, packet, now, samples=160):
        """The header for a packet of another phone, or None when it is not relayed."""
        cdef rtp_header_t header, source
        source.marker = packet.marker
        source.sequence = packet.sequence
        source.timestamp = packet.timestamp
        source.ssrc = packet.ssrc
        if not outlet_relay(&self._state, &source, samples, int(now * 1e9), &header):
            return None
        return RtpPacket(0, header.sequence, header.timestamp, header.ssrc, b"", bool(header.marker))

    def relay_key(self, packet, now, is_beside=False):
        """The same for a telephone-event; `is_beside` with an SSRC other than the audio's."""
        cdef rtp_header_t header, source
        source.marker = packet.marker
        source.sequence = packet.sequence
        source.timestamp = packet.timestamp
        source.ssrc = packet.ssrc
        if not outlet_relay_key(&self._state, &source, is_beside, int(now * 1e9), &header):
            return None
        return RtpPacket(0, header.sequence, header.timestamp, header.ssrc, b"", bool(header.marker))

    def omit(self, packet):
        """Leave a packet out."""
        outlet_omit(&self._state, packet.ssrc, packet.sequence)

    def interrupt(self):
        """End the relay run."""
        outlet_interrupt(&self._state)
