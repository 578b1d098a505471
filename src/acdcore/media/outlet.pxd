# What one phone is sent: a single RTP source, whatever feeds it.

from libc.stdint cimport int64_t, uint16_t, uint32_t

from acdcore.media.rtp cimport rtp_header_t

cdef struct outlet_t:
    uint32_t ssrc               # for the stream's whole life
    bint has_sent               # anything went out yet
    uint16_t next_sequence      # one above the highest sent
    uint32_t next_timestamp     # end of the newest audio sent
    uint32_t newest             # timestamp of the newest packet
    int64_t newest_ns           # when the first packet with that timestamp went out
    bint is_relaying            # a relay run is on; the fields below belong to it
    uint32_t source_ssrc        # whose packets are relayed
    uint16_t source_highest     # highest sequence number that came
    int64_t source_span         # sequence numbers from the run's first to its highest
    uint32_t source_newest      # timestamp of the packet with the highest sequence number
    int64_t source_newest_ns    # when it came
    uint16_t sequence_offset    # ours less the source's
    uint32_t timestamp_offset   # ours less the source's

cdef void outlet_generate(
    outlet_t* outlet, int samples, bint is_first, int64_t now_ns, rtp_header_t* header
) noexcept nogil
cdef bint outlet_relay(
    outlet_t* outlet, const rtp_header_t* source, int samples, int64_t now_ns, rtp_header_t* header
) noexcept nogil
cdef void outlet_omit(outlet_t* outlet, uint32_t ssrc, uint16_t sequence) noexcept nogil
cdef void outlet_interrupt(outlet_t* outlet) noexcept nogil
