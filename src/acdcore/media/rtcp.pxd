# RTCP (RFC 3550 section 6): our reports, and what we take from the peer's.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from acdcore.media.reception cimport report_block_t

cdef enum:
    CNAME_SIZE = 16         # RFC 7022: a random name for each stream
    RTCP_SIZE_MAX = 128     # of what we send: SR with a block, SDES and BYE

cdef struct sender_t:
    bint has_sent           # false: we send a receiver report
    uint32_t ssrc           # ours
    uint64_t ntp            # wall clock, 32.32 since 1900
    uint32_t timestamp      # RTP timestamp for the same moment
    uint32_t packets        # sent, modulo 2^32
    uint32_t octets         # payload sent, modulo 2^32

cdef struct outgoing_t:
    sender_t sender
    bint has_block          # a source of the peer's is known
    report_block_t block
    uint32_t last_report    # middle 32 bits of the peer's last sender report, 0 for none
    uint32_t since_report   # time since it came, 1/65536 s
    const uint8_t* cname    # CNAME_SIZE printable octets
    bint is_bye             # the stream ends

cdef struct incoming_t:
    uint32_t ssrc           # of the reporter, as its first report has it
    bint has_sender         # a sender report was in it
    uint32_t ntp_middle     # middle 32 bits of its wall clock
    bint has_block          # a block about our SSRC was in it
    int64_t lost            # cumulative
    uint32_t jitter         # samples
    uint32_t last_report    # middle bits of our report that it answers, 0 for none
    uint32_t since_report   # time the peer held it, 1/65536 s
    bint is_bye             # the peer leaves

cdef bint rtcp_read(const uint8_t* data, Py_ssize_t size, uint32_t ssrc, incoming_t* incoming) noexcept nogil
cdef int rtcp_write(uint8_t* data, const outgoing_t* outgoing) noexcept nogil


cdef inline bint rtcp_is(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """Whether a datagram on RTP's port is RTCP by its type: 192 to 223, payload types 64 to 95 with the marker bit
    (RFC 5761 section 4)."""
    return size > 1 and 192 <= data[1] <= 223
