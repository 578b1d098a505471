# The life of a stream: opened, connected, bridged, closed.

from libc.stdint cimport int64_t, uint32_t

from acdcore.media.core cimport core_t, stream_t
from acdcore.media.latch cimport peer_t

cdef struct agreed_t:
    peer_t peer             # where it is, as it says
    int law
    int payload_type
    int dtmf_payload_type   # of what we send, -1 for none
    int dtmf_payload_type_in    # of what we are sent, -1 for none
    int frame_samples
    bint sends
    bint receives
    bint is_early           # before the answer: nothing need come yet

cdef int64_t stream_open(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void stream_connect(core_t* core, stream_t* stream, const agreed_t* agreed, int64_t now_ns) noexcept nogil
cdef void stream_aim(stream_t* stream) noexcept nogil
cdef void stream_bridge(core_t* core, stream_t* one, stream_t* other, int64_t now_ns) noexcept nogil
cdef void stream_unbridge(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void stream_close(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
