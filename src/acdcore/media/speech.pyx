"""Speech is what rises and falls: a word stands out from what is heard in the second before it and in the second after it.

What is received goes through a high-pass into frames of 20 ms, and each frame is judged when the next second is known.

  1. The high-pass takes out what lies below 200 Hz: hum, and most of a car. Speech is understood without it.
  2. The floor before a frame is the quietest 60 ms of the second before it, the floor after it likewise. The higher one
     counts. Steady noise is as loud as its floors however loud it is; when it begins, it is as loud as the
     floor after it, and when it ends, as the one before. Within a second of speech there is a pause or a soft sound.
  3. Speech begins with 80 ms above -45 dBFS and 7 dB above the floor (clicks are shorter), and goes on while it is above
     -51 dBFS and 3 dB above it. Talkers are at -20 to -30 dBFS, lines at -50 and less.
  4. Less than a second from the recording's begin there is no floor before, and less than a second from its end none
     after; then the other one counts. In doubt it is speech.
  5. What is heard while a key is pressed is its tone, and so are the 60 ms before: some phones send both. It is neither
     speech nor floor.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int16_t, int64_t, uint8_t
from libc.string cimport memset

from acdcore.media.g711 cimport decoding

from acdcore.media.g711 import law_of

cdef enum:
    FRAME = 160
    REACH = 50                  # frames: rule 2, a second on each side
    FLOOR_REACH = 1             # frames on each side of one: 60 ms
    RUN_LEAST = 4               # frames: rule 3
    FLOOR_LEAST = 64            # -72 dBFS: the steps of G.711 are no noise
    RING_MASK = RING_FRAMES - 1
    KEY_BEFORE = 480            # rule 5
    KEY_AFTER = 800             # 100 ms: telephone-events of one press come at most 50 ms apart

cdef double LOUD_LEAST = 33_900     # rule 3: (32768 * 10 ** (-45 / 20)) ** 2
cdef double LOUD_TIMES = 5          # 7 dB
cdef double SOFTER = 0.25           # -6 dB, of what goes on against what begins
cdef double SOFTER_TIMES = 2        # 3 dB
cdef double TONE = -1               # the energy of a frame that was a key's

# Rule 1: a Butterworth high-pass of second order at 200 Hz, for 8 kHz.
cdef double PASSED = 0.894858606
cdef double BACK_1 = -1.778631778
cdef double BACK_2 = 0.800802647


cdef void speech_begin(speech_t* speech) noexcept nogil:
    """Nothing was heard yet."""
    memset(speech, 0, sizeof(speech_t))


cdef void speech_hear(
    speech_t* speech, const uint8_t* codes, int count, const int16_t* table, int64_t position
) noexcept nogil:
    """Take a packet whose first sample is at `position`."""
    cdef double sample, passed
    cdef int at
    if position < speech.key_until:
        return
    for at in range(count):
        sample = table[codes[at]]
        passed = PASSED * sample + speech.first
        speech.first = -2 * PASSED * sample - BACK_1 * passed + speech.second
        speech.second = PASSED * sample - BACK_2 * passed
        speech.heard += sample * sample
        speech.energy += passed * passed
        speech.filled += 1
        if speech.filled == FRAME:
            _frame(speech, position + at + 1)


cdef void _frame(speech_t* speech, int64_t position) noexcept nogil:
    """A frame is complete that ends at `position`."""
    speech.frames[speech.count & RING_MASK] = speech.energy / FRAME
    speech.ends[speech.count & RING_MASK] = position
    if speech.heard > LOUD_LEAST * FRAME:
        speech.loud += FRAME
    speech.count += 1
    speech.filled = 0
    speech.energy = speech.heard = 0
    if speech.count > REACH + FLOOR_REACH:
        _judge(speech, speech.count - 1 - REACH - FLOOR_REACH)


cdef void speech_known(const speech_t* speech, speech_t* known) noexcept nogil:
    """What is known now, with what has no full second after it yet."""
    cdef int64_t at
    known[0] = speech[0]
    for at in range(max(<int64_t>0, speech.count - REACH - FLOOR_REACH), speech.count):
        _judge(known, at)


cdef void _judge(speech_t* speech, int64_t at) noexcept nogil:
    cdef double energy = speech.frames[at & RING_MASK]
    cdef double floor = _floor(speech, at)
    cdef bint is_begun = speech.run > 0
    cdef double least = LOUD_LEAST * SOFTER if is_begun else LOUD_LEAST
    cdef double times = SOFTER_TIMES if is_begun else LOUD_TIMES
    if energy <= least or energy <= times * floor:
        speech.run = 0
        return
    speech.run += 1
    if speech.run < RUN_LEAST:
        return
    if speech.total == 0:
        speech.began = max(<int64_t>0, speech.ends[at & RING_MASK] - RUN_LEAST * FRAME)
    speech.total += FRAME if speech.run > RUN_LEAST else RUN_LEAST * FRAME
    speech.ended = speech.ends[at & RING_MASK]


cdef double _floor(const speech_t* speech, int64_t at) noexcept nogil:
    """Rules 2 and 4."""
    cdef double before = _quietest(speech, max(<int64_t>0, at - REACH), at)
    cdef double after = _quietest(speech, at, min(speech.count - 1, at + REACH))
    cdef bint is_early = at < REACH
    cdef bint is_late = at + REACH >= speech.count
    if is_early and is_late:
        return max(min(before, after), <double>FLOOR_LEAST)
    if is_early:
        return max(after, <double>FLOOR_LEAST)
    if is_late:
        return max(before, <double>FLOOR_LEAST)
    return max(before, after, <double>FLOOR_LEAST)


cdef double _quietest(const speech_t* speech, int64_t begin, int64_t end) noexcept nogil:
    """The quietest 60 ms about one of the frames from `begin` to `end`."""
    cdef double least = INFINITY
    cdef int64_t at
    for at in range(begin, end + 1):
        least = min(least, _about(speech, at))
    return least


cdef double _about(const speech_t* speech, int64_t at) noexcept nogil:
    """The mean of the 60 ms about a frame, without keys; infinite when there is nothing else."""
    cdef double total = 0
    cdef int known = 0
    cdef int64_t near
    for near in range(max(<int64_t>0, at - FLOOR_REACH), min(speech.count - 1, at + FLOOR_REACH) + 1):
        if speech.frames[near & RING_MASK] != TONE:
            total += speech.frames[near & RING_MASK]
            known += 1
    return total / known if known else INFINITY


cdef void speech_key(speech_t* speech, int64_t position) noexcept nogil:
    """A key is pressed at `position`, or still is."""
    cdef int64_t at = speech.count - 1
    if position >= speech.key_until:
        while at >= max(<int64_t>0, speech.count - REACH) and speech.ends[at & RING_MASK] > position - KEY_BEFORE:
            speech.frames[at & RING_MASK] = TONE
            at -= 1
    speech.filled = 0
    speech.energy = speech.heard = 0
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

    cdef speech_t _known(self):
        cdef speech_t known
        speech_known(&self._state, &known)
        return known

    @property
    def total(self):
        """Samples of speech."""
        return self._known().total

    @property
    def began(self):
        """The position of the first."""
        return self._known().began

    @property
    def ended(self):
        """The position after them."""
        return self._known().ended

    @property
    def loud(self):
        """Samples of what was loud, whatever it was."""
        return self._state.loud
