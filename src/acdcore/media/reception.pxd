# What is known of one incoming RTP stream: order, loss and jitter (RFC 3550 appendix A).

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from acdcore.media.rtp cimport rtp_header_t

cdef enum arrival_t:
    FOLLOWS     # above all sequence numbers so far
    OVERTAKEN   # one with a higher number came first
    REPEATED    # came already; to be ignored
    OUTSIDE     # far from the others; to be ignored unless its successor follows
    RESTARTED   # a new source, or the old one with a new sequence

cdef struct reception_t:
    bint has_source         # anything came yet
    uint32_t ssrc           # of the present source
    uint16_t highest        # highest sequence number, modulo 2^16
    int64_t cycles          # 2^16 for each time it wrapped
    int64_t first           # sequence number that the source began with
    int64_t received        # packets of the source, repeated ones not among them
    int64_t lost_before     # lost by the sources before this one
    uint64_t window         # bit i: `highest - i` has come
    int restart_at          # the number that would prove a restart, -1 when none is suspected
    int64_t reordered
    int64_t duplicates
    bint has_transit        # `transit` is known
    uint32_t transit        # arrival less timestamp of the packet before
    uint32_t jitter_x16     # jitter in samples, times 16 as in A.8
    int64_t reported_expected   # expected and received at the report before
    int64_t reported_received

cdef struct report_block_t:
    uint32_t ssrc           # the source reported on
    int fraction_lost       # of the last interval, in 1/256
    int64_t lost            # since the source began, at most 2^23 - 1
    uint32_t highest        # extended sequence number
    uint32_t jitter         # samples

cdef arrival_t reception_note(reception_t* reception, uint32_t ssrc, uint16_t sequence) noexcept nogil
cdef void reception_time(reception_t* reception, uint32_t timestamp, uint32_t arrival) noexcept nogil
cdef bint reception_carries_on(
    const reception_t* reception, const rtp_header_t* header, uint32_t arrival, int64_t silent_samples
) noexcept nogil
cdef int64_t reception_lost(const reception_t* reception) noexcept nogil
cdef void reception_report(reception_t* reception, report_block_t* block) noexcept nogil
