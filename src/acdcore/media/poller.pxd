# The engine's thread.

from acdcore.media.core cimport core_t

cdef void poller_run(core_t* core) noexcept nogil
