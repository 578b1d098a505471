"""Recordings: a timeline each, cut into blocks of a second or so that wait for the writer.

When the writer does not fetch them, at most BLOCKS_MAX of a recording wait; what comes after is counted and stands as
silence of the same length before the next block that finds room, so the recording stays in step with the clock.
"""

from libc.stdint cimport int16_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from acdcore.media.core cimport BLOCK, HUSH, HUSHED, OVERFLOWED, SLOTS, core_arm, core_take_slot, core_tap, core_tell
from acdcore.media.speech cimport speech_begin, speech_known, speech_t
from acdcore.media.timeline cimport (
    RING_SAMPLES, timeline_anchor, timeline_create, timeline_due, timeline_free, timeline_take,
)

cdef enum:
    BLOCKS_MAX = 8          # 8 s or 256 KB of a recording: disks stall for a second or two
    LEAST_SAMPLES = 160     # 20 ms: a talk that ends as it begins has a recording too
    NS_PER_SAMPLE = 125_000


cdef tap_t* tap_create(core_t* core, bint has_prompts, int64_t hush_ns, int64_t now_ns) noexcept nogil:
    """Begin a recording; NULL when there is no memory or no slot."""
    cdef tap_t* tap = <tap_t*>calloc(1, sizeof(tap_t))
    if tap == NULL:
        return NULL
    tap.id = core_take_slot(core, <void**>core.taps)
    if tap.id == 0 or not timeline_create(&tap.timeline, now_ns):
        free(tap)
        return NULL
    core.taps[tap.id % SLOTS] = tap
    core.tally.taps += 1
    core_arm(core, now_ns + core.block_ns, BLOCK, tap.id)
    tap.has_prompts = has_prompts
    tap.kept = -1
    tap.hush_ns = hush_ns
    speech_begin(&tap.speech)
    if hush_ns > 0:
        core_arm(core, now_ns + hush_ns, HUSH, tap.id)
    return tap


cdef void tap_check_speech(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil:
    """Tell once when nobody has spoken on the left for long enough; else look again when that could next be."""
    cdef speech_t known
    cdef int64_t ended_ns
    speech_known(&tap.speech, &known)
    ended_ns = tap.timeline.began_ns + known.ended * NS_PER_SAMPLE
    if now_ns - ended_ns < tap.hush_ns:
        core_arm(core, ended_ns + tap.hush_ns, HUSH, tap.id)
    elif tap.streams[0] != NULL:
        core_tell(core, HUSHED, tap.streams[0].id, now_ns - ended_ns, 0)


cdef void tap_attach(tap_t* tap, int lane, stream_t* stream) noexcept nogil:
    """Let a stream feed a lane, in place of the one that did."""
    if tap.streams[lane] != NULL:
        tap.streams[lane].tap = NULL
    tap.streams[lane] = stream
    if stream != NULL:
        tap_detach(stream)  # it may have fed the other lane
        stream.tap = tap
        stream.lane = lane
    timeline_anchor(&tap.timeline, lane)


cdef void tap_detach(stream_t* stream) noexcept nogil:
    """The stream feeds no recording any more; its lane goes on as silence."""
    if stream.tap != NULL:
        tap_attach(stream.tap, stream.lane, NULL)


cdef void tap_cut(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil:
    """A second has passed: cut a block and arm the next."""
    _cut_pieces(core, tap, timeline_due(&tap.timeline, now_ns, False), False)
    core_arm(core, now_ns + core.block_ns, BLOCK, tap.id)


cdef void tap_close(core_t* core, tap_t* tap, int64_t now_ns) noexcept nogil:
    """End a recording with all that was received until now."""
    cdef int64_t due = timeline_due(&tap.timeline, now_ns, True)
    _cut_pieces(core, tap, max(due, LEAST_SAMPLES - tap.timeline.drained), True)
    tap_attach(tap, 0, NULL)
    tap_attach(tap, 1, NULL)
    core.taps[tap.id % SLOTS] = NULL
    core.tally.taps -= 1
    timeline_free(&tap.timeline)
    free(tap)


cdef void _cut_pieces(core_t* core, tap_t* tap, int64_t count, bint is_last) noexcept nogil:
    """No block is longer than the ring: a process that was halted for an hour does not ask for an hour's memory."""
    while count > RING_SAMPLES:
        _cut(core, tap, RING_SAMPLES, False)
        count -= RING_SAMPLES
    _cut(core, tap, count, is_last)


cdef void _cut(core_t* core, tap_t* tap, int64_t count, bint is_last) noexcept nogil:
    cdef block_t* block = NULL
    if is_last or tap.waiting < BLOCKS_MAX:
        block = <block_t*>calloc(1, sizeof(block_t))
    if block == NULL:
        _skip(core, tap, count)
        return
    if tap.waiting < BLOCKS_MAX and count > 0:
        block.stereo = <int16_t*>malloc(2 * count * sizeof(int16_t))
    if block.stereo == NULL:
        _skip(core, tap, count)
    else:
        block.count = count
        timeline_take(&tap.timeline, block.stereo, count)
    block.tap = tap.id
    block.is_last = is_last
    block.kept = tap.kept
    block.skipped = tap.skipped
    tap.waiting += 1
    if tap.skipped > 0:
        core_tell(core, OVERFLOWED, tap.id, tap.skipped, 0)
        tap.skipped = 0
    _append(core, block)


cdef void _skip(core_t* core, tap_t* tap, int64_t count) noexcept nogil:
    timeline_take(&tap.timeline, NULL, count)
    if count > 0:
        tap.skipped += count
        core.tally.dropped_blocks += 1


cdef void _append(core_t* core, block_t* block) noexcept nogil:
    if core.last_block == NULL:
        core.first_block = block
    else:
        core.last_block.next = block
    core.last_block = block
    core.tally.blocks += 1
    core.has_blocks = True


cdef block_t* tap_take_blocks(core_t* core) noexcept nogil:
    """All waiting blocks as a list; they belong to the caller, who frees them."""
    cdef block_t* first = core.first_block
    cdef block_t* block = first
    cdef tap_t* tap
    while block != NULL:
        tap = core_tap(core, block.tap)
        if tap != NULL:
            tap.waiting -= 1
        block = block.next
    core.first_block = core.last_block = NULL
    core.tally.blocks = 0
    return first
