/* The load: many phones that send G.711 RTP and measure what reaches them.
 *
 * - One thread wakes at each tick. A packet time is divided into ticks, and each stream has its place in one of them,
 *   so that the load is even. At its turn a stream sends one packet and reads what has arrived since its last turn.
 * - A packet's payload begins with a stamp: run, stream, sequence, time. The time is taken right before the packet is
 *   handed to the kernel, and the arrival is the kernel's own timestamp (SO_TIMESTAMPNS): neither our late wake-ups
 *   nor our late reading is blamed on the system. How late we sent is told apart.
 * - A window counts the packets sent in it, and waits SETTLE_MS for the last of them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "rtp.h"

enum {
    STREAMS_MAX = 16384,
    PTIME_MS_MAX = 60,
    PACKET_BYTES_MAX = 2048,
    BATCH_MAX = 8,             /* packets read in one call; a stream has one or two waiting */
    SETTLE_MS = 300,           /* a packet later than this is lost to a talk in any case */
    SEEN_BITS = 64,            /* how far back a packet may come and still be told from a duplicate */
    PROGRESS_S = 5,
    NO_PARTNER = -1,
};

static const uint64_t SECOND_NS = 1000000000u;
static const uint64_t MS_NS = 1000000u;

struct stamp {
    uint32_t run;              /* packets of an earlier run, or of somebody else, do not have it */
    uint32_t stream;           /* the sender */
    uint32_t sequence;         /* of the sender, from 0; RTP's own may be rewritten on the way */
    uint32_t reserved;
    uint64_t sent_ns;          /* CLOCK_MONOTONIC */
};

struct stream {
    int fd;
    int partner;               /* whose packets should arrive here */
    struct sockaddr_in remote;
    bool is_mute;
    uint32_t next_sequence;
    uint32_t first_sequence;   /* the window's first and the one after its last */
    uint32_t end_sequence;
    uint32_t highest;          /* of the partner's, in this window */
    uint64_t seen;             /* bit n: highest - n has arrived */
    uint64_t unique;           /* of the partner's packets of this window, without duplicates */
    bool is_invaded;           /* heard something in this window that no phone of ours has sent */
    uint64_t arrived_ns;       /* the last packet of any kind; CLOCK_REALTIME */
};

struct counts {
    uint64_t send_errors, unstamped, misrouted, duplicates, reordered;
    uint64_t began_ns, cpu_began_ns;
    double elapsed_s, cpu_s;
};

enum phase { WARMING_UP, MEASURING, SETTLING };

struct options {
    const char *address;
    double seconds, warmup_s;
    int cpu, payload_type, ptime_ms, tick_us;
    bool is_inherited;
};

static struct stream streams[STREAMS_MAX];
static int stream_count;
static uint32_t run_id;
static enum phase phase;
static struct counts counts;
static struct histogram delays, gaps, lateness;
static volatile sig_atomic_t is_ending, is_closing;

