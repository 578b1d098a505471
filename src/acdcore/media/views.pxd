# Between the engine's structs and Python's objects.

from acdcore.media.core cimport block_t, event_t, frame_t, stream_t
from acdcore.media.streams cimport agreed_t

cdef agreed_t view_agreed(target) except *
cdef object view_figures(const stream_t* stream)
cdef object view_event(const event_t* event)
cdef object view_frame(const frame_t* frame)
cdef void view_block(list blocks, const block_t* block) except *
