"""The engine's state: memory, ids, the mutex, deadlines, events, and the one place that sends RTP."""

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

from acdcore.media.linux cimport (
    CLOCK_MONOTONIC, EFD_CLOEXEC, EFD_NONBLOCK, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLLIN, MSG_DONTWAIT, clock_gettime,
    close, epoll_create1, epoll_ctl, epoll_event, eventfd, pthread_mutex_destroy, pthread_mutex_init,
    pthread_mutex_lock, pthread_mutex_unlock, sendto, sockaddr, sockaddr_in, timespec, write,
)
from acdcore.media.rtp cimport RTP_HEADER_SIZE
from acdcore.media.timers cimport timers_free, timers_push

cdef enum:
    SEND_TRIES = 3      # an interrupted send is tried again; three interruptions in a row are a failure


cdef core_t* core_create() noexcept nogil:
    """All empty, with its descriptors open; NULL when the machine refuses memory or descriptors."""
    cdef core_t* core = <core_t*>calloc(1, sizeof(core_t))
    cdef epoll_event waker
    if core == NULL:
        return NULL
    core.events = <event_t*>calloc(EVENTS_MAX, sizeof(event_t))
    core.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
    core.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    core.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    core.block_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    core.frame_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    pthread_mutex_init(&core.mutex, NULL)
    waker.events = EPOLLIN
    waker.data.u64 = 0
    if (
        core.events == NULL
        or min(core.epoll_fd, core.wake_fd, core.event_fd, core.block_fd, core.frame_fd) < 0
        or epoll_ctl(core.epoll_fd, EPOLL_CTL_ADD, core.wake_fd, &waker) < 0
    ):
        core_free(core)
        return NULL
    return core


cdef void core_free(core_t* core) noexcept nogil:
    """Give back what `core_create` took and what nobody fetched; streams, taps, ears and clips are gone before."""
    cdef block_t* block = core.first_block
    cdef block_t* following
    cdef frame_t* frame = core.first_frame
    cdef frame_t* next_frame
    while frame != NULL:
        next_frame = frame.next
        free(frame.samples)
        free(frame)
        frame = next_frame
    while block != NULL:
        following = block.next
        free(block.stereo)
        free(block)
        block = following
    _close_if_open(core.epoll_fd)
    _close_if_open(core.wake_fd)
    _close_if_open(core.event_fd)
    _close_if_open(core.block_fd)
    _close_if_open(core.frame_fd)
    pthread_mutex_destroy(&core.mutex)
    timers_free(&core.timers)
    free(core.events)
    free(core)


cdef void _close_if_open(int fd) noexcept nogil:
    if fd >= 0:
        close(fd)


cdef void core_enter(core_t* core) noexcept nogil:
    """Own the state. The thread enters once in a wake; a command waits for at most that."""
    pthread_mutex_lock(&core.mutex)


cdef void core_leave(core_t* core) noexcept nogil:
    """Give up the state and wake whoever has something to do now."""
    cdef uint64_t one = 1
    cdef bint has_news = core.has_news
    cdef bint has_blocks = core.has_blocks
    cdef bint has_frames = core.has_frames
    cdef bint has_early = core.has_early
    core.has_news = core.has_blocks = core.has_frames = core.has_early = False
    pthread_mutex_unlock(&core.mutex)
    # A full eventfd counter cannot happen below 2^64 unread signals, and an unread one is still readable.
    if has_news:
        write(core.event_fd, &one, sizeof(one))
    if has_blocks:
        write(core.block_fd, &one, sizeof(one))
    if has_frames:
        write(core.frame_fd, &one, sizeof(one))
    if has_early:
        write(core.wake_fd, &one, sizeof(one))


cdef int64_t monotonic_ns() noexcept nogil:
    """The engine's clock."""
    cdef timespec at
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <int64_t>at.tv_sec * 1_000_000_000 + at.tv_nsec


cdef int64_t core_take_slot(core_t* core, void** slots) noexcept nogil:
    """A new id whose slot is free; 0 when all are taken. `id % SLOTS` is the slot, the rest makes it unique."""
    for _ in range(SLOTS):
        core.serial += 1
        if slots[core.serial % SLOTS] == NULL:
            return core.serial
    return 0


cdef stream_t* core_stream(core_t* core, int64_t id) noexcept nogil:
    """The open stream of that id, or NULL."""
    cdef stream_t* stream = core.streams[<uint64_t>id % SLOTS]
    return stream if stream != NULL and stream.id == id else NULL


cdef tap_t* core_tap(core_t* core, int64_t id) noexcept nogil:
    """The recording of that id, or NULL."""
    cdef tap_t* tap = core.taps[<uint64_t>id % SLOTS]
    return tap if tap != NULL and tap.id == id else NULL


cdef ear_t* core_ear(core_t* core, int64_t id) noexcept nogil:
    """The ear of that id, or NULL."""
    cdef ear_t* ear = core.ears[<uint64_t>id % SLOTS]
    return ear if ear != NULL and ear.id == id else NULL


cdef void core_arm(core_t* core, int64_t due_ns, int kind, int64_t id) noexcept nogil:
    """Have the thread look after something at `due_ns`."""
    timers_push(&core.timers, due_ns, kind, id)
    if due_ns < core.wakes_at_ns:
        core.has_early = True


cdef void core_tell(core_t* core, event_kind_t kind, int64_t id, int64_t first, int64_t second) noexcept nogil:
    """Queue an event for the loop."""
    cdef event_t* event
    if core.tally.events == EVENTS_MAX:
        core.tally.dropped_events += 1
        return
    event = &core.events[(core.event_head + core.tally.events) % EVENTS_MAX]
    event.kind = kind
    event.id = id
    event.first = first
    event.second = second
    core.tally.events += 1
    core.has_news = True


cdef int core_hear(core_t* core, event_t* events, int limit) noexcept nogil:
    """Take the oldest events, at most `limit`; how many there were."""
    cdef int count = min(core.tally.events, limit)
    cdef int at
    for at in range(count):
        events[at] = core.events[(core.event_head + at) % EVENTS_MAX]
    core.event_head = (core.event_head + count) % EVENTS_MAX
    core.tally.events -= count
    return count


cdef double core_random(core_t* core) noexcept nogil:
    """Uniform in [0, 1) (xorshift64*): good enough to keep reports from falling into step."""
    core.random ^= core.random >> 12
    core.random ^= core.random << 25
    core.random ^= core.random >> 27
    return <double>((core.random * <uint64_t>0x2545F4914F6CDD1D) >> 11) / <double>(<uint64_t>1 << 53)


cdef void core_send(core_t* core, stream_t* stream, const uint8_t* data, int size) noexcept nogil:
    """Send an RTP packet to the stream's peer. What the kernel refuses is counted and forgotten: audio does not wait."""
    cdef ssize_t sent = -1
    for _ in range(SEND_TRIES):
        sent = sendto(
            stream.rtp_fd, data, size, MSG_DONTWAIT, <const sockaddr*>&stream.target, sizeof(sockaddr_in)
        )
        if sent >= 0 or errno != EINTR:
            break
    if sent < 0:
        stream.counters.send_failures += 1
        return
    stream.counters.packets_out += 1
    stream.counters.octets_out += size - RTP_HEADER_SIZE
