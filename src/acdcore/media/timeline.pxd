# Two received streams on one line of time: what a stereo recording is cut from.

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t

cdef enum:
    LANES = 2               # left and right
    RING_SAMPLES = 32768    # 4.096 s for each lane; a power of two
    MARGIN_SAMPLES = 2400   # 300 ms that a packet may be late before its place has been handed out

cdef struct lane_t:
    int16_t* ring           # RING_SAMPLES, zero where nothing was placed
    bint is_anchored        # a packet was placed since the lane was told to anchor
    uint32_t ssrc           # whose timestamps the anchor is in
    uint32_t timestamp      # of the newest packet, and
    int64_t position        # where it was placed: together the anchor
    double deviation        # arrival less place, smoothed, samples
    bint is_correcting      # the deviation is being worked off
    int64_t late_since_ns   # first of an unbroken run of late packets, -1 outside of one
    int64_t late            # samples that came too late for their place
    int64_t corrected       # samples that the anchor was moved by, both ways added up
    int64_t anchored        # times the lane was anchored

cdef struct packet_t:
    uint32_t ssrc           # source
    uint32_t timestamp      # of the first sample
    const uint8_t* payload  # one code for each sample
    int count               # samples
    const int16_t* table    # linear values of the codes

cdef struct timeline_t:
    int64_t began_ns        # position 0
    int64_t drained         # first position not handed out
    lane_t lanes[LANES]

cdef bint timeline_create(timeline_t* timeline, int64_t now_ns) noexcept nogil
cdef void timeline_free(timeline_t* timeline) noexcept nogil
cdef void timeline_put(timeline_t* timeline, int lane, const packet_t* packet, int64_t now_ns) noexcept nogil
cdef void timeline_anchor(timeline_t* timeline, int lane) noexcept nogil
cdef int64_t timeline_due(const timeline_t* timeline, int64_t now_ns, bint is_last) noexcept nogil
cdef void timeline_take(timeline_t* timeline, int16_t* stereo, int64_t count) noexcept nogil
