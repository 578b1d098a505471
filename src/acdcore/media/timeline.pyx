"""Placing received samples on a recording's line of time.

Positions count samples at 8 kHz of the engine's clock since the recording began. Rules for each lane:
  1. The first packet of a source is placed where it arrives: that is the anchor. Later ones are placed by timestamp
     from the anchor, so loss stays silence, and packets that overtook each other fall into their places.
  2. What comes after its place was handed out (300 ms and more too late) is dropped.
  3. A packet that would lie half a second or more ahead of its arrival anchors anew: its clock has leapt.
  4. So does one of a run that was late throughout for 200 ms: a delayed burst is over sooner.
  5. Arrival less place, smoothed over some 5 s, shows how far the phone's clock has drifted from ours. Beyond 10 ms it
     is worked off in silence, up to 5 ms with a packet; beyond 20 ms also in speech, one sample with a packet.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from acdcore.media.g711 cimport decoding

from acdcore.media.g711 import law_of

cdef enum:
    RING_MASK = RING_SAMPLES - 1
    NS_PER_SAMPLE = 125_000
    EARLY_SAMPLES = 4000            # rule 3
    LATE_RUN_NS = 200_000_000       # rule 4
    SILENT_DEVIATION = 80           # rule 5: 10 ms
    SPOKEN_DEVIATION = 160          # rule 5: 20 ms, about where lip and ear begin to disagree
    SETTLED_DEVIATION = 8           # 1 ms
    SILENT_STEP = 40                # 5 ms
    SILENT_PEAK = 256               # -42 dB below full scale: breath and line noise
    SMOOTHING_PACKETS = 256         # 5 s of 20 ms packets: passes drift, not jitter


cdef bint timeline_create(timeline_t* timeline, int64_t now_ns) noexcept nogil:
    """Begin a line of time at `now_ns`; False when there is no memory for it."""
    cdef int lane
    memset(timeline, 0, sizeof(timeline_t))
    timeline.began_ns = now_ns
    for lane in range(LANES):
        timeline.lanes[lane].late_since_ns = -1
        timeline.lanes[lane].ring = <int16_t*>calloc(RING_SAMPLES, sizeof(int16_t))
        if timeline.lanes[lane].ring == NULL:
            timeline_free(timeline)
            return False
    return True


cdef void timeline_free(timeline_t* timeline) noexcept nogil:
    """Give the rings back."""
    cdef int lane
    for lane in range(LANES):
        free(timeline.lanes[lane].ring)
        timeline.lanes[lane].ring = NULL


cdef void timeline_anchor(timeline_t* timeline, int lane) noexcept nogil:
    """The lane gets another source: its next packet anchors."""
    timeline.lanes[lane].is_anchored = False


cdef int64_t _arrival(const timeline_t* timeline, int64_t now_ns) noexcept nogil:
    return (now_ns - timeline.began_ns) // NS_PER_SAMPLE


cdef void timeline_put(timeline_t* timeline, int lane_number, const packet_t* packet, int64_t now_ns) noexcept nogil:
    """Place a packet that arrived at `now_ns`."""
    cdef lane_t* lane = &timeline.lanes[lane_number]
    cdef int64_t arrival = _arrival(timeline, now_ns)
    cdef int64_t place
    cdef bint is_newest = True
    if not lane.is_anchored or lane.ssrc != packet.ssrc:
        place = _anchor(lane, packet, arrival)
    else:
        is_newest = <int>(packet.timestamp - lane.timestamp) > 0
        place = lane.position + <int>(packet.timestamp - lane.timestamp)
        if _has_leapt(lane, arrival - place, now_ns):
            place = _anchor(lane, packet, arrival)
            is_newest = True
        elif is_newest:
            place += _correction(timeline, lane, packet, arrival - place, place)
    if is_newest:
        lane.timestamp = packet.timestamp
        lane.position = place
    _write(timeline, lane, packet, place)


cdef int64_t _anchor(lane_t* lane, const packet_t* packet, int64_t arrival) noexcept nogil:
    lane.is_anchored = True
    lane.ssrc = packet.ssrc
    lane.deviation = 0
    lane.is_correcting = False
    lane.late_since_ns = -1
    lane.anchored += 1
    return arrival


cdef bint _has_leapt(lane_t* lane, int64_t deviation, int64_t now_ns) noexcept nogil:
    """Rules 3 and 4."""
    if deviation <= -EARLY_SAMPLES:
        return True
    if deviation < MARGIN_SAMPLES:
        lane.late_since_ns = -1
        return False
    if lane.late_since_ns < 0:
        lane.late_since_ns = now_ns
    return now_ns - lane.late_since_ns >= LATE_RUN_NS


cdef int _correction(
    timeline_t* timeline, lane_t* lane, const packet_t* packet, int64_t deviation, int64_t place
) noexcept nogil:
    """Rule 5: by how much to move the anchor with this packet."""
    cdef double size
    cdef int step
    if lane.late_since_ns >= 0:  # a packet out of line says nothing about the clock
        return 0
    lane.deviation += (deviation - lane.deviation) / SMOOTHING_PACKETS
    size = lane.deviation if lane.deviation >= 0 else -lane.deviation
    if size < SETTLED_DEVIATION:
        lane.is_correcting = False
    if size > SPOKEN_DEVIATION:
        lane.is_correcting = True
    if not lane.is_correcting and size <= SILENT_DEVIATION:
        return 0
    if _is_silent(packet):
        lane.is_correcting = True
        step = <int>min(size, <double>SILENT_STEP)
    elif lane.is_correcting:
        step = 1
    else:
        return 0
    if lane.deviation < 0:
        step = -step
    lane.deviation -= step
    lane.corrected += step if step >= 0 else -step
    if step == 1:  # an inserted sample repeats its neighbour; a zero would click
        _repeat(timeline, lane, place)
    return step


cdef bint _is_silent(const packet_t* packet) noexcept nogil:
    cdef int at
    for at in range(packet.count):
        if not -SILENT_PEAK < packet.table[packet.payload[at]] < SILENT_PEAK:
            return False
    return True


cdef void _repeat(timeline_t* timeline, lane_t* lane, int64_t place) noexcept nogil:
    if timeline.drained < place < timeline.drained + RING_SAMPLES:
        lane.ring[place & RING_MASK] = lane.ring[(place - 1) & RING_MASK]


cdef void _write(timeline_t* timeline, lane_t* lane, const packet_t* packet, int64_t place) noexcept nogil:
    """Decode into the ring what falls into its window."""
    cdef int64_t begin = max(place, timeline.drained)
    cdef int64_t end = min(place + packet.count, timeline.drained + RING_SAMPLES)
    cdef int64_t part
    if begin >= end:
        lane.late += packet.count
        return
    lane.late += begin - place
    part = min(end - begin, RING_SAMPLES - (begin & RING_MASK))
    _decode(packet, begin - place, lane.ring + (begin & RING_MASK), part)
    _decode(packet, begin - place + part, lane.ring, end - begin - part)


cdef void _decode(const packet_t* packet, int64_t skip, int16_t* samples, int64_t count) noexcept nogil:
    cdef const uint8_t* codes = packet.payload + skip
    cdef const int16_t* table = packet.table
    cdef int64_t at
    for at in range(count):
        samples[at] = table[codes[at]]


cdef int64_t timeline_due(const timeline_t* timeline, int64_t now_ns, bint is_last) noexcept nogil:
    """How many samples can be handed out: up to now for the last time, up to the margin before now otherwise."""
    cdef int64_t due = _arrival(timeline, now_ns) - timeline.drained
    return max(<int64_t>0, due if is_last else due - MARGIN_SAMPLES)


cdef void timeline_take(timeline_t* timeline, int16_t* stereo, int64_t count) noexcept nogil:
    """Hand out the next `count` samples of both lanes, interleaved; beyond the ring there is only silence.

    With `stereo` NULL they are thrown away.
    """
    cdef int64_t held = min(count, <int64_t>RING_SAMPLES)
    cdef int64_t done = 0, part
    cdef int offset
    while done < held:  # the ring's end cuts the stretch into at most two parts
        offset = <int>((timeline.drained + done) & RING_MASK)
        part = min(held - done, <int64_t>(RING_SAMPLES - offset))
        if stereo != NULL:
            _interleave(timeline.lanes[0].ring + offset, timeline.lanes[1].ring + offset, stereo + 2 * done, part)
        memset(timeline.lanes[0].ring + offset, 0, part * sizeof(int16_t))
        memset(timeline.lanes[1].ring + offset, 0, part * sizeof(int16_t))
        done += part
    if stereo != NULL and count > held:
        memset(stereo + 2 * held, 0, 2 * (count - held) * sizeof(int16_t))
    timeline.drained += count


cdef void _interleave(const int16_t* left, const int16_t* right, int16_t* stereo, int64_t count) noexcept nogil:
    cdef int64_t at
    for at in range(count):
        stereo[2 * at] = left[at]
        stereo[2 * at + 1] = right[at]


cdef class Timeline:
    """The same, for tests: times are seconds."""

    cdef timeline_t _state

    def __cinit__(self, now):
        if not timeline_create(&self._state, int(now * 1e9)):
            raise MemoryError

    def __dealloc__(self):
        timeline_free(&self._state)

    def put(self, lane, packet, codec, now):
        """Place an RTP packet on lane 0 (left) or 1 (right)."""
        cdef packet_t view
        cdef bytes payload = packet.payload
        cdef const uint8_t[::1] codes = payload if payload else b"\0"
        view.ssrc = packet.ssrc
        view.timestamp = packet.timestamp
        view.payload = &codes[0]
        view.count = <int>len(payload)
        view.table = decoding(law_of(codec))
        timeline_put(&self._state, lane, &view, int(now * 1e9))

    def anchor(self, lane):
        """The lane gets another source."""
        timeline_anchor(&self._state, lane)

    def take(self, now, is_last=False):
        """Interleaved stereo PCM that is due."""
        cdef int64_t count = timeline_due(&self._state, int(now * 1e9), is_last)
        stereo = bytearray(4 * count)
        cdef uint8_t[::1] target = stereo if stereo else bytearray(4)
        timeline_take(&self._state, <int16_t*>&target[0], count)
        return bytes(stereo)

    def late_samples(self, lane):
        """Samples that came too late for their place."""
        return self._state.lanes[lane].late

    def corrected_samples(self, lane):
        """Samples that the anchor was moved by."""
        return self._state.lanes[lane].corrected

    def anchored(self, lane):
        """Times that the lane was anchored."""
        return self._state.lanes[lane].anchored

    def deviation_ms(self, lane):
        """How far the source's clock is off, smoothed."""
        return self._state.lanes[lane].deviation / 8.0
