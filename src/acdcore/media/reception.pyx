"""Order, loss and jitter of an incoming RTP stream (RFC 3550 appendices A.1, A.3 and A.8).

Rules for a packet of the known source, by the distance of its sequence number from the highest:
  0 < d < 3000       follows
  d = 0, or -64 < d < 0 and seen before: repeated
  -100 < d < 0       overtaken
  anything else      outside; when the next packet carries the next number, the source restarted
A packet of another source restarts everything: which sources are heard at all was decided by the latch.
"""

from enum import IntEnum

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cdef enum:
    MAX_DROPOUT = 3000      # A.1: a minute of 20 ms packets
    MAX_MISORDER = 100      # A.1: two seconds of them
    WINDOW = 64             # how far back a repeated packet is known from one overtaken
    LEAP_SAMPLES = 16_000   # two seconds: a source that sets its clock anew, not a network's jitter
    MAX_CUMULATIVE = 0x7FFFFF   # section 6.4.1: 24 bits, signed


# What a sequence number says about its packet: `arrival_t` for Python.
Arrival = IntEnum("Arrival", ("FOLLOWS", "OVERTAKEN", "REPEATED", "OUTSIDE", "RESTARTED"), start=FOLLOWS)


cdef arrival_t reception_note(reception_t* reception, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    """Take note of a packet."""
    cdef int distance
    if not reception.has_source or reception.ssrc != ssrc:
        _begin(reception, ssrc, sequence)
        return RESTARTED
    distance = <uint16_t>(sequence - reception.highest)
    if distance >= 0x8000:
        distance -= 0x10000
    if 0 < distance < MAX_DROPOUT:
        _advance(reception, sequence, distance)
        return FOLLOWS
    if distance <= 0 and distance > -MAX_MISORDER:
        return _look_back(reception, -distance)
    if reception.restart_at == sequence:
        _begin(reception, ssrc, sequence)
        return RESTARTED
    reception.restart_at = <uint16_t>(sequence + 1)
    return OUTSIDE


cdef void _begin(reception_t* reception, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    reception.lost_before = reception_lost(reception)
    reception.has_source = True
    reception.ssrc = ssrc
    reception.highest = sequence
    reception.first = sequence
    reception.cycles = 0
    reception.received = 1
    reception.window = 1
    reception.restart_at = -1
    reception.has_transit = False
    reception.jitter_x16 = 0
    reception.reported_expected = 0
    reception.reported_received = 0


cdef void _advance(reception_t* reception, uint16_t sequence, int distance) noexcept nogil:
    if sequence < reception.highest:
        reception.cycles += 0x10000
    reception.highest = sequence
    reception.window = (reception.window << distance) | 1 if distance < WINDOW else 1
    reception.received += 1
    reception.restart_at = -1


cdef arrival_t _look_back(reception_t* reception, int back) noexcept nogil:
    cdef uint64_t bit
    if back < WINDOW:
        bit = <uint64_t>1 << back
        if reception.window & bit:
            reception.duplicates += 1
            return REPEATED
        reception.window |= bit
    reception.received += 1
    reception.reordered += 1
    return OVERTAKEN


cdef void reception_time(reception_t* reception, uint32_t timestamp, uint32_t arrival) noexcept nogil:
    """Update the jitter with a packet that arrived at `arrival` (samples on our clock) (A.8)."""
    cdef uint32_t transit = arrival - timestamp
    cdef int64_t change
    if reception.has_transit:
        change = <int>(transit - reception.transit)
        if change < 0:
            change = -change
        if change < LEAP_SAMPLES:
            reception.jitter_x16 += <uint32_t>(change - ((reception.jitter_x16 + 8) >> 4))
    reception.transit = transit
    reception.has_transit = True


cdef bint reception_carries_on(
    const reception_t* reception, const rtp_header_t* header, uint32_t arrival, int64_t silent_samples
) noexcept nogil:
    """Whether a packet that arrives at `arrival` could be the known source's next, `silent_samples` after its last.

    Its SSRC, a number that follows, and a timestamp between one whose clock stood still meanwhile and one whose clock
    ran on, two seconds more or less: 2^32 SSRCs to guess, and little of the rest would do.
    """
    cdef int step = <uint16_t>(header.sequence - reception.highest)
    cdef int behind
    if not reception.has_source or reception.ssrc != header.ssrc or not 0 < step < MAX_DROPOUT:
        return False
    if not reception.has_transit:
        return True
    behind = <int>(arrival - reception.transit - header.timestamp)
    return -LEAP_SAMPLES < behind < silent_samples + LEAP_SAMPLES


cdef int64_t _expected(const reception_t* reception) noexcept nogil:
    if not reception.has_source:
        return 0
    return reception.cycles + reception.highest - reception.first + 1


cdef int64_t reception_lost(const reception_t* reception) noexcept nogil:
    """Packets expected but not received, over all sources (A.3)."""
    cdef int64_t missing = _expected(reception) - reception.received
    return reception.lost_before + (missing if missing > 0 else 0)


cdef void reception_report(reception_t* reception, report_block_t* block) noexcept nogil:
    """Fill a report block (section 6.4.1) and begin the next interval."""
    cdef int64_t expected = _expected(reception)
    cdef int64_t expected_now = expected - reception.reported_expected
    cdef int64_t lost_now = expected_now - (reception.received - reception.reported_received)
    cdef int64_t lost = expected - reception.received
    reception.reported_expected = expected
    reception.reported_received = reception.received
    block.ssrc = reception.ssrc
    block.fraction_lost = <int>((lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
    block.fraction_lost = min(block.fraction_lost, 255)
    block.lost = max(0, min(lost, MAX_CUMULATIVE))
    block.highest = <uint32_t>(reception.cycles + reception.highest)
    block.jitter = reception.jitter_x16 >> 4


cdef class Reception:
    """The same, for tests and for phones written in Python."""

    cdef reception_t _state

    def __cinit__(self):
        memset(&self._state, 0, sizeof(self._state))
        self._state.restart_at = -1

    def note(self, ssrc, sequence):
        """Take note of a packet."""
        return Arrival(reception_note(&self._state, ssrc, sequence))

    def time(self, timestamp, arrival):
        """Update the jitter; both in samples modulo 2^32."""
        reception_time(&self._state, timestamp, arrival)

    def carries_on(self, ssrc, sequence, timestamp, arrival, silent_samples):
        """Whether a packet could be the source's next."""
        cdef rtp_header_t header
        memset(&header, 0, sizeof(header))
        header.ssrc = ssrc
        header.sequence = sequence
        header.timestamp = timestamp
        return bool(reception_carries_on(&self._state, &header, arrival, silent_samples))

    def fraction_lost(self):
        """Loss since the call before, in 1/256."""
        cdef report_block_t block
        reception_report(&self._state, &block)
        return block.fraction_lost

    @property
    def lost(self):
        """Packets lost over all sources."""
        return reception_lost(&self._state)

    @property
    def received(self):
        """Packets of the present source."""
        return self._state.received

    @property
    def reordered(self):
        """Packets overtaken by another."""
        return self._state.reordered

    @property
    def duplicates(self):
        """Packets that came twice."""
        return self._state.duplicates

    @property
    def jitter(self):
        """Interarrival jitter in samples."""
        return self._state.jitter_x16 / 16.0
