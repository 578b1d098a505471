# RTCP of a stream.

from libc.stdint cimport int64_t, uint8_t

from acdcore.media.core cimport core_t, stream_t
from acdcore.media.linux cimport sockaddr_in

cdef void reports_arm(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void reports_send(core_t* core, stream_t* stream, bint is_bye, int64_t now_ns) noexcept nogil
cdef void reports_receive(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef bint reports_take(
    core_t* core, stream_t* stream, const uint8_t* data, Py_ssize_t size, const sockaddr_in* source, int64_t now_ns
) noexcept nogil
