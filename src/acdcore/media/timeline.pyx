"""Placing received samples on a recording's timeline.

Positions count samples at 8 kHz of the engine's clock since the recording began. Where a packet of one source belongs is
decided in placing.pyx; here its samples are written. For each lane:
  1. Each of two sources at once has a layer of its own, and so has what we play; they are added when handed out. A third
     source takes the layer of the one heard longest ago.
  2. What comes after its place was handed out (300 ms and more too late) is dropped.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from acdcore.media.g711 cimport decoding
from acdcore.media.placing cimport placed_t, source_place

from acdcore.media.g711 import law_of

cdef enum:
    RING_MASK = RING_SAMPLES - 1
    NS_PER_SAMPLE = 125_000
    GONE_SAMPLES = 800      # 100 ms: a source unheard for so long leaves its layer to another
    SLIDE_MAX = 8000        # 1 s: of a longer run only the end slides
    LOWEST = -32768
    HIGHEST = 32767


cdef bint timeline_create(timeline_t* timeline, int64_t now_ns) noexcept nogil:
    """Begin a timeline at `now_ns`; False when there is no memory for it."""
    cdef int lane
    memset(timeline, 0, sizeof(timeline_t))
    timeline.began_ns = now_ns
    for lane in range(LANES):
        if not _has_layer(&timeline.lanes[lane], 0):
            timeline_free(timeline)
            return False
    return True


cdef void timeline_free(timeline_t* timeline) noexcept nogil:
    """Give the layers back."""
    cdef int lane, layer
    for lane in range(LANES):
        for layer in range(LAYERS):
            free(timeline.lanes[lane].layers[layer])
            timeline.lanes[lane].layers[layer] = NULL


cdef bint _has_layer(lane_t* lane, int layer) noexcept nogil:
    """Whether the layer is there, or could be made: once in a recording, and only in one that needs it."""
    if lane.layers[layer] == NULL:
        lane.layers[layer] = <int16_t*>calloc(RING_SAMPLES, sizeof(int16_t))
    return lane.layers[layer] != NULL


cdef void timeline_anchor(timeline_t* timeline, int lane) noexcept nogil:
    """The lane gets another stream: whatever comes next lies where it arrives."""
    cdef int slot
    for slot in range(SOURCES):
        timeline.lanes[lane].sources[slot].is_anchored = False


cdef int64_t _position(const timeline_t* timeline, int64_t now_ns) noexcept nogil:
    return (now_ns - timeline.began_ns) // NS_PER_SAMPLE


cdef void timeline_put(timeline_t* timeline, int lane_number, const packet_t* packet, int64_t now_ns) noexcept nogil:
    """Place a packet that arrived at `now_ns`."""
    cdef lane_t* lane = &timeline.lanes[lane_number]
    cdef int64_t arrival = _position(timeline, now_ns)
    cdef placed_t placed
    cdef int layer
    if packet.count == 0:
        return
    layer = _layer_of(lane, packet, arrival)
    if not source_place(&lane.sources[layer], packet, arrival, &placed):
        return
    if placed.slid > 0:
        _slide(timeline, lane.layers[layer], &placed)
    lane.anchored += placed.anchored
    lane.corrected += placed.step if placed.step >= 0 else -placed.step
    if placed.step == 1:  # an inserted sample repeats its neighbour; a zero would click
        _repeat(timeline, lane.layers[layer], placed.place - 1)
    lane.late += _write(timeline, lane.layers[layer], packet.payload, packet.count, packet.table, placed.place)


cdef int _layer_of(lane_t* lane, const packet_t* packet, int64_t arrival) noexcept nogil:
    """The layer of the packet's source: the one it has, or one that no other source needs."""
    cdef source_t* first = &lane.sources[0]
    cdef source_t* second = &lane.sources[1]
    cdef int layer
    for layer in range(SOURCES):
        if lane.sources[layer].is_anchored and lane.sources[layer].ssrc == packet.ssrc:
            return layer
    layer = 0
    if first.is_anchored and arrival - first.arrival < GONE_SAMPLES and _has_layer(lane, 1):
        if not second.is_anchored or second.arrival <= first.arrival:
            layer = 1
    memset(&lane.sources[layer], 0, sizeof(source_t))
    return layer


cdef void _slide(timeline_t* timeline, int16_t* ring, const placed_t* placed) noexcept nogil:
    """Move a run's samples to an earlier place, and leave silence where they were."""
    cdef int64_t begin = max(placed.slid_from, placed.slid_until - SLIDE_MAX, timeline.drained)
    cdef int64_t end = min(placed.slid_until, timeline.drained + RING_SAMPLES)
    cdef int64_t at
    for at in range(begin, end):
        if at - placed.slid >= timeline.drained:
            ring[(at - placed.slid) & RING_MASK] = ring[at & RING_MASK]
        ring[at & RING_MASK] = 0


