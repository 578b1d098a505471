"""RTCP (RFC 3550 section 6): what we report about a stream, and what its peer reports about us."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from acdcore.media.core cimport DATAGRAM_MAX, REPORT, core_arm, core_random
from acdcore.media.inbound cimport inbound_live
from acdcore.media.linux cimport (
    CLOCK_REALTIME, MSG_DONTWAIT, MSG_TRUNC, clock_gettime, recvfrom, sendto, sockaddr, sockaddr_in, socklen_t, timespec,
)
from acdcore.media.reception cimport reception_report
from acdcore.media.rtcp cimport RTCP_SIZE_MAX, incoming_t, outgoing_t, rtcp_read, rtcp_write

cdef enum:
    NS_PER_SAMPLE = 125_000
    NTP_EPOCH_S = 2_208_988_800     # from 1900 to 1970


cdef void reports_arm(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """The next report comes after 0.5 to 1.5 of the interval (section 6.2), so that streams do not report in step."""
    cdef int64_t wait_ns = <int64_t>(core.report_ns * (0.5 + core_random(core)))
    core_arm(core, now_ns + wait_ns, REPORT, stream.id)


cdef uint64_t _ntp() noexcept nogil:
    """The wall clock, 32.32 bits."""
    cdef timespec at
    cdef uint64_t fraction
    clock_gettime(CLOCK_REALTIME, &at)
    fraction = (<uint64_t>at.tv_nsec << 32) // 1_000_000_000
    return ((<uint64_t>at.tv_sec + NTP_EPOCH_S) << 32) | fraction


cdef void reports_send(core_t* core, stream_t* stream, bint is_bye, int64_t now_ns) noexcept nogil:
    """Send a report, with BYE when the stream ends. A report that the kernel refuses is lost like any other."""
    cdef outgoing_t outgoing
    cdef uint8_t data[RTCP_SIZE_MAX]
    if not stream.has_target:
        return
    memset(&outgoing, 0, sizeof(outgoing))
    outgoing.cname = stream.cname
    outgoing.is_bye = is_bye
    outgoing.sender.ssrc = stream.outlet.ssrc
    if stream.outlet.has_sent:
        outgoing.sender.has_sent = True
        outgoing.sender.ntp = _ntp()
        outgoing.sender.timestamp = stream.outlet.newest + <uint32_t>(
            (now_ns - stream.outlet.newest_ns) // NS_PER_SAMPLE
        )
        outgoing.sender.packets = <uint32_t>stream.counters.packets_out
        outgoing.sender.octets = <uint32_t>stream.counters.octets_out
    if stream.reception.has_source:
        outgoing.has_block = True
        reception_report(&stream.reception, &outgoing.block)
        if stream.peer.ntp_middle:
            outgoing.last_report = stream.peer.ntp_middle
            outgoing.since_report = <uint32_t>(((now_ns - stream.peer.heard_ns) << 16) // 1_000_000_000)
    sendto(
        stream.rtcp_fd, data, rtcp_write(data, &outgoing), MSG_DONTWAIT,
        <const sockaddr*>&stream.rtcp_target, sizeof(sockaddr_in),
    )


cdef void reports_receive(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Read a datagram from the RTCP port; ours go back to where the peer's come from (RFC 4961 section 4)."""
    cdef sockaddr_in source
    cdef socklen_t source_size = sizeof(source)
    cdef ssize_t size = recvfrom(
        stream.rtcp_fd, core.buffer, DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC, <sockaddr*>&source, &source_size
    )
    if size < 0:
        return
    core.tally.packets += 1
    if reports_take(core, stream, core.buffer, size, &source, now_ns):
        if stream.latch.has_nat and stream.latch.is_symmetric:
            stream.rtcp_target = source


cdef bint reports_take(
    core_t* core, stream_t* stream, const uint8_t* data, Py_ssize_t size, const sockaddr_in* source, int64_t now_ns
) noexcept nogil:
    """Take a datagram with RTCP, which came to the RTCP port or to RTP's; whether it is the peer's."""
    cdef incoming_t incoming
    if not stream.has_target or source.sin_addr.s_addr != stream.target.sin_addr.s_addr:
        stream.counters.strangers += 1
        return False
    if source.sin_port == stream.rtcp_target.sin_port:
        inbound_live(core, stream, now_ns)
    if size > DATAGRAM_MAX or not rtcp_read(data, size, stream.outlet.ssrc, &incoming):
        stream.counters.malformed += 1
        return False
    if not _is_peers(stream, &incoming):
        stream.counters.strangers += 1
        return False
    inbound_live(core, stream, now_ns)
    if incoming.has_sender:
        stream.peer.ntp_middle = incoming.ntp_middle
        stream.peer.heard_ns = now_ns
    if incoming.has_block:
        _take_block(stream, &incoming)
    return True


cdef bint _is_peers(const stream_t* stream, const incoming_t* incoming) noexcept nogil:
    """Whether a report knows what only the peer knows: our SSRC, or the one that we hear.

    The IP alone says little, since all calls of a trunk may come from one, and the port is any behind a NAT. BYE ends
    nothing in any case: when a call is over is said in SIP.
    """
    return incoming.has_block or (stream.reception.has_source and incoming.ssrc == stream.reception.ssrc)


cdef void _take_block(stream_t* stream, const incoming_t* incoming) noexcept nogil:
    cdef int travelled
    stream.peer.lost = incoming.lost
    stream.peer.jitter = incoming.jitter
    if incoming.last_report == 0:
        return
    # Section 6.4.1: now less when we reported less how long the peer held it, in 1/65536 s. Below zero when the peer's
    # clock is coarse.
    travelled = <int>(<uint32_t>(_ntp() >> 16) - incoming.last_report - incoming.since_report)
    stream.peer.rtt_ms = max(0, travelled) * 1000.0 / 65536.0
