"""Listening: what is received from one stream, as it comes, in frames that wait until they are fetched.

It lies on a timeline as a recording does, so that what comes late or twice is in its place, and a phone that sends
nothing in silence is silent; but frames are short, and what is later than MARGIN_NS is not waited for. When nobody
fetches them, at most FRAMES_MAX of a stream wait, and what comes after is lost: so late it is of no use.
"""

from libc.stdint cimport int16_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from acdcore.media.core cimport EAR, SLOTS, core_arm, core_ear, core_take_slot
from acdcore.media.timeline cimport RING_SAMPLES, timeline_create, timeline_free, timeline_take

cdef enum:
    FRAME_NS = 60_000_000   # between two frames: a caller who interrupts a prompt is heard as soon
    MARGIN_NS = 80_000_000  # that a packet may be late: jitter of a trunk, or three packets that come at once
    FRAMES_MAX = 50         # 3 s, or 48 KB of a stream: who listens may stall for as long
    NS_PER_SAMPLE = 125_000


cdef ear_t* ear_create(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Listen to a stream from now on; NULL when there is no memory or no slot."""
    cdef ear_t* ear = <ear_t*>calloc(1, sizeof(ear_t))
    if ear == NULL:
        return NULL
    ear.id = core_take_slot(core, <void**>core.ears)
    if ear.id == 0 or not timeline_create(&ear.timeline, now_ns):
        free(ear)
        return NULL
    core.ears[ear.id % SLOTS] = ear
    core.tally.ears += 1
    ear.stream = stream
    stream.ear = ear
    core_arm(core, now_ns + FRAME_NS + MARGIN_NS, EAR, ear.id)
    return ear


cdef void ear_detach(stream_t* stream) noexcept nogil:
    """The stream closes; who listens hears silence from now on."""
    if stream.ear != NULL:
        stream.ear.stream = NULL
        stream.ear = NULL


cdef void ear_cut(core_t* core, ear_t* ear, int64_t now_ns) noexcept nogil:
    """Cut a frame of all that is due and arm the next."""
    cdef int64_t due = (now_ns - MARGIN_NS - ear.timeline.began_ns) // NS_PER_SAMPLE - ear.timeline.drained
    if due > 0:
        _cut(core, ear, due)
    core_arm(core, now_ns + FRAME_NS, EAR, ear.id)


cdef void _cut(core_t* core, ear_t* ear, int64_t count) noexcept nogil:
    """A process that was halted for an hour finds the ring's four seconds at most, and says so of the rest."""
    cdef int64_t taken = min(count, <int64_t>RING_SAMPLES)
    cdef frame_t* frame = NULL
    cdef int16_t* stereo = NULL
    cdef int64_t at
    if ear.waiting < FRAMES_MAX:
        frame = <frame_t*>calloc(1, sizeof(frame_t))
        stereo = <int16_t*>malloc(2 * taken * sizeof(int16_t))
    timeline_take(&ear.timeline, stereo, taken)
    timeline_take(&ear.timeline, NULL, count - taken)
    if frame == NULL or stereo == NULL:
        core.tally.dropped_frames += 1
        free(frame)
        free(stereo)
        return
    for at in range(taken):     # the other lane is nobody's
        stereo[at] = stereo[2 * at]
    frame.ear = ear.id
    frame.samples = stereo
    frame.count = taken
    ear.waiting += 1
    _append(core, frame)


cdef void _append(core_t* core, frame_t* frame) noexcept nogil:
    if core.last_frame == NULL:
        core.first_frame = frame
    else:
        core.last_frame.next = frame
    core.last_frame = frame
    core.has_frames = True


cdef void ear_close(core_t* core, ear_t* ear) noexcept nogil:
    """Nobody listens any more; frames that wait are those of an ear that is not known."""
    if ear.stream != NULL:
        ear_detach(ear.stream)
    core.ears[ear.id % SLOTS] = NULL
    core.tally.ears -= 1
    timeline_free(&ear.timeline)
    free(ear)


cdef frame_t* ear_take_frames(core_t* core) noexcept nogil:
    """All waiting frames as a list; they belong to the caller, who frees them."""
    cdef frame_t* first = core.first_frame
    cdef frame_t* frame = first
    cdef ear_t* ear
    while frame != NULL:
        ear = core_ear(core, frame.ear)
        if ear != NULL:
            ear.waiting -= 1
        frame = frame.next
    core.first_frame = core.last_frame = NULL
    return first
