"""The engine's thread: sleep until a packet or a deadline, do all that is due, let packets gather, and again.

A wake costs more than a packet. At 150 calls a packet comes every 70 us; the thread therefore rests after each wake, so
that wakes are `pause_us` apart and each finds a batch. The pause is the most that a packet is delayed by it. When there
is so much to do that the time is over already, it rests only as long as it takes to let a command in.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from acdcore.media.core cimport (
    BLOCK, EAR, HUSH, KEY, QUIET, REPORT, SILENCE, TICK, core_ear, core_enter, core_leave, core_stream, core_tap, ear_t,
    monotonic_ns, stream_t, tap_t,
)
from acdcore.media.ears cimport ear_cut
from acdcore.media.inbound cimport inbound_check_silence, inbound_expire_key, inbound_receive
from acdcore.media.linux cimport PRIO_PROCESS, epoll_event, epoll_wait, nanosleep, read, setpriority, timespec
from acdcore.media.playout cimport playout_check_quiet, playout_tick
from acdcore.media.reports cimport reports_arm, reports_receive, reports_send
from acdcore.media.taps cimport tap_check_speech, tap_cut
from acdcore.media.timers cimport deadline_t, timers_pop

cdef enum:
    BATCH = 256             # datagrams in one wake: some 2 ms, which is how long a command may wait
    ROUNDS = 4              # datagrams read from one socket in one wake: a delayed burst passes in a few milliseconds
    REST_MIN_NS = 50_000    # a command that waits on the same core gets its turn
    SLEEP_MAX_MS = 60_000   # an idle engine looks up once a minute
    STOPPED = -1
    NICE = -10              # before the daemon's Python threads on the same core; without the right to, as they are


cdef void poller_run(core_t* core) noexcept nogil:
    """Until `is_stopping`."""
    cdef int64_t woke_ns, now_ns
    cdef int count, rounds
    setpriority(PRIO_PROCESS, 0, NICE)
    count = 0
    while count != STOPPED:
        count = _round(core, _sleep_ms(core.wakes_at_ns), &woke_ns)
        if count == 0:
            continue
        rounds = 1
        while count > 0 and rounds < ROUNDS:
            count = _round(core, 0, &now_ns)
            rounds += 1
        if count != STOPPED:
            _rest(woke_ns + core.pause_ns - monotonic_ns())


cdef int _round(core_t* core, int timeout_ms, int64_t* now_ns) noexcept nogil:
    """Wait for at most so long and do all that is due: one datagram from each socket, then the deadlines.

    Returns how many datagrams there were, or STOPPED.
    """
    cdef epoll_event ready[BATCH]
    cdef int count = max(0, epoll_wait(core.epoll_fd, ready, BATCH, timeout_ms))
    now_ns[0] = monotonic_ns()
    core_enter(core)
    core.wakes_at_ns = 0
    core.tally.wakes += 1
    _work(core, ready, count, now_ns[0])
    core.wakes_at_ns = core.timers.heap[0].due_ns if core.timers.count else INT64_MAX
    if core.is_stopping:
        count = STOPPED
    core_leave(core)
    return count


cdef int _sleep_ms(int64_t until_ns) noexcept nogil:
    """Rounded up: a deadline is met at most a millisecond late, never early and by spinning."""
    cdef int64_t wait_ns = until_ns - monotonic_ns()
    if wait_ns <= 0:
        return 0
    return <int>min((wait_ns + 999_999) // 1_000_000, <int64_t>SLEEP_MAX_MS)


cdef void _rest(int64_t length_ns) noexcept nogil:
    cdef timespec length
    length.tv_sec = 0
    length.tv_nsec = max(length_ns, <int64_t>REST_MIN_NS)
    nanosleep(&length, NULL)


cdef void _work(core_t* core, const epoll_event* ready, int count, int64_t now_ns) noexcept nogil:
    cdef deadline_t deadline
    cdef int at
    for at in range(count):
        _read(core, ready[at].data.u64, now_ns)
    while timers_pop(&core.timers, now_ns, &deadline):
        _look_after(core, &deadline, now_ns)


cdef void _read(core_t* core, uint64_t tag, int64_t now_ns) noexcept nogil:
    """A socket is readable; `tag` is twice its stream's id, plus one for RTCP, or 0 for a command's call."""
    cdef stream_t* stream
    cdef uint64_t calls
    if tag == 0:
        read(core.wake_fd, &calls, sizeof(calls))
        return
    stream = core_stream(core, <int64_t>(tag >> 1))
    if stream == NULL:  # closed since
        return
    if tag & 1:
        reports_receive(core, stream, now_ns)
    else:
        inbound_receive(core, stream, now_ns)


cdef void _look_after(core_t* core, const deadline_t* deadline, int64_t now_ns) noexcept nogil:
    cdef stream_t* stream
    cdef tap_t* tap
    cdef ear_t* ear
    if deadline.kind == EAR:
        ear = core_ear(core, deadline.id)
        if ear != NULL:
            ear_cut(core, ear, now_ns)
        return
    if deadline.kind == BLOCK:
        tap = core_tap(core, deadline.id)
        if tap != NULL:
            tap_cut(core, tap, now_ns)
        return
    if deadline.kind == HUSH:
        tap = core_tap(core, deadline.id)
        if tap != NULL:
            tap_check_speech(core, tap, now_ns)
        return
    stream = core_stream(core, deadline.id)
    if stream == NULL:
        return
    if deadline.kind == TICK:
        playout_tick(core, stream, now_ns)
    elif deadline.kind == QUIET:
        playout_check_quiet(core, stream, now_ns)
    elif deadline.kind == REPORT:
        reports_send(core, stream, False, now_ns)
        reports_arm(core, stream, now_ns)
    elif deadline.kind == SILENCE:
        inbound_check_silence(core, stream, now_ns)
    elif deadline.kind == KEY:
        inbound_expire_key(core, stream, now_ns)
