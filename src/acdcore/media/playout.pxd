# Packets of our own making: prompts, whispers, music.

from libc.stdint cimport int64_t

from acdcore.media.core cimport clip_t, core_t, playlist_t, stream_t

cdef void playout_wake(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void playout_tick(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void playout_check_quiet(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil
cdef void playout_play(
    core_t* core, stream_t* stream, playlist_t* playlist, int64_t number, bint is_over_music
) noexcept nogil
cdef void playout_loop(core_t* core, stream_t* stream, playlist_t* playlist) noexcept nogil
cdef void playout_stop(core_t* core, stream_t* stream, bint is_complete) noexcept nogil
cdef playlist_t* playlist_create(core_t* core, clip_t** clips, int count, bint is_loop) noexcept nogil
cdef void clip_release(core_t* core, clip_t* clip) noexcept nogil
