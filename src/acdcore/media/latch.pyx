"""The latch: one stream hears one source, and no other sender can take its place.

What is heard, of valid RTP with an agreed payload type:

  source of the packet                      is heard                      when
  1 the source latched on to                at once                       always
  2 the signalled address                   at once                       at any time
  3 another port of the signalled IP, or    after a run                   at any time, until the signalled address itself
    the IP that the peer's SIP comes from                                 has been heard
  4 another IP                              after a run                   within the learning window, while nothing is
                                                                          latched; then another port of the same IP
  5 any that carries on the source's        after a run                   at any time: a NAT gave the peer a new address
    stream (reception_carries_on)
  6 the source that the peer left by        as in 3 and 4, not before     its last packets are on their way
    naming another address                  LEFT_NS have gone by
  anybody else, and all before their run is complete: a stranger, counted, not heard, not recorded, not sent to

A run is RUN_PACKETS with one SSRC and successive numbers over RUN_NS or more, none later than GAP_NS after the one before:
neither one packet nor a burst, nor one now and then, is a talk. A run that has no better rank than the source counts only
while that one is silent. Ranks: signalled address, named IP (row 3), other IP.

Where there is no NAT (`has_nat`): rows 3 and 5 are for other ports of the signalled IP only, row 4 is for nobody, and ours
go to the signalled address whatever is heard (RFC 3264 section 5.1). Elsewhere ours go to the source (RFC 4961), unless the
peer is not symmetric (`is_symmetric`): it is heard by the same rows, and ours go to the signalled address.

connect                                     what it does
  the same address, or none (hold)          nothing: source and learning window stay
  the source's own address                  the source stays, now as the signalled one
  another address                           nothing is latched; the source is left (row 6); a new window
The learning window begins with the first connect at which audio is to be expected: a peer that begins on hold leaves
nobody time to come before it.
"""

import socket

from libc.stdint cimport int64_t, uint16_t
from libc.string cimport memcpy, memset

from acdcore.media.linux cimport AF_INET, htons, ntohs

from acdcore.kernel.address import Address

cdef enum:
    RUN_PACKETS = 4             # twice the probation of RFC 3550 section 6.2.1; lost to the ear are 60 ms
    RUN_NS = 50_000_000         # four packets of 20 ms, jitter allowed for
    GAP_NS = 250_000_000        # above what a network delays; a key held down is heard of each 50 ms
    LEFT_NS = 1_000_000_000     # above any round trip and any phone's buffer


cdef bint latch_connect(latch_t* latch, const peer_t* peer, int64_t learning_ns, int64_t now_ns) noexcept nogil:
    """Take over where the peer says that it is; whether that is somewhere else than before."""
    latch.has_nat = peer.has_nat
    latch.is_symmetric = peer.is_symmetric
    latch.sip_ip = peer.sip_ip
    latch.is_off = peer.address.sin_addr.s_addr == 0 or peer.address.sin_port == 0
    if latch.is_off:
        return False
    if latch_is_source(latch, &peer.address):
        latch.rank = SIGNALLED
    elif not is_same(&peer.address, &latch.signalled):
        latch.left = latch.signalled if latch.rank == OPEN else latch.source
        latch.left_until_ns = now_ns + LEFT_NS
        latch.rank = OPEN
        latch.learning_until_ns = 0
        memset(latch.candidates, 0, sizeof(latch.candidates))
    if peer.talks and latch.learning_until_ns == 0:
        latch.learning_until_ns = now_ns + learning_ns
    if is_same(&peer.address, &latch.signalled):
        return False
    latch.signalled = peer.address
    return True


cdef bint latch_consider(
    latch_t* latch, const sockaddr_in* source, const rtp_header_t* header, const passage_t* passage, int64_t now_ns
) noexcept nogil:
    """Whether a valid packet from elsewhere than the source is the peer's after all; it is the source then."""
    cdef rank_t rank
    if latch.is_off:
        return False
    rank = _rank(latch, source)
    if rank != SIGNALLED:
        if not _may_be_peer(latch, source, rank, passage.is_carried_on, now_ns):
            return False
        if not _completes_run(latch, source, rank, header, passage.heard_ns, now_ns):
            return False
    latch.rank = rank
    latch.source = source[0]
    memset(latch.candidates, 0, sizeof(latch.candidates))
    return True


cdef rank_t _rank(const latch_t* latch, const sockaddr_in* source) noexcept nogil:
    if is_same(source, &latch.signalled):
        return SIGNALLED
    if source.sin_addr.s_addr == latch.signalled.sin_addr.s_addr:
        return NAMED_IP
    return NAMED_IP if latch.has_nat and source.sin_addr.s_addr == latch.sip_ip else OTHER_IP


cdef bint _may_be_peer(
    const latch_t* latch, const sockaddr_in* source, rank_t rank, bint is_carried_on, int64_t now_ns
) noexcept nogil:
    """Rows 3 to 6: whether a run from there would be believed now."""
    if rank == OTHER_IP and not latch.has_nat:
        return False
    if now_ns < latch.left_until_ns and is_same(source, &latch.left):
        return False
    if latch.rank != OPEN and is_carried_on:
        return True
    if rank == NAMED_IP:
        return latch.rank != SIGNALLED
    if latch.rank == OPEN:
        return now_ns < latch.learning_until_ns
    return latch.rank == OTHER_IP and source.sin_addr.s_addr == latch.source.sin_addr.s_addr


