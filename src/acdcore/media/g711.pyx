"""ITU-T G.711: mu-law and A-law, to and from 16-bit linear PCM, and from one to the other.

Both laws are a sign, a 3-bit segment and a 4-bit step inside it. The standard speaks of 14-bit (mu) and 13-bit (A)
samples; here they are scaled to 16 bits, as WAV files have them.
"""

from libc.stdint cimport int16_t, uint8_t

from acdcore.media.model import EngineCodec

cdef enum:
    MU_BIAS = 0x84       # moves the segment borders to powers of two (33 in 14 bits)
    MU_CLIP = 32635      # largest magnitude that stays in 15 bits after the bias
    A_EVEN_BITS = 0x55   # A-law inverts every other bit on the wire

cdef int16_t _decoding[2][256]
cdef uint8_t _transcoding[2][2][256]


cdef uint8_t _encode_mu(int sample) noexcept nogil:
    cdef int sign = 0x80 if sample < 0 else 0
    cdef int magnitude = min(-sample if sample < 0 else sample, MU_CLIP) + MU_BIAS
    cdef int segment = 7
    while segment > 0 and magnitude < (0x80 << segment):
        segment -= 1
    return <uint8_t>(~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0F)))


cdef int16_t _decode_mu(uint8_t code) noexcept nogil:
    cdef int bits = <uint8_t>~code
    cdef int magnitude = ((((bits & 0x0F) << 3) + MU_BIAS) << ((bits >> 4) & 7)) - MU_BIAS
    return <int16_t>(-magnitude if bits & 0x80 else magnitude)


cdef uint8_t _encode_a(int sample) noexcept nogil:
    # Negative values are one's complement, so that -1 to -16 fall into the first negative step as in table 1a.
    cdef int sign = 0 if sample < 0 else 0x80
    cdef int magnitude = (~sample if sample < 0 else sample) >> 3
    cdef int segment = 7
    while segment > 0 and magnitude < (0x10 << segment):
        segment -= 1
    cdef int step = (magnitude >> (segment if segment else 1)) & 0x0F
    return <uint8_t>((sign | (segment << 4) | step) ^ A_EVEN_BITS)


cdef int16_t _decode_a(uint8_t code) noexcept nogil:
    cdef int bits = code ^ A_EVEN_BITS
    cdef int segment = (bits >> 4) & 7
    cdef int magnitude = ((bits & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return <int16_t>(magnitude if bits & 0x80 else -magnitude)


cdef void _build_tables() noexcept nogil:
    cdef int code
    for code in range(256):
        _decoding[MU_LAW][code] = _decode_mu(<uint8_t>code)
        _decoding[A_LAW][code] = _decode_a(<uint8_t>code)
        _transcoding[MU_LAW][MU_LAW][code] = <uint8_t>code
        _transcoding[A_LAW][A_LAW][code] = <uint8_t>code
        _transcoding[MU_LAW][A_LAW][code] = _encode_a(_decoding[MU_LAW][code])
        _transcoding[A_LAW][MU_LAW][code] = _encode_mu(_decoding[A_LAW][code])


_build_tables()


cdef const int16_t* decoding(int law) noexcept nogil:
    """The 256 linear values of a law's codes."""
    return _decoding[law]


cdef const uint8_t* transcoding(int source, int target) noexcept nogil:
    """The 256 codes of `target` for those of `source`; the identity when they are the same."""
    return _transcoding[source][target]


cdef uint8_t silence(int law) noexcept nogil:
    """The code for zero."""
    return 0xFF if law == MU_LAW else 0xD5


cdef void encode_samples(int law, const int16_t* samples, Py_ssize_t count, uint8_t* encoded) noexcept nogil:
    """Encode `count` samples into as many octets."""
    cdef Py_ssize_t at
    for at in range(count):
        encoded[at] = _encode_mu(samples[at]) if law == MU_LAW else _encode_a(samples[at])


def law_of(codec):
    """The number that the compiled modules use for a codec."""
    return MU_LAW if codec is EngineCodec.PCMU else A_LAW


def encode(bytes pcm, codec):
    """Encode 16-bit little-endian PCM, one octet for each sample. Raises ValueError when the length is odd."""
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of octets")
    cdef int law = law_of(codec)
    encoded = bytearray(len(pcm) // 2)
    cdef const uint8_t[::1] source = pcm if pcm else b"\0\0"
    cdef uint8_t[::1] target = encoded if encoded else bytearray(1)
    encode_samples(law, <const int16_t*>&source[0], len(encoded), &target[0])
    return bytes(encoded)


def decode(bytes encoded, codec):
    """Decode to 16-bit little-endian PCM, two octets for each code."""
    cdef const int16_t* table = decoding(law_of(codec))
    pcm = bytearray(2 * len(encoded))
    cdef Py_ssize_t at
    cdef const uint8_t[::1] source = encoded if encoded else b"\0"
    cdef uint8_t[::1] target = pcm if pcm else bytearray(2)
    cdef int16_t* samples = <int16_t*>&target[0]
    for at in range(len(encoded)):
        samples[at] = table[source[at]]
    return bytes(pcm)


def transcode(bytes encoded, source, target):
    """Change the law of encoded audio, as the bridge does."""
    cdef const uint8_t* table = transcoding(law_of(source), law_of(target))
    return bytes([table[<uint8_t>code] for code in encoded])
