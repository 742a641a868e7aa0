// Process 1 of a private PID and mount namespace with many sleepers, some of which map a library that is
// then deleted. Built and started by tests/bench/stale. Ending this process ends them all.
//
//   farm COUNT STALE DIR READY LIBRARY...     sleepers 0 to STALE-1 map DIR/libstale.so.1 as well
//   farm edges DIR READY                      one process for each odd case; READY tells CASE PID a line
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(3);
}

static void copy(const char *from, const char *to) {
    char bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    ssize_t length;
    if (in < 0 || out < 0) fail(to);
    while ((length = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, length) != length) fail(to);
    close(in), close(out);
}

static void load(const char *library) {
    if (!dlopen(library, RTLD_NOW | RTLD_GLOBAL)) fprintf(stderr, "%s\n", dlerror()), exit(3);
}

// A control group of its own for every twentieth, as services have.
static void join_group(int index) {
    const char *slice = getenv("FARM_CGROUP");
    char path[4096];
    FILE *file;
    if (!slice) return;
    snprintf(path, sizeof path, "%s/farm%d.service/cgroup.procs", slice, index % 20);
    file = fopen(path, "w");
    if (!file || fputs("0", file) < 0 || fclose(file)) perror(path);
}

static void reap(void) {
    for (;;)
        if (wait(0) < 0 && errno == ECHILD) sleep(1);
}

// Each sleeper runs the program anew, as a service does, and so has its own mappings.
static int farm(int argc, char **argv) {
    int count = atoi(argv[1]), stale = atoi(argv[2]), ready[2];
    char library[4096], self[4096], number[16], byte;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0 || pipe(ready)) fail("farm");
    self[length] = 0;
    snprintf(library, sizeof library, "%s/libstale.so.1", argv[3]);
    for (int index = 0; index < count; index++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child) continue;
        char *arguments[64] = {self, "sleep", number};
        int given = 3;
        join_group(index);
        snprintf(number, sizeof number, "%d", ready[1]);
        for (int i = 5; i < argc && given < 60; i++) arguments[given++] = argv[i];
        if (index < stale) arguments[given++] = library;
        execv(self, arguments);
        fail(self);
    }
    for (int index = 0; index < count; index++)
        if (read(ready[0], &byte, 1) != 1) fail("a sleeper");
    unlink(library);
    FILE *file = fopen(argv[4], "w");
    fprintf(file, "%d\n", count), fclose(file);
    reap();
    return 0;
}

static void *forever(void *nothing) {
    for (;;) pause();
    return nothing;
}

static void map(const char *path, int protection) {
    int file = open(path, O_RDONLY);
    if (mmap(0, 4096, protection, MAP_PRIVATE, file, 0) == MAP_FAILED) fail(path);
    close(file);
}

static void be(const char *what, const char *path, int ready) {
    prctl(PR_SET_NAME, what);
    if (!strcmp(what, "other_mounts") && unshare(CLONE_NEWNS)) fail("unshare");
    if (!strcmp(what, "only_data")) map(path, PROT_READ);
    else if (!strcmp(what, "own_make")) map(path, PROT_READ | PROT_EXEC);
    else if (!strcmp(what, "only_open")) { if (open(path, O_RDONLY) < 0) fail(path); }
    else if (!strcmp(what, "memory_file")) {
        int file = memfd_create("jit", 0);
        if (ftruncate(file, 4096) || mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED) fail(what);
    } else if (strcmp(what, "clean")) load(path);
    if (!strcmp(what, "leader_ended")) {
        pthread_t thread;
        pthread_create(&thread, 0, forever, 0);
        if (write(ready, "x", 1) != 1) exit(3);
        pthread_exit(0);
    }
    if (write(ready, "x", 1) != 1) exit(3);
    forever(0);
}

static int edges(char **argv) {
    const char *cases[] = {"clean", "unlinked", "renamed_over", "in_place", "leader_ended", "only_data", "own_make",
                           "memory_file", "name_ends_so", "line_feed", "other_mounts", "only_open", "hard_link", "made_anew"};
    const char *from = "/lib/x86_64-linux-gnu/libz.so.1";
    FILE *file = fopen("/srv/pids", "w");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *what = cases[i];
        char path[512], other[512], byte;
        int ready[2];
        snprintf(path, sizeof path, "%s/lib_%s.so.1", argv[2], what);
        snprintf(other, sizeof other, "%s/other_%s", argv[2], what);
        if (!strcmp(what, "own_make")) strcpy(path, "/tmp/ffi-scrubjay-farm");
        if (!strcmp(what, "name_ends_so")) snprintf(path, sizeof path, "%s/libodd.so (deleted)", argv[2]);
        if (!strcmp(what, "line_feed")) snprintf(path, sizeof path, "%s/libline\nfeed.so.1", argv[2]);
        copy(from, path);
        if (pipe(ready)) fail("pipe");
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (!child) be(what, path, ready[1]);
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1) fail(what);
        close(ready[0]);
        if (!strcmp(what, "renamed_over")) { copy(from, other); if (rename(other, path)) fail(path); }
        else if (!strcmp(what, "in_place")) copy(from, path);
        else if (!strcmp(what, "hard_link")) { if (link(path, other) || unlink(path)) fail(path); copy(from, path); }
        else if (!strcmp(what, "made_anew")) { unlink(path); copy(from, path); }
        else if (strcmp(what, "clean") && strcmp(what, "name_ends_so") && strcmp(what, "memory_file")) unlink(path);
        fprintf(file, "%s %d\n", what, child);
    }
    fclose(file);
    copy("/srv/pids", argv[3]);
    reap();
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "sleep")) {
        for (int i = 3; i < argc; i++) load(argv[i]);
        if (write(atoi(argv[2]), "x", 1) != 1) return 3;
        forever(0);
    }
    if (argc == 4 && !strcmp(argv[1], "edges")) return edges(argv);
    if (argc > 4) return farm(argc, argv);
    fprintf(stderr, "usage: see the head of tests/bench/farm.c\n");
    return 2;
}
