# The packet path: from a phone's datagram to the other phone, the recording and the digits.

from libc.stdint cimport int64_t

from acdcore.media.core cimport core_t, stream_t

cdef void inbound_receive(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void inbound_live(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void inbound_expire_key(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void inbound_check_silence(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
