# Streams that somebody listens to while they go on.

from libc.stdint cimport int64_t

from acdcore.media.core cimport core_t, ear_t, frame_t, stream_t

cdef ear_t* ear_create(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void ear_detach(stream_t* stream) noexcept nogil
cdef void ear_cut(core_t* core, ear_t* ear, int64_t now_ns) noexcept nogil
cdef void ear_close(core_t* core, ear_t* ear) noexcept nogil
cdef frame_t* ear_take_frames(core_t* core) noexcept nogil