static void die(const char *what)
{
    fprintf(stderr, "rtpload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void die_of_port(int port)
{
    fprintf(stderr, "rtpload: port %d: %s\n", port, strerror(errno));
    exit(1);
}

static void refuse(const char *what)
{
    fprintf(stderr, "rtpload: %s; see --help\n", what);
    exit(2);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (uint64_t)at.tv_sec * SECOND_NS + (uint64_t)at.tv_nsec;
}

/* ---- figures ---- */

static void begin_window(void)
{
    memset(&delays, 0, sizeof delays);
    memset(&gaps, 0, sizeof gaps);
    memset(&lateness, 0, sizeof lateness);
    counts = (struct counts){.began_ns = clock_ns(CLOCK_MONOTONIC), .cpu_began_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
    for (int index = 0; index < stream_count; index++) {
        struct stream *stream = &streams[index];
        stream->first_sequence = stream->next_sequence;
        stream->end_sequence = UINT32_MAX;
        stream->unique = stream->seen = 0;
        stream->is_invaded = false;
    }
    phase = MEASURING;
}

static void close_window(void)
{
    for (int index = 0; index < stream_count; index++)
        streams[index].end_sequence = streams[index].next_sequence;
    counts.elapsed_s = (double)(clock_ns(CLOCK_MONOTONIC) - counts.began_ns) / 1e9;
    counts.cpu_s = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - counts.cpu_began_ns) / 1e9;
    phase = SETTLING;
}

static void report(void)
{
    uint64_t sent = 0, expected = 0, received = 0;
    int invaded = 0;
    for (int index = 0; index < stream_count; index++) {
        const struct stream *stream = &streams[index];
        sent += stream->end_sequence - stream->first_sequence;
        received += stream->unique;
        invaded += stream->is_invaded;
        if (stream->partner != NO_PARTNER)
            expected += streams[stream->partner].end_sequence - streams[stream->partner].first_sequence;
    }
    uint64_t lost = expected > received ? expected - received : 0;
    printf("{\"streams\": %d, \"sent\": %llu, \"received\": %llu, \"lost\": %llu, \"lost_share\": %.8f, "
           "\"reordered\": %llu, \"duplicates\": %llu, \"misrouted\": %llu, \"unstamped\": %llu, \"send_errors\": %llu, "
           "\"invaded\": %d",
           stream_count, (unsigned long long)sent, (unsigned long long)received, (unsigned long long)lost,
           expected ? (double)lost / (double)expected : 0.0, (unsigned long long)counts.reordered,
           (unsigned long long)counts.duplicates, (unsigned long long)counts.misrouted,
           (unsigned long long)counts.unstamped, (unsigned long long)counts.send_errors, invaded);
    print_quantiles("delay", &delays);
    print_quantiles("gap", &gaps);
    print_quantiles("send_late", &lateness);
    printf(", \"elapsed_s\": %.3f, \"cpu_pct\": %.3f}\n", counts.elapsed_s,
           counts.elapsed_s > 0 ? 100 * counts.cpu_s / counts.elapsed_s : 0.0);
    fflush(stdout);
}

static void show_progress(void)
{
    static const char *const names[] = {"warming up", "measuring", "settling"};
    uint64_t received = 0;
    for (int index = 0; index < stream_count; index++)
        received += streams[index].unique;
    fprintf(stderr, "rtpload: %s, %d streams, %llu received, delay p99 %.2f ms, gap p99 %.2f ms, max %.2f ms\n",
            names[phase], stream_count, (unsigned long long)received, quantile_ms(&delays, 0.99),
            quantile_ms(&gaps, 0.99), (double)gaps.most_ns / 1e6);
}

/* ---- packets ---- */

static void send_packet(int index, const struct options *options, uint64_t due_ns)
{
    static uint8_t packet[RTP_BYTES + 8 * PTIME_MS_MAX];
    static bool is_filled;
    struct stream *stream = &streams[index];
    if (stream->is_mute)
        return;
    size_t samples = 8u * (size_t)options->ptime_ms;

    if (!is_filled) {
        memset(packet, options->payload_type == 8 ? 0xD5 : 0xFF, sizeof packet); /* silence in either law */
        is_filled = true;
    }
    bool is_first = stream->next_sequence == 0;
    put_rtp_header(packet, options->payload_type, is_first, stream->next_sequence,
                   (uint32_t)(stream->next_sequence * samples), run_id ^ (uint32_t)index);
    struct stamp stamp = {.run = run_id, .stream = (uint32_t)index, .sequence = stream->next_sequence++};
    stamp.sent_ns = clock_ns(CLOCK_MONOTONIC);
    memcpy(packet + RTP_BYTES, &stamp, sizeof stamp);
    if (sendto(stream->fd, packet, RTP_BYTES + samples, MSG_DONTWAIT, (struct sockaddr *)&stream->remote,
               sizeof stream->remote) < 0)
        counts.send_errors++;
    if (phase == MEASURING)
        note(&lateness, stamp.sent_ns > due_ns ? stamp.sent_ns - due_ns : 0);
}

static void note_arrival(struct stream *stream, const struct stamp *stamp, uint64_t arrived_mono_ns)
{
    const struct stream *sender = &streams[stamp->stream];
    if (stamp->sequence < sender->first_sequence || stamp->sequence >= sender->end_sequence)
        return; /* of the warm-up, or of another window */
    if (stream->seen == 0 || stamp->sequence > stream->highest) {
        uint32_t ahead = stream->seen ? stamp->sequence - stream->highest : SEEN_BITS;
        stream->seen = (ahead < SEEN_BITS ? stream->seen << ahead : 0) | 1;
        stream->highest = stamp->sequence;
    } else {
        uint32_t behind = stream->highest - stamp->sequence;
        uint64_t bit = behind < SEEN_BITS ? (uint64_t)1 << behind : 0;
        if (stream->seen & bit) {
            counts.duplicates++;
            return;
        }
        stream->seen |= bit;
        counts.reordered++;
    }
    stream->unique++;
    note(&delays, arrived_mono_ns > stamp->sent_ns ? arrived_mono_ns - stamp->sent_ns : 0);
}

/* Whether a packet comes from where the stream sends to: on a machine where others are at work a port may be known to
 * somebody from its earlier life. */
static bool is_of_remote(const struct stream *stream, const struct sockaddr_in *source)
{
    return source->sin_addr.s_addr == stream->remote.sin_addr.s_addr && source->sin_port == stream->remote.sin_port;
}

static void take_packet(struct stream *stream, const uint8_t *packet, size_t size, const struct sockaddr_in *source,
                        uint64_t arrived_ns, uint64_t offset_ns)
{
    struct stamp stamp;
    size_t at = payload_at(packet, size);
    if (at == 0)
        return;
    if (phase == MEASURING && stream->arrived_ns && arrived_ns > stream->arrived_ns)
        note(&gaps, arrived_ns - stream->arrived_ns);
    stream->arrived_ns = arrived_ns;
    if (size - at >= sizeof stamp)
        memcpy(&stamp, packet + at, sizeof stamp);
    if (size - at < sizeof stamp || stamp.run != run_id || stamp.stream >= (uint32_t)stream_count) {
        counts.unstamped++; /* prompts, music, digits, strangers */
        stream->is_invaded = stream->is_invaded || (phase == MEASURING && is_of_remote(stream, source));
    } else if ((int)stamp.stream != stream->partner)
        counts.misrouted++;
    else
        note_arrival(stream, &stamp, arrived_ns - offset_ns);
}

static uint64_t kernel_time_ns(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(part), sizeof at);
            return (uint64_t)at.tv_sec * SECOND_NS + (uint64_t)at.tv_nsec;
        }
    }
    refuse("the kernel gives no timestamps");
    return 0;
}

