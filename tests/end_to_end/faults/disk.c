/* A disk that fails, for one process: preloaded, it stands between SQLite and the C library.
 *
 * Only the files of the history are touched: those with "history.db" in their path.
 *
 *   FAULT_FLAG=FILE     while FILE is there, writing (pwrite, ftruncate) and fsync fail with the
 *                       number in it, an errno
 *   FAULT_KILL_AT=N     the N-th write or fsync, from 1, does half of what it should; then SIGKILL
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int is_history(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, "history.db") != NULL;
}

/* The errno to fail with, or 0. */
static int fails(void)
{
    const char *flag = getenv("FAULT_FLAG");
    FILE *file = flag ? fopen(flag, "r") : NULL;
    int number = 0;
    if (!file)
        return 0;
    if (fscanf(file, "%d", &number) != 1)
        number = 0;
    fclose(file);
    return number;
}

static int is_last(void)
{
    const char *at = getenv("FAULT_KILL_AT");
    return at && atomic_fetch_add(&calls, 1) + 1 == atol(at);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static ssize_t write_at(const char *name, int fd, const void *bytes, size_t size, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, name);
    if (is_history(fd)) {
        if (is_last()) {
            real(fd, bytes, size / 2, at);
            die();
        }
        int error = fails();
        if (error) {
            errno = error;
            return -1;
        }
    }
    return real(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return write_at("pwrite64", fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return write_at("pwrite", fd, bytes, size, at);
}

static int sync_of(const char *name, int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    if (is_history(fd)) {
        if (is_last())
            die();
        int error = fails();
        if (error) {
            errno = error;
            return -1;
        }
    }
    return real(fd);
}

int fsync(int fd)
{
    return sync_of("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_of("fdatasync", fd);
}

int ftruncate64(int fd, off64_t size)
{
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");
    int error = is_history(fd) ? fails() : 0;
    if (error) {
        errno = error;
        return -1;
    }
    return real(fd, size);
}
