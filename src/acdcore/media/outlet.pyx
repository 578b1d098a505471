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
  6. A run whose timestamps leap against the time gone by gets a new timestamp offset; its sequence goes on.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memset

from acdcore.media.rtp cimport rtp_header_t

from acdcore.media.rtp import RtpPacket

cdef enum:
    NS_PER_SAMPLE = 125_000
    LEAP_SAMPLES = 16_000   # two seconds: more than any jitter, less than phones skip when they restart their clock


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
    """Number a packet of another phone; False when it must not be sent on (rule 4)."""
    cdef bint is_first = not outlet.is_relaying or outlet.source_ssrc != source.ssrc
    cdef int distance
    if is_first:
        _begin_run(outlet, source, now_ns)
        distance = 1
    else:
        distance = <int>(<uint16_t>(source.sequence - outlet.source_highest))
        if distance >= 0x8000:
            distance -= 0x10000
        if -distance > outlet.source_span:
            return False
        if distance > 0 and _leaps(outlet, source, now_ns):
            outlet.timestamp_offset = _clock(outlet, now_ns) - source.timestamp
            is_first = True
    header.ssrc = outlet.ssrc
    header.marker = is_first or source.marker
    header.sequence = source.sequence + outlet.sequence_offset
    header.timestamp = source.timestamp + outlet.timestamp_offset
    if distance > 0:
        outlet.source_span += distance
        outlet.source_highest = source.sequence
        outlet.source_newest = source.timestamp
        outlet.source_newest_ns = now_ns
        outlet.next_sequence = header.sequence + 1
    _record(outlet, header, samples, now_ns)
    return True


cdef void _begin_run(outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    outlet.is_relaying = True
    outlet.source_ssrc = source.ssrc
    outlet.source_span = -1
    outlet.sequence_offset = outlet.next_sequence - source.sequence
    outlet.timestamp_offset = _clock(outlet, now_ns) - source.timestamp


cdef bint _leaps(const outlet_t* outlet, const rtp_header_t* source, int64_t now_ns) noexcept nogil:
    cdef int64_t passed = (now_ns - outlet.source_newest_ns) // NS_PER_SAMPLE
    cdef int64_t leap = <int>(source.timestamp - outlet.source_newest) - passed
    return leap > LEAP_SAMPLES or leap < -LEAP_SAMPLES


cdef void outlet_omit(outlet_t* outlet, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    """Leave out the run's next packet without a gap (rule 5)."""
    if not outlet.is_relaying or outlet.source_ssrc != ssrc or sequence != <uint16_t>(outlet.source_highest + 1):
        return
    outlet.source_highest = sequence
    outlet.sequence_offset -= 1


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

    def omit(self, packet):
        """Leave a packet out."""
        outlet_omit(&self._state, packet.ssrc, packet.sequence)

    def interrupt(self):
        """End the relay run."""
        outlet_interrupt(&self._state)
