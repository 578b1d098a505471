# The life of a stream: opened, connected, bridged, closed.

from libc.stdint cimport int64_t, uint8_t

from acdcore.media.core cimport PAYLOAD_TYPES, core_t, stream_t
from acdcore.media.latch cimport peer_t

cdef struct agreed_t:
    peer_t peer             # where it is, as it says
    int law                 # of what we send
    int payload_type        # of what we send
    int dtmf_payload_type   # of what we send, -1 for none
    uint8_t meanings[PAYLOAD_TYPES]     # of what we are sent
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
