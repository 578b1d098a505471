# Keys pressed on a phone, told by telephone-events (RFC 4733).

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from acdcore.media.rtp cimport rtp_header_t

cdef enum:
    PRESSES = 2             # one packet finishes two presses at most: the one before it, and its own

cdef struct key_packet_t:
    int key                 # event code, 0 to 15
    bint is_end             # the key was let go
    uint16_t duration       # of the press so far, samples
    uint32_t timestamp
    uint32_t ssrc
    uint16_t sequence

cdef struct keypad_t:
    bint is_known           # a key was pressed yet; the fields below are of the last press
    bint is_down            # it was not reported yet
    bint has_ended          # a packet with the end bit came
    bint is_steady          # its packets have one timestamp: their duration was seen to grow under it
    int key                 # event code of the key, 0 to 15
    uint32_t ssrc           # of its packets
    uint16_t first_sequence # of the first and the newest of them
    uint16_t last_sequence
    uint16_t end_sequence   # lowest of those with the end bit
    uint32_t began          # timestamp of the first packet (of the present segment of a long press)
    uint16_t began_after    # duration that it had
    uint32_t timestamp      # of the newest packet
    uint32_t before         # duration of the segments before, samples
    uint16_t duration       # longest of the present segment, samples
    int64_t heard_ns        # when the newest packet came
    int left_key            # the press before, if its successor ended it, else -1
    uint32_t left_timestamp
    uint16_t left_duration

cdef struct press_t:
    int key                 # event code, 0 to 15
    uint32_t duration       # samples

cdef bint key_read(
    const uint8_t* payload, const rtp_header_t* header, key_packet_t* packet
) noexcept nogil
cdef int keypad_hear(
    keypad_t* keypad, const key_packet_t* packet, int64_t now_ns, press_t* presses
) noexcept nogil
cdef bint keypad_expire(keypad_t* keypad, int64_t now_ns, press_t* press) noexcept nogil
cdef int64_t keypad_deadline(const keypad_t* keypad) noexcept nogil
