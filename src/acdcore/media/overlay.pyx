"""A prompt over music: the music goes on, lowered, and what the prompt says is added to it.

Rules:
  1. The prompt keeps its level; the music beneath it is lowered by 14 dB, so that every word is understood and nobody
     thinks that the line is cut.
  2. The music's level moves in a straight line over 20 ms, down from the prompt's first sample on and up again from the
     packet after its last: a step in the level would be heard as a click.
  3. A sum beyond full scale stays at full scale; it never wraps around.

How far down the music is (`depth`, 0 to RAMP_SAMPLES) is all that is kept from packet to packet.
"""

from libc.math cimport log10
from libc.stdint cimport int16_t, uint8_t

from acdcore.media.core cimport FRAME_MAX
from acdcore.media.g711 cimport decoding, encode_samples

from acdcore.media.g711 import law_of

cdef enum:
    RAMP = 160          # samples from one level to the other: 20 ms
    FULL = 32_768       # a level is a factor in units of 2 ** -LEVEL_BITS
    LEVEL_BITS = 15
    STEP = 164          # of the level, with each sample of the ramp: RAMP of them take 14.01 dB off
    SAMPLE_MAX = 32_767
    SAMPLE_MIN = -32_768

RAMP_SAMPLES = RAMP
LOWERED_DB = 20 * log10((FULL - RAMP * STEP) / <double>FULL)


cdef int overlay_mix(int law, const uint8_t* prompt, uint8_t* music, int count, int depth) noexcept nogil:
    """Turn `count` codes of music, at most FRAME_MAX, into those of the mix; NULL when the prompt is over.

    `depth` is what the packet before returned.
    """
    cdef const int16_t* value = decoding(law)
    cdef int16_t mixed[FRAME_MAX]
    cdef int aim = 0 if prompt == NULL else RAMP
    cdef int at, both
    for at in range(count):
        depth += (depth < aim) - (depth > aim)
        both = (value[music[at]] * (FULL - depth * STEP)) >> LEVEL_BITS
        if prompt != NULL:
            both += value[prompt[at]]
        mixed[at] = <int16_t>min(max(both, SAMPLE_MIN), SAMPLE_MAX)
    encode_samples(law, mixed, count, music)
    return depth


cdef class Overlay:
    """The same, for tests: a packet's codes after another's."""

    cdef int _depth

    def mix(self, bytes music, prompt, codec):
        """The codes to be sent; `prompt` has as many as `music`, or is None when it is over.

        Raises ValueError when the two differ in length or are longer than a packet.
        """
        cdef const uint8_t* spoken = NULL
        if len(music) > FRAME_MAX or (prompt is not None and len(prompt) != len(music)):
            raise ValueError(f"music and prompt are equally long, at most {FRAME_MAX} samples")
        if prompt is not None:
            spoken = <const uint8_t*><const char*>prompt
        codes = bytearray(music)
        self._depth = overlay_mix(law_of(codec), spoken, <uint8_t*><char*>codes, len(music), self._depth)
        return bytes(codes)
