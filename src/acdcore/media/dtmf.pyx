"""RFC 4733 telephone-events become presses: one for each key, however its packets are repeated or lost.

  packet of                        key up                    key down
  the press told last              ignored                   ignored
  the press that is held           -                         longer; told when the end bit is set
  the next segment of a long one   -                         continues (section 2.5.1.3)
  a later timestamp                key down                  the held press is told, the new key is down
  an earlier timestamp             ignored                   ignored
  one earlier by 10 s and more     key down                  the held press is told, the new key is down
  nothing for 250 ms               -                         told: all three end packets were lost
"""

from dataclasses import dataclass

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from acdcore.media.rtp cimport get16

cdef enum:
    LAST_KEY = 15           # section 3.2: 0-9, *, #, A-D; flash hook and line signals are no keys
    END_BIT = 0x80
    PAST_SAMPLES = 80_000   # no packet is overtaken by 10 s of others: the phone set its clock anew
    SEGMENT_FULL = 0xFFFF   # a press of more than 8.19 s goes on under a new timestamp
    # Five packets of the usual 50 ms; shorter and a network hiccup makes two presses of one.
    SILENT_MS = 250

KEYS = "0123456789*#ABCD"


cdef bint keypad_hear(
    keypad_t* keypad, const uint8_t* payload, int size, uint32_t timestamp, int64_t now_ns, press_t* press
) noexcept nogil:
    """Take a telephone-event; True when `press` was filled with a finished press."""
    cdef bint is_told = False
    cdef int key
    if size < EVENT_SIZE or payload[0] > LAST_KEY:
        return False
    key = payload[0]
    if keypad.has_ended and (timestamp == keypad.ended or _is_past(timestamp, keypad.ended)):
        return False
    if keypad.is_down and timestamp != keypad.began:
        if _is_past(timestamp, keypad.began):
            return False
        if _is_next_segment(keypad, key, timestamp):
            keypad.before += keypad.duration
            keypad.began = timestamp
            keypad.duration = 0
        else:
            _tell(keypad, press)
            is_told = True
    if not keypad.is_down:
        keypad.is_down = True
        keypad.key = key
        keypad.began = timestamp
        keypad.before = 0
        keypad.duration = 0
    keypad.heard_ns = now_ns
    keypad.duration = max(keypad.duration, get16(payload + 2))
    # A press told because of its successor leaves no room for the successor's own end, should this packet be one:
    # its repetition, or the silence after it, tells it.
    if payload[1] & END_BIT and not is_told:
        _tell(keypad, press)
        is_told = True
    return is_told


cdef bint _is_past(uint32_t timestamp, uint32_t reference) noexcept nogil:
    return -PAST_SAMPLES < <int>(timestamp - reference) < 0


cdef bint _is_next_segment(const keypad_t* keypad, int key, uint32_t timestamp) noexcept nogil:
    return (
        key == keypad.key
        and keypad.duration == SEGMENT_FULL
        and timestamp == <uint32_t>(keypad.began + SEGMENT_FULL)
    )


cdef void _tell(keypad_t* keypad, press_t* press) noexcept nogil:
    press.key = keypad.key
    press.duration = keypad.before + keypad.duration
    keypad.is_down = False
    keypad.has_ended = True
    keypad.ended = keypad.began


cdef int64_t keypad_deadline(const keypad_t* keypad) noexcept nogil:
    """When a key that is held counts as let go, nanoseconds; -1 when none is held."""
    return keypad.heard_ns + SILENT_MS * 1_000_000 if keypad.is_down else -1


cdef bint keypad_expire(keypad_t* keypad, int64_t now_ns, press_t* press) noexcept nogil:
    """Let go of a key that was not heard of until its deadline; True when `press` was filled."""
    if not keypad.is_down or now_ns < keypad_deadline(keypad):
        return False
    _tell(keypad, press)
    return True


@dataclass(frozen=True, slots=True)
class Press:
    """A key that was pressed and let go."""

    digit: str
    """One of 0-9, *, #, A-D."""
    duration_ms: int
    """As far as was heard."""


cdef class Keypad:
    """The same, for tests: times are seconds, timestamps samples."""

    cdef keypad_t _state

    def __cinit__(self):
        memset(&self._state, 0, sizeof(self._state))

    def hear(self, bytes payload, timestamp, now):
        """Take a telephone-event; the press that it finished, or None."""
        cdef press_t press
        cdef const uint8_t[::1] view = payload if payload else b"\0"
        if keypad_hear(&self._state, &view[0], len(payload), timestamp, int(now * 1e9), &press):
            return Press(KEYS[press.key], press.duration // 8)
        return None

    def expire(self, now):
        """The press that ended because nothing more was heard, or None."""
        cdef press_t press
        if keypad_expire(&self._state, int(now * 1e9), &press):
            return Press(KEYS[press.key], press.duration // 8)
        return None