/* Take what has arrived at a stream; `offset_ns` is CLOCK_REALTIME minus CLOCK_MONOTONIC. */
static void receive_packets(struct stream *stream, uint64_t offset_ns)
{
    static uint8_t packets[BATCH_MAX][PACKET_BYTES_MAX];
    static _Alignas(struct cmsghdr) uint8_t controls[BATCH_MAX][64];
    struct mmsghdr batch[BATCH_MAX];
    struct iovec parts[BATCH_MAX];
    struct sockaddr_in sources[BATCH_MAX];
    int count;
    do {
        for (int index = 0; index < BATCH_MAX; index++) {
            parts[index] = (struct iovec){packets[index], PACKET_BYTES_MAX};
            batch[index].msg_hdr = (struct msghdr){.msg_name = &sources[index], .msg_namelen = sizeof sources[index],
                                                   .msg_iov = &parts[index], .msg_iovlen = 1,
                                                   .msg_control = controls[index], .msg_controllen = sizeof controls[index]};
        }
        count = recvmmsg(stream->fd, batch, BATCH_MAX, MSG_DONTWAIT, NULL);
        for (int index = 0; index < count; index++)
            take_packet(stream, packets[index], batch[index].msg_len, &sources[index],
                        kernel_time_ns(&batch[index].msg_hdr), offset_ns);
    } while (count == BATCH_MAX);
}

/* ---- time ---- */

static void sleep_until(uint64_t at_ns)
{
    struct timespec at = {(time_t)(at_ns / SECOND_NS), (long)(at_ns % SECOND_NS)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL); /* a signal wakes us early, which does no harm */
}

static void take_turns(int tick, int ticks, const struct options *options, uint64_t due_ns)
{
    uint64_t offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    for (int index = tick; index < stream_count; index += ticks) {
        receive_packets(&streams[index], offset_ns);
        send_packet(index, options, due_ns);
    }
}

/* Move from phase to phase; false when all is done. Without --seconds a window ends by signal only. */
static bool is_going_on(uint64_t now_ns, uint64_t began_ns, const struct options *options)
{
    static uint64_t closed_ns;
    uint64_t seconds_ns = (uint64_t)(options->seconds * 1e9);
    switch (phase) {
    case WARMING_UP:
        if (now_ns - began_ns >= (uint64_t)(options->warmup_s * 1e9))
            begin_window();
        return !is_ending;
    case MEASURING:
        if (seconds_ns && now_ns - counts.began_ns >= seconds_ns)
            is_ending = 1;
        if (is_ending || is_closing) {
            close_window();
            closed_ns = now_ns;
        }
        return true;
    case SETTLING:
        if (now_ns - closed_ns < SETTLE_MS * MS_NS)
            return true;
        report();
        if (is_ending)
            return false;
        is_closing = 0;
        begin_window();
        return true;
    }
    return false;
}

static void run(const struct options *options)
{
    uint64_t tick_ns = (uint64_t)options->tick_us * 1000u;
    int ticks = options->ptime_ms * 1000 / options->tick_us;
    uint64_t began_ns = clock_ns(CLOCK_MONOTONIC), due_ns = began_ns, shown_ns = began_ns;
    for (int tick = 0;; tick = (tick + 1) % ticks) {
        due_ns += tick_ns;
        sleep_until(due_ns);
        uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
        if (!is_going_on(now_ns, began_ns, options))
            return;
        if (now_ns - shown_ns >= PROGRESS_S * SECOND_NS) {
            shown_ns = now_ns;
            show_progress();
        }
        take_turns(tick, ticks, options, due_ns);
    }
}

/* ---- setting up ---- */

