/* The yardstick: what it costs this machine and kernel merely to relay the packets of N calls.
 *
 * One thread: epoll_wait, then recvmmsg and sendmmsg for each socket that is ready; nothing is parsed, rewritten, recorded or timed. What arrives on one
 * socket of a pair leaves from the other, to that side's peer. The peer is given or is the first source heard.
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
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    PAIRS_MAX = 8192,     /* two UDP ports each, out of 65,536 */
    EVENTS_MAX = 256,     /* ready sockets taken in one go; at 15,000 packets a second there are never more */
    BATCH_MAX = 16,       /* packets moved from one socket before the next has its turn */
    PACKET_BYTES_MAX = 2048,
    SIGNALS = -1,         /* what epoll names the two descriptors that are not relays */
    TIMER = -2,
};

struct side {
    int fd;
    int other;                 /* index of the pair's other side */
    bool has_peer;
    struct sockaddr_in peer;
};

struct figures {
    uint64_t packets_in, packets_out, dropped;
    double began_s, cpu_began_s;
};

struct options {
    const char *address;
    int pairs, first_port, cpu;
    double seconds;
};

static struct side sides[2 * PAIRS_MAX];
static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void die_of_port(int port)
{
    fprintf(stderr, "floor: port %d: %s\n", port, strerror(errno));
    exit(1);
}

static void refuse(const char *what)
{
    fprintf(stderr, "floor: %s; see --help\n", what);
    exit(2);
}

static double clock_s(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct sockaddr_in endpoint(const char *host, int port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (port < 0 || port > 65535 || inet_pton(AF_INET, host, &result.sin_addr) != 1)
        refuse("not an IPv4 address and port");
    return result;
}

static void open_side(int index, const char *address, int port, int peer_port)
{
    struct side *side = &sides[index];
    struct sockaddr_in local = endpoint(address, port);
    side->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (side->fd < 0 || bind(side->fd, (struct sockaddr *)&local, sizeof local) < 0)
        die_of_port(port);
    side->other = index ^ 1;
    side->has_peer = peer_port > 0;
    if (side->has_peer)
        side->peer = endpoint(address, peer_port);
}

static int open_counted(const struct options *options)
{
    for (int index = 0; index < 2 * options->pairs; index++)
        open_side(index, options->address, options->first_port + 2 * index, 0);
    return options->pairs;
}

static int open_listed(const struct options *options)
{
    char line[128];
    int pairs = 0;
    while (fgets(line, sizeof line, stdin)) {
        int ports[4] = {0};
        int fields = sscanf(line, "%d %d %d %d", &ports[0], &ports[1], &ports[2], &ports[3]);
        if (fields <= 0)
            continue;
        if ((fields != 2 && fields != 4) || pairs == PAIRS_MAX)
            refuse("a line is `portA portB` or `portA portB peerA peerB`");
        open_side(2 * pairs, options->address, ports[0], ports[2]);
        open_side(2 * pairs + 1, options->address, ports[1], ports[3]);
        pairs++;
    }
    return pairs;
}

static void watch(int poll_fd, int fd, int name)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = name};
    if (fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* Move what waits on one socket, at most a batch, to the other socket of the pair. */
static void relay(struct side *from, struct figures *figures)
{
    static uint8_t packets[BATCH_MAX][PACKET_BYTES_MAX];
    struct sockaddr_in sources[BATCH_MAX];
    struct iovec parts[BATCH_MAX];
    struct mmsghdr batch[BATCH_MAX];
    struct side *to = &sides[from->other];

    for (int index = 0; index < BATCH_MAX; index++) {
        parts[index] = (struct iovec){packets[index], PACKET_BYTES_MAX};
        batch[index].msg_hdr = (struct msghdr){
            .msg_name = &sources[index], .msg_namelen = sizeof sources[index], .msg_iov = &parts[index], .msg_iovlen = 1};
    }
    int count = recvmmsg(from->fd, batch, BATCH_MAX, MSG_DONTWAIT, NULL);
    if (count <= 0)
        return; /* an ICMP error that concerns an earlier packet of ours */
    figures->packets_in += (uint64_t)count;
    if (!from->has_peer) {
        from->peer = sources[0];
        from->has_peer = true;
    }
    int sent = 0;
    if (to->has_peer) {
        for (int index = 0; index < count; index++) {
            parts[index].iov_len = batch[index].msg_len;
            batch[index].msg_hdr.msg_name = &to->peer;
        }
        sent = sendmmsg(to->fd, batch, (unsigned)count, MSG_DONTWAIT);
    }
    figures->packets_out += (uint64_t)(sent > 0 ? sent : 0);
    figures->dropped += (uint64_t)(count - (sent > 0 ? sent : 0));
}

static void begin_window(struct figures *figures)
{
    *figures = (struct figures){.began_s = clock_s(CLOCK_MONOTONIC), .cpu_began_s = clock_s(CLOCK_PROCESS_CPUTIME_ID)};
}

static void report(const struct figures *figures, int pairs)
{
    double elapsed_s = clock_s(CLOCK_MONOTONIC) - figures->began_s;
    double cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - figures->cpu_began_s;
    printf("{\"pairs\": %d, \"packets_in\": %llu, \"packets_out\": %llu, \"dropped\": %llu, \"elapsed_s\": %.3f, "
           "\"cpu_s\": %.4f, \"cpu_pct\": %.3f}\n",
           pairs, (unsigned long long)figures->packets_in, (unsigned long long)figures->packets_out,
           (unsigned long long)figures->dropped, elapsed_s, cpu_s, elapsed_s > 0 ? 100 * cpu_s / elapsed_s : 0.0);
    fflush(stdout);
}

static int signal_descriptor(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int timer_descriptor(double seconds)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec when = {.it_value = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)}};
    if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0)
        die("timerfd");
    return fd;
}

