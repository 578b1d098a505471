# Where a stream's peer is: whose packets are heard, and where ours go. The rules stand at the head of latch.pyx.

from libc.stdint cimport int64_t, uint16_t, uint32_t

from acdcore.media.linux cimport sockaddr_in
from acdcore.media.rtp cimport rtp_header_t

cdef enum:
    CANDIDATES = 4      # sources that prove themselves side by side: a peer behind a NAT and three strangers

cdef enum rank_t:
    OPEN            # nothing heard yet: we send to the signalled address
    OTHER_IP        # heard from an IP that nobody named
    NAMED_IP        # from the signalled IP or the one that SIP comes from, at another port
    SIGNALLED       # from the signalled address

cdef struct candidate_t:
    sockaddr_in source
    rank_t rank
    uint32_t ssrc
    uint16_t sequence       # of its last packet
    int count               # packets in sequence; 0 for a free place
    int64_t since_ns        # the first of them
    int64_t heard_ns        # the last of them

cdef struct peer_t:
    sockaddr_in address     # where its SDP says that it listens; 0.0.0.0 or port 0: nowhere
    uint32_t sip_ip         # where its SIP comes from, network order; 0 when that is no IPv4 address
    bint has_nat            # a NAT may lie between: audio may come from elsewhere, and is sent to where it comes from
    bint is_symmetric       # it hears us where it sends from; else only where its SDP says
    bint talks              # audio is to be expected from it

cdef struct latch_t:
    sockaddr_in signalled   # the last address that was one
    bint is_off             # the peer's SDP names none at present
    uint32_t sip_ip
    bint has_nat
    bint is_symmetric
    rank_t rank             # what `source` is taken by
    sockaddr_in source      # whose packets are heard, unless the rank is OPEN
    sockaddr_in left        # the source before the signalled address changed
    int64_t left_until_ns   # a stranger until then
    int64_t learning_until_ns   # the learning window's end, 0 before it began
    candidate_t candidates[CANDIDATES]

cdef struct passage_t:      # what else is to be known of a packet that is not the source's
    bint is_carried_on      # it carries on the source's stream
    int64_t heard_ns        # when the source was heard last

cdef bint latch_connect(latch_t* latch, const peer_t* peer, int64_t learning_ns, int64_t now_ns) noexcept nogil
cdef bint latch_consider(
    latch_t* latch, const sockaddr_in* source, const rtp_header_t* header, const passage_t* passage, int64_t now_ns
) noexcept nogil


cdef inline bint is_same(const sockaddr_in* one, const sockaddr_in* other) noexcept nogil:
    return one.sin_addr.s_addr == other.sin_addr.s_addr and one.sin_port == other.sin_port


cdef inline bint latch_is_source(const latch_t* latch, const sockaddr_in* source) noexcept nogil:
    """Whether a packet comes from the peer as it is known: nearly all do."""
    return latch.rank != OPEN and is_same(source, &latch.source)


cdef inline const sockaddr_in* latch_target(const latch_t* latch) noexcept nogil:
    """Where audio goes: to where it comes from (RFC 4961), or to the signalled address where there is no NAT, or where the
    peer sends from another address than it hears at."""
    return &latch.source if latch.rank != OPEN and latch.has_nat and latch.is_symmetric else &latch.signalled