cdef bint _completes_run(
    latch_t* latch, const sockaddr_in* source, rank_t rank, const rtp_header_t* header, int64_t heard_ns,
    int64_t now_ns,
) noexcept nogil:
    cdef candidate_t* candidate = _candidate(latch, source, rank, now_ns)
    cdef bint is_interrupted
    cdef int step
    if candidate == NULL:
        return False
    step = <uint16_t>(header.sequence - candidate.sequence)
    is_interrupted = rank <= latch.rank and heard_ns >= candidate.heard_ns
    if candidate.count == 0 or candidate.ssrc != header.ssrc or is_interrupted or _is_stale(candidate, now_ns):
        _begin_run(candidate, source, rank, header, now_ns)
    elif step == 1:
        candidate.sequence = header.sequence
        candidate.heard_ns = now_ns
        candidate.count += 1
    elif step != 0:     # one that came twice is no fault of the peer
        _begin_run(candidate, source, rank, header, now_ns)
    return candidate.count >= RUN_PACKETS and now_ns - candidate.since_ns >= RUN_NS


cdef void _begin_run(
    candidate_t* candidate, const sockaddr_in* source, rank_t rank, const rtp_header_t* header, int64_t now_ns
) noexcept nogil:
    candidate.source = source[0]
    candidate.rank = rank
    candidate.ssrc = header.ssrc
    candidate.sequence = header.sequence
    candidate.count = 1
    candidate.since_ns = candidate.heard_ns = now_ns


cdef bint _is_stale(const candidate_t* candidate, int64_t now_ns) noexcept nogil:
    return now_ns - candidate.heard_ns > GAP_NS


cdef candidate_t* _candidate(latch_t* latch, const sockaddr_in* source, rank_t rank, int64_t now_ns) noexcept nogil:
    """The source's own place, else a free one, else that of who has proved least; NULL when all have proved more.

    A newcomer is the last of its kind to be pushed out, and nobody is after a second packet, except by a better rank: who
    sends from ever new addresses keeps no peer from proving itself.
    """
    cdef candidate_t* one
    cdef candidate_t* least = NULL
    cdef int at
    for at in range(CANDIDATES):
        one = &latch.candidates[at]
        if one.count and _is_stale(one, now_ns):
            one.count = 0
        if one.count and is_same(&one.source, source):
            return one
        if least == NULL or _has_proved_less(one, least):
            least = one
    if least.count and (least.rank < rank or (least.rank == rank and least.count == 1)):
        least.count = 0
    return least if least.count == 0 else NULL


cdef bint _has_proved_less(const candidate_t* one, const candidate_t* other) noexcept nogil:
    if (one.count == 0) != (other.count == 0):
        return one.count == 0
    if one.rank != other.rank:
        return one.rank < other.rank
    if one.count != other.count:
        return one.count < other.count
    return one.heard_ns < other.heard_ns


cdef class Latch:
    """The same, for tests."""

    cdef latch_t _latch

    def __cinit__(self):
        memset(&self._latch, 0, sizeof(self._latch))

    def connect(
        self, address, now_ns, *,
        has_nat=True, is_symmetric=True, sip_host=None, talks=True, learning_ns=10_000_000_000,
    ):
        """Take over where the peer says that it is; whether that is somewhere else than before."""
        cdef peer_t peer
        cdef sockaddr_in sip
        memset(&peer, 0, sizeof(peer))
        _fill(&peer.address, address.host, address.port)
        _fill(&sip, sip_host or "0.0.0.0", 0)
        peer.sip_ip = sip.sin_addr.s_addr
        peer.has_nat = has_nat
        peer.is_symmetric = is_symmetric
        peer.talks = talks
        return bool(latch_connect(&self._latch, &peer, learning_ns, now_ns))

    def hear(self, address, ssrc, sequence, now_ns, *, heard_ns=-1, is_carried_on=False):
        """Whether a packet is the peer's; `heard_ns` is when the source was heard last."""
        cdef sockaddr_in source
        cdef rtp_header_t header
        cdef passage_t passage
        memset(&source, 0, sizeof(source))
        memset(&header, 0, sizeof(header))
        _fill(&source, address.host, address.port)
        header.ssrc = ssrc
        header.sequence = sequence
        passage.is_carried_on = is_carried_on
        passage.heard_ns = heard_ns
        return bool(
            latch_is_source(&self._latch, &source)
            or latch_consider(&self._latch, &source, &header, &passage, now_ns)
        )

    @property
    def source(self):
        """Whose packets are heard; None before anybody is."""
        return None if self._latch.rank == OPEN else _address(&self._latch.source)

    @property
    def target(self):
        """Where ours go."""
        return _address(latch_target(&self._latch))


cdef void _fill(sockaddr_in* place, host, port) except *:
    cdef bytes packed = socket.inet_aton(host)
    place.sin_family = AF_INET
    place.sin_port = htons(port)
    memcpy(&place.sin_addr, <const char*>packed, 4)


cdef object _address(const sockaddr_in* place):
    return Address(socket.inet_ntop(socket.AF_INET, (<const char*>&place.sin_addr)[:4]), ntohs(place.sin_port))
