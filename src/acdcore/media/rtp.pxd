# RTP (RFC 3550 section 5.1): the header as a struct, read from and written to the wire.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    RTP_HEADER_SIZE = 12

cdef struct rtp_header_t:
    bint marker             # first packet after a pause, or after a switch of source
    int payload_type        # 0 to 127
    uint16_t sequence       # counts packets
    uint32_t timestamp      # counts samples
    uint32_t ssrc           # names the source
    int payload_at          # offset of the payload in the datagram
    int payload_size        # octets, padding not among them

cdef bint rtp_read(const uint8_t* data, Py_ssize_t size, rtp_header_t* header) noexcept nogil
cdef void rtp_write(uint8_t* at, const rtp_header_t* header) noexcept nogil

cdef inline uint16_t get16(const uint8_t* at) noexcept nogil:
    return <uint16_t>((at[0] << 8) | at[1])

cdef inline uint32_t get32(const uint8_t* at) noexcept nogil:
    return (<uint32_t>at[0] << 24) | (<uint32_t>at[1] << 16) | (<uint32_t>at[2] << 8) | at[3]

cdef inline void put16(uint8_t* at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>value

cdef inline void put32(uint8_t* at, uint32_t value) noexcept nogil:
    put16(at, <uint16_t>(value >> 16))
    put16(at + 2, <uint16_t>value)
