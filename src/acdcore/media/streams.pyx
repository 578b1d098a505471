"""The life of a stream, as the commands change it."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from acdcore.media.core cimport PAYLOAD_TYPES, SILENCE, SLOTS, core_arm, core_take_slot
from acdcore.media.ears cimport ear_detach
from acdcore.media.latch cimport latch_connect, latch_target
from acdcore.media.linux cimport EPOLL_CTL_ADD, EPOLLIN, epoll_ctl, epoll_event, htons, ntohs
from acdcore.media.outlet cimport outlet_interrupt
from acdcore.media.playout cimport playout_loop, playout_stop, playout_wake
from acdcore.media.reports cimport reports_arm, reports_send
from acdcore.media.taps cimport tap_detach


cdef int64_t stream_open(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Take in a stream whose sockets are bound; its id, or 0 when all slots are taken or epoll refuses."""
    stream.id = core_take_slot(core, <void**>core.streams)
    if stream.id == 0:
        return 0
    if not _watch(core, stream.rtp_fd, 2 * stream.id) or not _watch(core, stream.rtcp_fd, 2 * stream.id + 1):
        return 0
    stream.dtmf_payload_type = -1
    stream.peer.rtt_ms = -1
    stream.reception.restart_at = stream.beside.restart_at = -1
    core.streams[stream.id % SLOTS] = stream
    core.tally.streams += 1
    reports_arm(core, stream, now_ns)
    return stream.id


cdef bint _watch(core_t* core, int fd, uint64_t tag) noexcept nogil:
    cdef epoll_event event
    event.events = EPOLLIN
    event.data.u64 = tag
    return epoll_ctl(core.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0


cdef void stream_connect(core_t* core, stream_t* stream, const agreed_t* agreed, int64_t now_ns) noexcept nogil:
    """Take over what was agreed; the peer has all its time to be heard."""
    if not stream.is_connected:
        stream.sent_ns = now_ns
    stream.is_connected = True
    stream.sends = agreed.sends
    stream.receives = agreed.receives
    stream.is_early = stream.is_awaited = agreed.is_early
    stream.law = agreed.law
    stream.payload_type = agreed.payload_type
    stream.dtmf_payload_type = agreed.dtmf_payload_type
    memcpy(stream.meanings, agreed.meanings, PAYLOAD_TYPES)
    stream.frame_samples = agreed.frame_samples
    stream.heard_ns = stream.alive_ns = now_ns
    stream.is_lost = False
    if latch_connect(&stream.latch, &agreed.peer, core.learning_ns, now_ns):
        stream_aim(stream)
    # RFC 3264 section 8.4: an older peer holds by naming 0.0.0.0; port 0 means that the medium is off.
    stream.has_target = not stream.latch.is_off
    _interrupt(core, stream, now_ns)
    if stream.receives and core.lost_after_ns > 0 and not stream.is_silence_armed:
        stream.is_silence_armed = True
        core_arm(core, now_ns + core.lost_after_ns, SILENCE, stream.id)


cdef void stream_aim(stream_t* stream) noexcept nogil:
    """Send to where the latch points from now on, and reports to the port above (RFC 3550 section 11)."""
    stream.target = stream.rtcp_target = latch_target(&stream.latch)[0]
    stream.rtcp_target.sin_port = htons(ntohs(stream.target.sin_port) + 1)


cdef void _interrupt(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Who feeds this stream and its other side may have changed: what comes now does not continue what came before."""
    outlet_interrupt(&stream.outlet)
    playout_wake(core, stream, now_ns)
    if stream.bridge != NULL:
        outlet_interrupt(&stream.bridge.outlet)
        playout_wake(core, stream.bridge, now_ns)


cdef void stream_bridge(core_t* core, stream_t* one, stream_t* other, int64_t now_ns) noexcept nogil:
    """Let each hear the other; who they were bridged with before is left alone."""
    if one.bridge == other:
        return
    stream_unbridge(core, one, now_ns)
    stream_unbridge(core, other, now_ns)
    one.bridge = other
    other.bridge = one
    _interrupt(core, one, now_ns)


cdef void stream_unbridge(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """End the bridge for both sides; their backgrounds go on."""
    cdef stream_t* other = stream.bridge
    if other == NULL:
        return
    stream.bridge = other.bridge = NULL
    _interrupt(core, stream, now_ns)
    _interrupt(core, other, now_ns)


cdef void stream_close(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Say BYE and let go of everything but the sockets and the struct, which are the caller's."""
    reports_send(core, stream, True, now_ns)
    stream_unbridge(core, stream, now_ns)
    tap_detach(stream)
    ear_detach(stream)
    stream.is_connected = False
    playout_loop(core, stream, NULL)
    playout_stop(core, stream, False)
    core.streams[stream.id % SLOTS] = NULL
    core.tally.streams -= 1
