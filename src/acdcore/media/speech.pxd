# Whether somebody speaks, by how the energy of what is received rises and falls.

from libc.stdint cimport int16_t, int64_t, uint8_t

cdef enum:
    RING_FRAMES = 128       # a frame is judged by 105

cdef struct speech_t:
    double first, second    # what the high-pass remembers
    double energy           # behind it, of the frame that is being filled
    double heard            # the same before it
    int filled              # samples in that frame
    double frames[RING_FRAMES]  # mean square of each of the last frames
    int64_t ends[RING_FRAMES]   # where each ends
    int64_t count           # frames until now
    int64_t run             # of them in the present unbroken run of speech
    int64_t total           # samples of speech
    int64_t loud            # samples of what was loud, speech or not
    int64_t began           # position of the first speech
    int64_t ended           # position after the last of it, 0 while there was none
    int64_t key_until       # a key is pressed until there: what is heard is its tone

cdef void speech_begin(speech_t* speech) noexcept nogil
cdef void speech_hear(
    speech_t* speech, const uint8_t* codes, int count, const int16_t* table, int64_t position
) noexcept nogil
cdef void speech_known(const speech_t* speech, speech_t* known) noexcept nogil
cdef void speech_key(speech_t* speech, int64_t position) noexcept nogil