/* Relay until the time is over or a signal ends it; SIGUSR1 prints the figures and begins them anew. */
static void run(int pairs, const struct options *options)
{
    struct figures figures;
    struct epoll_event ready[EVENTS_MAX];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), signal_fd = signal_descriptor();

    for (int index = 0; index < 2 * pairs; index++)
        watch(poll_fd, sides[index].fd, index);
    watch(poll_fd, signal_fd, SIGNALS);
    watch(poll_fd, timer_descriptor(options->seconds), TIMER);
    begin_window(&figures);
    for (;;) {
        int count = epoll_wait(poll_fd, ready, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int index = 0; index < count; index++) {
            int name = ready[index].data.fd;
            struct signalfd_siginfo signal = {0};
            if (name >= 0) {
                relay(&sides[name], &figures);
                continue;
            }
            if (name == SIGNALS && read(signal_fd, &signal, sizeof signal) < 0)
                die("signalfd");
            report(&figures, pairs);
            if (signal.ssi_signo != SIGUSR1)
                return;
            begin_window(&figures);
        }
    }
}

static void help(void)
{
    puts("floor: relay UDP between pairs of ports on one thread and tell the CPU time that it took.\n"
         "\n"
         "  floor --pairs N --first-port P   pair i is ports P+4i and P+4i+2\n"
         "  floor < table                    a line is `portA portB`, or `portA portB peerA peerB`\n"
         "\n"
         "  --address A    IPv4 address of ports and peers (127.0.0.1)\n"
         "  --seconds S    end after this time (0: at SIGTERM or SIGINT)\n"
         "  --cpu N        run on this core only\n"
         "\n"
         "Prints `ready` when all ports are open and one JSON line at the end; SIGUSR1 prints the line and starts\n"
         "the figures anew.");
}

static struct options parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"pairs", required_argument, NULL, 'p'},   {"first-port", required_argument, NULL, 'f'},
        {"address", required_argument, NULL, 'a'}, {"seconds", required_argument, NULL, 's'},
        {"cpu", required_argument, NULL, 'c'},     {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.address = "127.0.0.1", .first_port = 40000, .cpu = -1};
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'p': options.pairs = atoi(optarg); break;
        case 'f': options.first_port = atoi(optarg); break;
        case 'a': options.address = optarg; break;
        case 's': options.seconds = atof(optarg); break;
        case 'c': options.cpu = atoi(optarg); break;
        case 'h': help(); exit(0);
        default: exit(2);
        }
    }
    if (options.pairs < 0 || options.pairs > PAIRS_MAX || options.seconds < 0 || optind < argc)
        refuse("bad arguments");
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (options.cpu >= 0) {
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET((size_t)options.cpu, &core);
        if (sched_setaffinity(0, sizeof core, &core) < 0)
            die("sched_setaffinity");
    }
    int pairs = options.pairs > 0 ? open_counted(&options) : open_listed(&options);
    if (pairs == 0)
        refuse("no pairs");
    puts("ready");
    fflush(stdout);
    run(pairs, &options);
    return 0;
}
