# Whether somebody speaks, by the energy of what is received.

from libc.stdint cimport int16_t, int64_t, uint8_t

cdef struct speech_t:
    double floor            # mean square of the line's noise, as it is taken to be
    int64_t run             # samples of the present unbroken run above it
    int64_t total           # samples of speech
    int64_t began           # position of the first of them
    int64_t ended           # position after the last of them, 0 while there was none
    int64_t key_until       # a key is pressed until there: what is heard is its tone

cdef void speech_begin(speech_t* speech) noexcept nogil
cdef void speech_hear(
    speech_t* speech, const uint8_t* codes, int count, const int16_t* table, int64_t position
) noexcept nogil
cdef void speech_key(speech_t* speech, int64_t position) noexcept nogil
