# Two received streams on one timeline: what a stereo recording is cut from.

from libc.stdint cimport int16_t, int64_t, uint8_t

from acdcore.media.placing cimport packet_t, source_t

cdef enum:
    LANES = 2               # left and right
    SOURCES = 2             # that one lane hears at once: a switch's announcement beside the caller
    PLAYED = SOURCES        # the layer of what we ourselves play to the other side
    LAYERS = SOURCES + 1
    RING_SAMPLES = 32768    # 4.096 s for each layer; a power of two
    MARGIN_SAMPLES = 2400   # 300 ms that a packet may be late before its place has been handed out

cdef struct lane_t:
    int16_t* layers[LAYERS] # RING_SAMPLES each, zero where nothing was placed; NULL until one is needed
    source_t sources[SOURCES]
    int64_t late            # samples that came too late for their place
    int64_t corrected       # samples that places were moved by, both ways added up
    int64_t anchored        # runs begun

cdef struct timeline_t:
    int64_t began_ns        # position 0
    int64_t drained         # first position not handed out
    lane_t lanes[LANES]

cdef bint timeline_create(timeline_t* timeline, int64_t now_ns) noexcept nogil
cdef void timeline_free(timeline_t* timeline) noexcept nogil
cdef void timeline_put(timeline_t* timeline, int lane, const packet_t* packet, int64_t now_ns) noexcept nogil
cdef void timeline_play(
    timeline_t* timeline, int lane, const uint8_t* codes, int count, const int16_t* table, int64_t at_ns
) noexcept nogil
cdef void timeline_anchor(timeline_t* timeline, int lane) noexcept nogil
cdef int64_t timeline_due(const timeline_t* timeline, int64_t now_ns, bint is_last) noexcept nogil
cdef void timeline_take(timeline_t* timeline, int16_t* stereo, int64_t count) noexcept nogil
