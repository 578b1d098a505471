# A prompt over music that goes on beneath it.

from libc.stdint cimport uint8_t

cdef int overlay_mix(int law, const uint8_t* prompt, uint8_t* music, int count, int depth) noexcept nogil
