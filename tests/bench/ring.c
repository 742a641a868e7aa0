// The floor of listening: reads the trace buffers of all CPUs page by page, counts the records of one event, and
// does nothing else with them.
//
//   ring TRACEFS EVENT      for example ring /sys/kernel/tracing ras/mc_event
//
// It makes an instance of its own, `bare`, of the kernel's usual size, and prints `ready` when it listens. Like the
// agent it sleeps until there is something, and rests for 2 ms between two looks while there is more. When it is
// told to end (SIGTERM) it reads what is left, removes the instance, and prints how many records it read, and how
// many the kernel says were overwritten before it came to them.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// include/linux/ring_buffer.h: a record begins with 5 bits of kind and 27 of time.
enum { PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31, MOST_CPUS = 64, PAGE = 4096 };

static volatile sig_atomic_t stopped;
static char instance[256];
static unsigned wanted;

static void stop(int signal) { (void)signal; stopped = 1; }

static int file(const char *name, int flags) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", instance, name);
    return open(path, flags | O_CLOEXEC);
}

static void put(const char *name, const char *text) {
    int fd = file(name, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) { perror(name); exit(1); }
    close(fd);
}

static unsigned long number_after(const char *name, const char *key) {
    char text[8192] = "";
    int fd = file(name, O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0) { perror(name); exit(1); }
    close(fd);
    char *at = strstr(text, key);
    // A number that is not there is no zero.
    if (!at) { fprintf(stderr, "%s: no \"%s\"\n", name, key); exit(1); }
    return strtoul(at + strlen(key), NULL, 10);
}

// How many records of the event a page holds.
static unsigned long records(const unsigned char *page, ssize_t bytes) {
    uint64_t commit;
    memcpy(&commit, page + 8, sizeof commit);
    size_t length = commit & 0xfffff, end = 16 + length, at = 16;
    unsigned long seen = 0;
    if (bytes < 16 || end > (size_t)bytes) return 0;
    while (at + 4 <= end) {
        uint32_t head, size;
        memcpy(&head, page + at, 4);
        uint32_t kind = head & 31;
        if (kind == TIME_EXTEND || kind == TIME_STAMP) { at += 8; continue; }
        if (kind == PADDING && head >> 5 == 0) break;
        size_t data = at + 4;
        if (kind == 0 || kind == PADDING) {
            if (data + 4 > end) break;
            memcpy(&size, page + data, 4);
            // The length of a long record counts itself.
            data = kind ? data : data + 4;
            at += 4 + size;
        } else {
            at = data + kind * 4;
        }
        uint16_t type;
        if (kind != PADDING && data + 2 <= end) {
            memcpy(&type, page + data, 2);
            seen += type == wanted;
        }
    }
    return seen;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: see the head of tests/bench/ring.c\n"), 2;
    snprintf(instance, sizeof instance, "%s/instances/bare", argv[1]);
    if (mkdir(instance, 0700) && errno != EEXIST) return perror(instance), 1;
    struct sigaction action = { .sa_handler = stop };
    sigaction(SIGTERM, &action, NULL);
    char name[256];
    snprintf(name, sizeof name, "events/%s/format", argv[2]);
    wanted = number_after(name, "ID: ");
    put("buffer_percent", "0");
    struct pollfd cpus[MOST_CPUS];
    int count = 0;
    for (; count < MOST_CPUS; count++) {
        snprintf(name, sizeof name, "per_cpu/cpu%d/trace_pipe_raw", count);
        int fd = file(name, O_RDONLY | O_NONBLOCK);
        if (fd < 0) break;
        cpus[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    if (!count) return fprintf(stderr, "%s: no CPU has a buffer\n", instance), 1;
    snprintf(name, sizeof name, "events/%s/enable", argv[2]);
    put(name, "1");
    puts("ready");
    fflush(stdout);
    unsigned long seen = 0, lost = 0;
    struct timespec rest = { .tv_nsec = 2000000 };
    for (int last = 0; !last; last = stopped) {
        unsigned char page[PAGE];
        ssize_t bytes;
        if (!stopped) poll(cpus, count, -1);
        for (int cpu = 0; cpu < count; cpu++)
            while ((bytes = read(cpus[cpu].fd, page, sizeof page)) > 0) seen += records(page, bytes);
        if (!stopped) nanosleep(&rest, NULL);
    }
    for (int cpu = 0; cpu < count; cpu++) {
        snprintf(name, sizeof name, "per_cpu/cpu%d/stats", cpu);
        lost += number_after(name, "overrun: ");
        close(cpus[cpu].fd);
    }
    snprintf(name, sizeof name, "events/%s/enable", argv[2]);
    put(name, "0");
    if (rmdir(instance)) perror(instance);
    printf("%lu %lu\n", seen, lost);
    return 0;
}
