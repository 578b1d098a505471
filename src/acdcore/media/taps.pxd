# Recordings in progress.

from libc.stdint cimport int64_t

from acdcore.media.core cimport block_t, core_t, stream_t, tap_t
from acdcore.media.timeline cimport packet_t

cdef tap_t* tap_create(core_t* core, bint has_prompts, int64_t hush_ns, int64_t now_ns) noexcept nogil
cdef void tap_attach(tap_t* tap, int lane, stream_t* stream) noexcept nogil
cdef void tap_detach(stream_t* stream) noexcept nogil
cdef void tap_cut(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil
cdef void tap_check_speech(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil
cdef void tap_close(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil
cdef block_t* tap_take_blocks(core_t* core) noexcept nogil
