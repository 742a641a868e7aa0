// Which functions a program enters, exactly: each begins with a breakpoint that is taken away when it is met.
//
//   entered ADDRESSES OUT PROGRAM [ARGUMENT...]
//
// ADDRESSES has those of the functions as the program's file has them, hexadecimal, one a line. What was entered
// is written to OUT, likewise, when the program ends; and to OUT.begin when this process is sent SIGUSR1, after
// which all breakpoints are back in place: what OUT has then was entered since. Threads are followed, other
// programs that it starts are not. SIGTERM is handed on.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct point {
    unsigned long address;
    unsigned char byte;
    char is_set, is_met;
};

static struct point *points;
static size_t count;
static volatile sig_atomic_t again, ending;

static void note(int signal) {
    if (signal == SIGUSR1) again = 1;
    else ending = 1;
}

static void fail(const char *what) {
    perror(what);
    exit(2);
}

static int in_order(const void *one, const void *other) {
    unsigned long a = ((const struct point *)one)->address, b = ((const struct point *)other)->address;
    return a < b ? -1 : a > b;
}

static void read_points(const char *path) {
    FILE *file = fopen(path, "r");
    size_t room = 0;
    unsigned long address;
    if (!file) fail(path);
    while (fscanf(file, "%lx", &address) == 1) {
        if (count == room) {
            room = room ? room * 2 : 4096;
            points = realloc(points, room * sizeof *points);
            if (!points) fail("memory");
        }
        points[count++] = (struct point){address, 0, 0, 0};
    }
    fclose(file);
    qsort(points, count, sizeof *points, in_order);
}

// Where the program's file is in its memory: the first mapping, as nothing else is mapped lower.
static unsigned long base_of(pid_t child) {
    char path[64];
    unsigned long base;
    snprintf(path, sizeof path, "/proc/%d/maps", child);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%lx", &base) != 1) fail(path);
    fclose(file);
    return base;
}

static void put(int memory, unsigned long at, unsigned char byte) {
    if (pwrite(memory, &byte, 1, (off_t)at) != 1) fail("the program's memory");
}

// Those that were met; with `memory` all breakpoints are put back.
static void tell(const char *path, int memory, unsigned long base) {
    FILE *file = fopen(path, "w");
    if (!file) fail(path);
    for (size_t n = 0; n < count; n++) {
        if (!points[n].is_met) continue;
        fprintf(file, "%lx\n", points[n].address);
        if (memory < 0) continue;
        points[n].is_met = 0;
        put(memory, base + points[n].address, 0xcc);
    }
    if (fclose(file)) fail(path);
}

// Whether a thread stopped at one of ours, which it then goes on from.
static int is_ours(pid_t thread, int memory, unsigned long base) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, 0, &registers)) return 0;
    struct point wanted = {registers.rip - 1 - base, 0, 0, 0};
    struct point *point = bsearch(&wanted, points, count, sizeof wanted, in_order);
    if (!point || !point->is_set) return 0;
    if (!point->is_met) {
        point->is_met = 1;
        put(memory, base + point->address, point->byte);
    }
    registers.rip--;
    return ptrace(PTRACE_SETREGS, thread, 0, &registers) == 0;
}

int main(int argc, char **argv) {
    int status;
    if (argc < 4) {
        fprintf(stderr, "usage: entered ADDRESSES OUT PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    read_points(argv[1]);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (!child) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) fail(argv[3]);
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    unsigned long base = base_of(child);
    char path[4096];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0) fail(path);
    for (size_t n = 0; n < count; n++) {
        if (pread(memory, &points[n].byte, 1, (off_t)(base + points[n].address)) != 1) continue;
        put(memory, base + points[n].address, 0xcc);
        points[n].is_set = 1;
    }
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    snprintf(path, sizeof path, "%s.begin", argv[2]);
    ptrace(PTRACE_CONT, child, 0, 0);
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (again) {
            again = 0;
            tell(path, memory, base);
        }
        if (ending) {
            ending = 0;
            kill(child, SIGTERM);
        }
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) break;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == child) break;
            continue;
        }
        int signal = WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8) || signal == SIGSTOP) signal = 0;
        else if (signal == SIGTRAP && is_ours(thread, memory, base)) signal = 0;
        ptrace(PTRACE_CONT, thread, 0, signal);
    }
    tell(argv[2], -1, 0);
    return 0;
}
