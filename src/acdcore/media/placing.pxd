# Where on a timeline a received packet belongs.

from libc.stdint cimport int16_t, int64_t, uint16_t, uint32_t, uint8_t

cdef struct packet_t:
    uint32_t ssrc           # source
    uint16_t sequence       # number
    uint32_t timestamp      # of the first sample
    const uint8_t* payload  # one code for each sample
    int count               # samples
    const int16_t* table    # linear values of the codes

cdef struct run_t:
    int64_t began           # arrival of its first packet
    int64_t origin          # place of its first packet
    int64_t moved           # how much later it lies than the timestamps had it, 0 when it follows from nothing
    double deviation        # arrival less place, the least of it, smoothed, samples

cdef struct source_t:
    bint is_anchored        # a packet was placed
    uint32_t ssrc
    uint16_t sequence       # of the newest packet,
    uint32_t timestamp
    int64_t position        # where it was placed,
    int count               # how long it was,
    int64_t arrival         # when it came, and
    int64_t late            # arrival less place
    bint is_clock_wrong     # its timestamps did not fit its numbers
    double jitter           # mean change of lateness from packet to packet, samples
    int changes             # how many of them it is the mean of
    int64_t least           # arrival less place in the present window, and
    int measured            # packets in it
    bint is_correcting      # the deviation is being worked off
    run_t run               # the run that it is in
    run_t before            # the one before, which a run that was only late goes back to

cdef struct placed_t:
    int64_t place           # of the packet's first sample
    int64_t slid            # samples by which the run has to lie earlier than it was placed
    int64_t slid_from       # where the run lay,
    int64_t slid_until
    int anchored            # 1 for a new run, -1 for one that was none after all
    int step                # samples worked off with this packet

cdef bint source_place(
    source_t* source, const packet_t* packet, int64_t arrival, placed_t* placed
) noexcept nogil