cdef void _repeat(timeline_t* timeline, int16_t* ring, int64_t place) noexcept nogil:
    if timeline.drained < place < timeline.drained + RING_SAMPLES:
        ring[place & RING_MASK] = ring[(place - 1) & RING_MASK]


cdef int64_t _write(
    timeline_t* timeline, int16_t* ring, const uint8_t* codes, int count, const int16_t* table, int64_t place
) noexcept nogil:
    """Decode into the ring what falls into its window; how many samples came too late, or far too early."""
    cdef int64_t begin = max(place, timeline.drained)
    cdef int64_t end = min(place + count, timeline.drained + RING_SAMPLES)
    cdef int64_t part
    if begin >= end:
        return count
    part = min(end - begin, RING_SAMPLES - (begin & RING_MASK))
    _decode(codes + (begin - place), table, ring + (begin & RING_MASK), part)
    _decode(codes + (begin - place + part), table, ring, end - begin - part)
    return begin - place


cdef void _decode(const uint8_t* codes, const int16_t* table, int16_t* samples, int64_t count) noexcept nogil:
    cdef int64_t at
    for at in range(count):
        samples[at] = table[codes[at]]


cdef void timeline_play(
    timeline_t* timeline, int lane_number, const uint8_t* codes, int count, const int16_t* table, int64_t at_ns
) noexcept nogil:
    """Lay what we play at `at_ns` to the other side over the lane."""
    cdef lane_t* lane = &timeline.lanes[lane_number]
    if _has_layer(lane, PLAYED):
        _write(timeline, lane.layers[PLAYED], codes, count, table, _position(timeline, at_ns))


cdef int64_t timeline_due(const timeline_t* timeline, int64_t now_ns, bint is_last) noexcept nogil:
    """How many samples can be handed out: up to now for the last time, up to the margin before now otherwise."""
    cdef int64_t due = _position(timeline, now_ns) - timeline.drained
    return max(<int64_t>0, due if is_last else due - MARGIN_SAMPLES)


cdef void timeline_take(timeline_t* timeline, int16_t* stereo, int64_t count) noexcept nogil:
    """Hand out the next `count` samples of both lanes, interleaved; beyond the ring there is only silence.

    With `stereo` NULL they are thrown away.
    """
    cdef int64_t held = min(count, <int64_t>RING_SAMPLES)
    cdef int64_t done = 0, part
    cdef int offset, lane
    if stereo != NULL:
        memset(stereo, 0, 2 * count * sizeof(int16_t))
    while done < held:  # the ring's end cuts the stretch into at most two parts
        offset = <int>((timeline.drained + done) & RING_MASK)
        part = min(held - done, <int64_t>(RING_SAMPLES - offset))
        for lane in range(LANES):
            _take_lane(&timeline.lanes[lane], offset, NULL if stereo == NULL else stereo + 2 * done + lane, part)
        done += part
    timeline.drained += count


cdef void _take_lane(lane_t* lane, int offset, int16_t* side, int64_t count) noexcept nogil:
    """Add the lane's layers to every other sample from `side` on, and leave silence behind."""
    cdef int layer
    for layer in range(LAYERS):
        if lane.layers[layer] == NULL:
            continue
        if side != NULL:
            _add(lane.layers[layer] + offset, side, count)
        memset(lane.layers[layer] + offset, 0, count * sizeof(int16_t))


cdef void _add(const int16_t* samples, int16_t* side, int64_t count) noexcept nogil:
    cdef int64_t at
    cdef int value
    for at in range(count):
        value = side[2 * at] + samples[at]
        side[2 * at] = <int16_t>max(LOWEST, min(HIGHEST, value))


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
        view.sequence = packet.sequence
        view.timestamp = packet.timestamp
        view.payload = &codes[0]
        view.count = <int>len(payload)
        view.table = decoding(law_of(codec))
        timeline_put(&self._state, lane, &view, int(now * 1e9))

    def play(self, lane, bytes codes, codec, now):
        """Lay what is played at `now` over a lane."""
        cdef const uint8_t[::1] view = codes
        timeline_play(&self._state, lane, &view[0], <int>len(codes), decoding(law_of(codec)), int(now * 1e9))

    def anchor(self, lane):
        """The lane gets another stream."""
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
        """Samples that places were moved by."""
        return self._state.lanes[lane].corrected

    def anchored(self, lane):
        """Runs that were begun."""
        return self._state.lanes[lane].anchored

    def deviation_ms(self, lane):
        """How far the first source's clock is off, smoothed."""
        return self._state.lanes[lane].sources[0].run.deviation / 8.0
