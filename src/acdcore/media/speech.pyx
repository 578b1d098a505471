"""Speech is what is clearly louder than the line's noise for 60 ms and more.

  1. A packet is loud above -45 dBFS and 9 dB above the floor. Talkers are at -20 to -30 dBFS, lines at -50 and less.
  2. The floor falls to each quieter packet at once and rises by 6 dB a second: hum, music on a quiet line and the noise
     of a car are no speech after a few seconds, and no sentence goes without a pause for as long.
  3. What is heard while a key is pressed is its tone, and so are the 60 ms before: some phones send both.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t
from libc.string cimport memset

from acdcore.media.g711 cimport decoding

from acdcore.media.g711 import law_of

cdef enum:
    LOUD_LEAST = 33_900         # rule 1: (32768 * 10 ** (-45 / 20)) ** 2
    LOUD_TIMES = 8              # 9 dB
    FLOOR_FIRST = 1_074         # -60 dBFS
    FLOOR_LEAST = 64
    RUN_LEAST = 480             # 60 ms: clicks are shorter
    KEY_BEFORE = 480            # rule 3
    KEY_AFTER = 800             # 100 ms: telephone-events of one press come at most 50 ms apart

cdef double FLOOR_RISE = 0.0278 / 160   # 6 dB a second, for a sample


cdef void speech_begin(speech_t* speech) noexcept nogil:
    """Nothing was heard yet."""
    memset(speech, 0, sizeof(speech_t))
    speech.floor = FLOOR_FIRST


cdef void speech_hear(
    speech_t* speech, const uint8_t* codes, int count, const int16_t* table, int64_t position
) noexcept nogil:
    """Judge a packet whose first sample is at `position`."""
    cdef double energy = _energy(codes, count, table)
    if count == 0 or position < speech.key_until:
        return
    if energy > LOUD_LEAST and energy > LOUD_TIMES * speech.floor:
        speech.run += count
        if speech.run >= RUN_LEAST:
            if speech.total == 0:
                speech.began = position + count - speech.run
            speech.total += count if speech.run - count >= RUN_LEAST else speech.run
            speech.ended = position + count
    else:
        speech.run = 0
    if energy < speech.floor:
        speech.floor = max(energy, <double>FLOOR_LEAST)
    else:
        speech.floor += speech.floor * FLOOR_RISE * count


cdef double _energy(const uint8_t* codes, int count, const int16_t* table) noexcept nogil:
    cdef double total = 0
    cdef int at
    for at in range(count):
        total += <double>table[codes[at]] * table[codes[at]]
    return total / count if count else 0


cdef void speech_key(speech_t* speech, int64_t position) noexcept nogil:
    """A key is pressed at `position`, or still is."""
    cdef int64_t ended = position - KEY_BEFORE
    if position >= speech.key_until and speech.ended > ended:
        speech.total = max(<int64_t>0, speech.total - (speech.ended - ended))
        speech.ended = max(<int64_t>0, ended) if speech.total else 0
    speech.run = 0
    speech.key_until = position + KEY_AFTER


cdef class Ear:
    """The same, for tests."""

    cdef speech_t _state

    def __cinit__(self):
        speech_begin(&self._state)

    def hear(self, bytes codes, codec, position):
        """Judge a packet."""
        cdef const uint8_t[::1] view = codes
        speech_hear(&self._state, &view[0], <int>len(codes), decoding(law_of(codec)), position)

    def key(self, position):
        """A key is pressed."""
        speech_key(&self._state, position)

    @property
    def total(self):
        """Samples of speech."""
        return self._state.total

    @property
    def began(self):
        """The position of the first."""
        return self._state.began

    @property
    def ended(self):
        """The position after them."""
        return self._state.ended
