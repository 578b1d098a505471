"""RTP packets (RFC 3550 section 5.1): one parser and one writer, for the engine and for phones written in Python."""

from dataclasses import dataclass

from libc.stdint cimport uint8_t

cdef enum:
    VERSION_2 = 0x80
    VERSION_BITS = 0xC0
    PADDING_BIT = 0x20
    EXTENSION_BIT = 0x10


cdef bint rtp_read(const uint8_t* data, Py_ssize_t size, rtp_header_t* header) noexcept nogil:
    """Read the header of a datagram; False when it is no RTP of version 2 or its lengths do not add up."""
    cdef Py_ssize_t payload_at, end = size
    if size < RTP_HEADER_SIZE or (data[0] & VERSION_BITS) != VERSION_2:
        return False
    payload_at = RTP_HEADER_SIZE + 4 * (data[0] & 0x0F)
    if data[0] & EXTENSION_BIT:  # section 5.3.1: 16 bits of profile, 16 bits of length in words
        if payload_at + 4 > size:
            return False
        payload_at += 4 + 4 * <Py_ssize_t>get16(data + payload_at + 2)
    if data[0] & PADDING_BIT:  # the last octet counts the padding, itself among it
        if data[size - 1] == 0:
            return False
        end -= data[size - 1]
    if payload_at > end:
        return False
    header.marker = (data[1] & 0x80) != 0
    header.payload_type = data[1] & 0x7F
    header.sequence = get16(data + 2)
    header.timestamp = get32(data + 4)
    header.ssrc = get32(data + 8)
    header.payload_at = <int>payload_at
    header.payload_size = <int>(end - payload_at)
    return True


cdef void rtp_write(uint8_t* at, const rtp_header_t* header) noexcept nogil:
    """Write the plain 12-octet header: no padding, extension or contributing sources."""
    at[0] = VERSION_2
    at[1] = <uint8_t>((0x80 if header.marker else 0) | header.payload_type)
    put16(at + 2, header.sequence)
    put32(at + 4, header.timestamp)
    put32(at + 8, header.ssrc)


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet without padding, extension or contributing sources."""

    payload_type: int
    """0 to 127."""
    sequence: int
    """16 bits."""
    timestamp: int
    """32 bits, in samples."""
    ssrc: int
    """32 bits."""
    payload: bytes
    """Encoded audio or a telephone-event."""
    marker: bool = False
    """First packet of a talkspurt."""


def parse(bytes data):
    """Parse a datagram; None when it is no valid RTP packet."""
    cdef rtp_header_t header
    cdef const uint8_t[::1] view = data if data else b"\0"
    if not rtp_read(&view[0], len(data), &header):
        return None
    payload = data[header.payload_at:header.payload_at + header.payload_size]
    return RtpPacket(
        header.payload_type, header.sequence, header.timestamp, header.ssrc, payload, bool(header.marker)
    )


def build(packet):
    """The datagram of a packet."""
    cdef uint8_t head[RTP_HEADER_SIZE]
    cdef rtp_header_t header
    header.marker = packet.marker
    header.payload_type = packet.payload_type
    header.sequence = packet.sequence
    header.timestamp = packet.timestamp
    header.ssrc = packet.ssrc
    header.payload_at = RTP_HEADER_SIZE
    header.payload_size = len(packet.payload)
    rtp_write(head, &header)
    return head[:RTP_HEADER_SIZE] + packet.payload
