"""A binary heap of deadlines.

There is no cancelling: whoever is called looks whether it still wants to be. Each stream and tap has at most one deadline
of each kind, and those of closed ones surface within seconds, so the heap stays proportional to what is open.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc

cdef enum:
    FIRST_CAPACITY = 256


cdef bint timers_push(timers_t* timers, int64_t due_ns, int kind, int64_t id) noexcept nogil:
    """Arm a deadline; False when there is no memory for it."""
    cdef int at, parent, capacity
    cdef deadline_t* heap
    if timers.count == timers.capacity:
        capacity = 2 * timers.capacity if timers.capacity else FIRST_CAPACITY
        heap = <deadline_t*>realloc(timers.heap, capacity * sizeof(deadline_t))
        if heap == NULL:
            return False
        timers.heap = heap
        timers.capacity = capacity
    at = timers.count
    timers.count += 1
    while at > 0:
        parent = (at - 1) // 2
        if timers.heap[parent].due_ns <= due_ns:
            break
        timers.heap[at] = timers.heap[parent]
        at = parent
    timers.heap[at].due_ns = due_ns
    timers.heap[at].kind = kind
    timers.heap[at].id = id
    return True


cdef bint timers_pop(timers_t* timers, int64_t now_ns, deadline_t* deadline) noexcept nogil:
    """Take the earliest deadline if it is due; False when none is."""
    cdef deadline_t last
    cdef int at = 0, child
    if timers.count == 0 or timers.heap[0].due_ns > now_ns:
        return False
    deadline[0] = timers.heap[0]
    timers.count -= 1
    last = timers.heap[timers.count]
    while True:
        child = 2 * at + 1
        if child >= timers.count:
            break
        if child + 1 < timers.count and timers.heap[child + 1].due_ns < timers.heap[child].due_ns:
            child += 1
        if last.due_ns <= timers.heap[child].due_ns:
            break
        timers.heap[at] = timers.heap[child]
        at = child
    timers.heap[at] = last
    return True


cdef void timers_free(timers_t* timers) noexcept nogil:
    """Give the memory back."""
    free(timers.heap)
    timers.heap = NULL
    timers.count = 0
    timers.capacity = 0
