# ITU-T G.711: the tables that the packet path looks audio up in. A law is numbered 0 for mu, 1 for A.

from libc.stdint cimport int16_t, uint8_t

cdef enum:
    MU_LAW = 0
    A_LAW = 1

cdef const int16_t* decoding(int law) noexcept nogil
cdef const uint8_t* transcoding(int source, int target) noexcept nogil
cdef uint8_t silence(int law) noexcept nogil
cdef void encode_samples(int law, const int16_t* samples, Py_ssize_t count, uint8_t* encoded) noexcept nogil
