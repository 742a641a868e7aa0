// Scrapes over and over, and tells how long scrapes took. Built by tests/bench/scrape for this machine, and by
// tests/guest/prepare for a guest.
//
//   scraper PORT CLIENTS PAUSE_MS SECONDS [HEADER...]     each header a word as in "Accept: text/plain"
//
// Each client scrapes http://127.0.0.1:PORT/metrics on a connection of its own, waits, and scrapes again,
// until the seconds are over or SIGTERM comes. What counts is the time from before the connection until
// the last byte. Printed is a line: scrapes, failed ones, and of the others the median, the 99th percentile
// and the longest in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_CLIENTS 64

static volatile sig_atomic_t stopped;
static char request[4096];
static int port, pause_ms;
static double end;

struct client {
    pthread_t thread;
    unsigned *took;
    size_t count, room, failed;
};

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

// Whether the answer was 200, and came whole; the server closes the connection after it.
static int scrape(void) {
    static const char ok[] = "HTTP/1.1 200 ";
    struct timeval patience = {30, 0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    char bytes[65536], head[sizeof ok];
    size_t have = 0;
    ssize_t length = -1;
    int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line < 0) return 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!connect(line, (struct sockaddr *)&to, sizeof to)
        && send(line, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
        while ((length = recv(line, bytes, sizeof bytes, 0)) > 0)
            for (ssize_t i = 0; i < length && have < sizeof ok - 1; i++) head[have++] = bytes[i];
    close(line);
    return length == 0 && have == sizeof ok - 1 && !memcmp(head, ok, have);
}

static void *scrapes(void *argument) {
    struct client *client = argument;
    struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000L};
    double began = now();
    while (!stopped && began < end) {
        int answered = scrape();
        double took = now() - began;
        if (client->count == client->room) {
            client->room = client->room ? client->room * 2 : 1024;
            client->took = realloc(client->took, client->room * sizeof *client->took);
            if (!client->took) abort();
        }
        // What stopping interrupts has not failed.
        if (answered) client->took[client->count++] = took * 1e6;
        else if (!stopped) client->failed++;
        nanosleep(&pause, 0);
        began = now();
    }
    return 0;
}

static int compare(const void *a, const void *b) {
    unsigned left = *(const unsigned *)a, right = *(const unsigned *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv) {
    struct client clients[MOST_CLIENTS] = {0};
    struct sigaction action = {.sa_handler = stop};
    size_t count = 0, failed = 0, used;
    unsigned *all;
    if (argc < 5) return fprintf(stderr, "usage: see the head of tests/bench/scraper.c\n"), 2;
    int running = atoi(argv[2]);
    if (running < 1 || running > MOST_CLIENTS) return fprintf(stderr, "1 to 64 clients\n"), 2;
    port = atoi(argv[1]), pause_ms = atoi(argv[3]), end = now() + atof(argv[4]);
    used = snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
    for (int i = 5; i < argc; i++) {
        used += snprintf(request + used, sizeof request - used, "%s\r\n", argv[i]);
        if (used + 2 >= sizeof request) return fprintf(stderr, "headers are too long\n"), 2;
    }
    strcpy(request + used, "\r\n");
    sigaction(SIGTERM, &action, 0);
    for (int i = 0; i < running; i++)
        if (pthread_create(&clients[i].thread, 0, scrapes, &clients[i])) abort();
    for (int i = 0; i < running; i++) {
        pthread_join(clients[i].thread, 0);
        count += clients[i].count, failed += clients[i].failed;
    }
    all = malloc((count + 1) * sizeof *all);
    if (!all) abort();
    count = 0;
    for (int i = 0; i < running; i++) {
        if (clients[i].count) memcpy(all + count, clients[i].took, clients[i].count * sizeof *all);
        count += clients[i].count;
    }
    if (!count) return printf("0 %zu 0 0 0\n", failed), 0;
    qsort(all, count, sizeof *all, compare);
    printf("%zu %zu %u %u %u\n", count, failed, all[count / 2], all[count * 99 / 100], all[count - 1]);
    return 0;
}
