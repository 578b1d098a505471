# Keys pressed on a phone, told by telephone-events (RFC 4733).

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    EVENT_SIZE = 4          # section 2.3: event, end bit and volume, 16 bits of duration

cdef struct keypad_t:
    bint is_down            # a key is held
    int key                 # event code of the key, 0 to 15
    uint32_t began          # timestamp that names the press (or the present segment of a long one)
    uint32_t before         # duration of the segments before, samples
    uint16_t duration       # of the present segment, samples
    int64_t heard_ns        # when the last packet of the press came
    bint has_ended          # `ended` is known
    uint32_t ended          # timestamp of the press told last, so that its repeated ends are known

cdef struct press_t:
    int key                 # event code, 0 to 15
    uint32_t duration       # samples

cdef bint keypad_hear(
    keypad_t* keypad, const uint8_t* payload, int size, uint32_t timestamp, int64_t now_ns, press_t* press
) noexcept nogil
cdef bint keypad_expire(keypad_t* keypad, int64_t now_ns, press_t* press) noexcept nogil
cdef int64_t keypad_deadline(const keypad_t* keypad) noexcept nogil
