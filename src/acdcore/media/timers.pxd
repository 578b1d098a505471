# The engine's deadlines: a binary heap, earliest on top.

from libc.stdint cimport int64_t

cdef struct deadline_t:
    int64_t due_ns          # monotonic
    int64_t id              # whose: a stream or a tap
    int kind                # what for

cdef struct timers_t:
    deadline_t* heap        # heap[0] is the earliest
    int count
    int capacity

cdef bint timers_push(timers_t* timers, int64_t due_ns, int kind, int64_t id) noexcept nogil
cdef bint timers_pop(timers_t* timers, int64_t now_ns, deadline_t* deadline) noexcept nogil
cdef void timers_free(timers_t* timers) noexcept nogil