static int opened(const char *address, int port)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, address, &local.sin_addr) != 1)
        refuse("--address is not an IPv4 address");
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        die_of_port(port);
    return fd;
}

static void read_table(const struct options *options)
{
    char line[256], host[64];
    int local, port, partner, on = 1;
    while (fgets(line, sizeof line, stdin)) {
        struct stream *stream = &streams[stream_count];
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%d %63s %d %d", &local, host, &port, &partner) != 4 || port == 0 || abs(port) > 65535)
            refuse("a line is `port remote_host remote_port partner`");
        if (stream_count == STREAMS_MAX)
            refuse("too many streams");
        stream->fd = options->is_inherited ? local : opened(options->address, local);
        stream->partner = partner;
        stream->remote = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)abs(port))};
        stream->is_mute = port < 0;
        if (inet_pton(AF_INET, host, &stream->remote.sin_addr) != 1)
            refuse("remote_host is not an IPv4 address");
        if (setsockopt(stream->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
            die("SO_TIMESTAMPNS");
        stream_count++;
    }
    for (int index = 0; index < stream_count; index++)
        if (streams[index].partner < NO_PARTNER || streams[index].partner >= stream_count)
            refuse("a partner is the number of a line, counted from 0, or -1");
    if (stream_count == 0)
        refuse("no streams");
}

static void help(void)
{
    puts("rtpload: send G.711 RTP on many streams and measure what arrives.\n"
         "\n"
         "  rtpload [options] < table   a line is `port remote_host remote_port partner`: the local port, where to send,\n"
         "                              and the number of the line whose packets should arrive here (-1: nobody's);\n"
         "                              with a negative remote_port it listens only\n"
         "\n"
         "  --seconds S        length of the window that is measured (10; 0: until SIGTERM or SIGINT)\n"
         "  --warmup-s S       send so long before it (2)\n"
         "  --ptime MS         milliseconds in a packet: 10, 20, 30, 40 or 60 (20)\n"
         "  --payload-type N   0 for PCMU, 8 for PCMA, or any other (0)\n"
         "  --tick-us US       streams are spread over steps of this length (1000)\n"
         "  --address A        local IPv4 address (127.0.0.1)\n"
         "  --inherit          the first field of a line is the number of an open descriptor instead of a port\n"
         "  --cpu N            run on this core only\n"
         "\n"
         "Ends with one JSON line. Delay is one way, from just before the packet is handed to the kernel to the kernel's\n"
         "timestamp of its arrival; gap is between successive arrivals at a stream; send_late is how late our own\n"
         "sending was; cpu_pct is our own. SIGUSR1 ends the window, prints its line and begins another.");
}

static bool is_ptime(int ms)
{
    return ms == 10 || ms == 20 || ms == 30 || ms == 40 || ms == 60;
}

static struct options parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"seconds", required_argument, NULL, 's'}, {"warmup-s", required_argument, NULL, 'w'},
        {"ptime", required_argument, NULL, 'p'},   {"payload-type", required_argument, NULL, 't'},
        {"tick-us", required_argument, NULL, 'k'}, {"address", required_argument, NULL, 'a'},
        {"inherit", no_argument, NULL, 'i'},       {"cpu", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct options options = {
        .address = "127.0.0.1", .seconds = 10, .warmup_s = 2, .cpu = -1, .ptime_ms = 20, .tick_us = 1000};
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 's': options.seconds = atof(optarg); break;
        case 'w': options.warmup_s = atof(optarg); break;
        case 'p': options.ptime_ms = atoi(optarg); break;
        case 't': options.payload_type = atoi(optarg); break;
        case 'k': options.tick_us = atoi(optarg); break;
        case 'a': options.address = optarg; break;
        case 'i': options.is_inherited = true; break;
        case 'c': options.cpu = atoi(optarg); break;
        case 'h': help(); exit(0);
        default: exit(2);
        }
    }
    if (optind < argc || options.seconds < 0 || options.warmup_s < 0 || !is_ptime(options.ptime_ms))
        refuse("bad arguments");
    if (options.payload_type < 0 || options.payload_type > 127)
        refuse("--payload-type is 0 to 127");
    if (options.tick_us < 50 || options.ptime_ms * 1000 % options.tick_us)
        refuse("--tick-us is at least 50 and a whole part of the packet time");
    return options;
}

static void note_signal(int signal)
{
    if (signal == SIGUSR1)
        is_closing = 1;
    else
        is_ending = 1;
}

static void prepare(const struct options *options)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1); /* nanoseconds; the default of 50 us would add to each wake-up */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (options->cpu >= 0) {
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET((size_t)options->cpu, &core);
        if (sched_setaffinity(0, sizeof core, &core) < 0)
            die("sched_setaffinity");
    }
    run_id = (uint32_t)(clock_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 20);
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    prepare(&options);
    read_table(&options);
    run(&options);
    return 0;
}
