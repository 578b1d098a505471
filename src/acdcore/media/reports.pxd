# RTCP of a stream.

from libc.stdint cimport int64_t

from acdcore.media.core cimport core_t, stream_t

cdef void reports_arm(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void reports_send(core_t* core, stream_t* stream, bint is_bye, int64_t now_ns) noexcept nogil
cdef void reports_receive(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
