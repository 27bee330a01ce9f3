/* A disk that fails on demand, for a process that preloads this library (LD_PRELOAD).

   It intercepts the calls that read, change or sync files below $BAD_DISK_DIRECTORY (an absolute
   path without symbolic links). The file $BAD_DISK_CONTROL, which is read again at each call,
   decides their outcome: "ok" or one of the words in `faults`.

   Changes to the files' contents, syncs and failed syncs are appended to $BAD_DISK_RECORD, if it is
   set: the possible states after a power cut follow from them. Renames are not recorded.

   System calls are made directly, so that this does not depend on the C library's names for them.
   64-bit Linux only. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "offsets are passed in one register");

enum fault { OK, FULL, READ_ONLY, FSYNC_FAILS, FSYNC_STALLS, FSYNC_LIES, DEAD, BAD_SECTOR, FAULTS };

static const char *const faults[FAULTS] = {
    [OK] = "ok",
    [FULL] = "full",                 /* nothing can be written: ENOSPC */
    [READ_ONLY] = "read-only",       /* like ext4 after an error: EROFS */
    [FSYNC_FAILS] = "fsync-fails",   /* EIO */
    [FSYNC_STALLS] = "fsync-stalls", /* returns when the control file changes */
    [FSYNC_LIES] = "fsync-lies",     /* returns success without doing anything */
    [DEAD] = "dead",                 /* like a file system after an error: EIO from each change */
    [BAD_SECTOR] = "bad-sector",     /* one page cannot be read: EIO; inode and offset follow */
};

/* How often a stalled sync reads the control file again. */
static const struct timespec stall_step = {.tv_nsec = 5000000};

struct sector {
    uint64_t inode;
    off_t offset;
};

enum { SECTOR_BYTES = 4096 };

static enum fault fault_now_at(struct sector *sector) {
    const char *control = getenv("BAD_DISK_CONTROL");
    char line[64] = "", word[32] = "";
    long fd = control ? syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC, 0) : -1;
    if (fd < 0) return OK;
    long length = syscall(SYS_read, fd, line, sizeof line - 1);
    syscall(SYS_close, fd);
    line[length > 0 ? length : 0] = '\0';
    sscanf(line, "%31s %lu %ld", word, &sector->inode, &sector->offset);
    for (int fault = 0; fault < FAULTS; fault++)
        if (strcmp(word, faults[fault]) == 0) return fault;
    fprintf(stderr, "bad_disk: no such fault: %s\n", word);
    abort();
}

static enum fault fault_now(void) {
    struct sector sector;
    return fault_now_at(&sector);
}

static int is_path_on_it(const char *path) {
    const char *directory = getenv("BAD_DISK_DIRECTORY");
    if (!directory) return 0;
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Return whether the open file is on the bad disk; write its path into `path`. */
static int is_on_it(int fd, char path[PATH_MAX]) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return is_path_on_it(path);
}

/* tests/durability/recorded_disk.py reads these headers; path and data follow each. */
enum change { WRITE, TRUNCATE, UNLINK, SYNC, FAILED_SYNC };

struct header {
    int64_t done_ns; /* on the monotonic clock */
    int64_t offset;  /* TRUNCATE: the new length */
    int64_t length;  /* of the data */
    int32_t path_length;
    int32_t change;
};

static void record(enum change change, const char *path, off_t offset, const void *data,
                   size_t length) {
    const char *file = getenv("BAD_DISK_RECORD");
    if (!file) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct header header = {now.tv_sec * 1000000000L + now.tv_nsec, offset, (int64_t)length,
                            (int32_t)strlen(path), change};
    struct iovec parts[] = {{&header, sizeof header},
                            {(void *)path, strlen(path)},
                            {(void *)data, length}};
    long fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_writev, fd, parts, 3) < 0) abort();
    syscall(SYS_close, fd);
}

static int fail(int error) {
    errno = error;
    return -1;
}

/* Return the errno of a change that is refused now, or 0. */
static int refusal(int is_on_the_disk) {
    if (!is_on_the_disk) return 0;
    switch (fault_now()) {
        case FULL: return ENOSPC;
        case READ_ONLY: return EROFS;
        case DEAD: return EIO;
        default: return 0;
    }
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
    int creates = (flags & O_CREAT) && syscall(SYS_faccessat, directory, path, F_OK) != 0;
    int changes = creates || (flags & O_TRUNC);
    int error = refusal(is_path_on_it(path));
    /* On a full disk existing files can be opened; on others, only for reading. */
    int may_open = !error || (!changes && (error == ENOSPC || (flags & O_ACCMODE) == O_RDONLY));
    if (!may_open) return fail(error);
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (fd >= 0 && (flags & O_TRUNC) && is_path_on_it(path)) record(TRUNCATE, path, 0, NULL, 0);
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    int has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    return has_mode ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(directory, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    char path[PATH_MAX];
    if (!is_on_it(fd, path)) return syscall(SYS_write, fd, bytes, count);
    int error = refusal(1);
    if (error) return fail(error);
    long done = syscall(SYS_write, fd, bytes, count);
    if (done > 0) record(WRITE, path, lseek(fd, 0, SEEK_CUR) - done, bytes, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    char path[PATH_MAX];
    if (!is_on_it(fd, path)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    int error = refusal(1);
    if (error) return fail(error);
    long done = syscall(SYS_pwrite64, fd, bytes, count, offset);
    if (done > 0) record(WRITE, path, offset, bytes, done);
    return done;
}

/* Return how many of `count` bytes can be read from there: those before the bad sector, or -1. */
static ssize_t readable(int fd, size_t count, off_t offset) {
    char path[PATH_MAX];
    struct sector bad = {0, 0};
    struct stat file;
    int is_before_it = is_on_it(fd, path) && fault_now_at(&bad) == BAD_SECTOR &&
                       fstat(fd, &file) == 0 && file.st_ino == bad.inode &&
                       offset < bad.offset + SECTOR_BYTES && bad.offset < offset + (off_t)count;
    if (!is_before_it) return (ssize_t)count;
    return offset < bad.offset ? bad.offset - offset : -1;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    ssize_t given = readable(fd, count, offset);
    return given < 0 ? fail(EIO) : syscall(SYS_pread64, fd, bytes, given, offset);
}

ssize_t read(int fd, void *bytes, size_t count) {
    ssize_t given = readable(fd, count, syscall(SYS_lseek, fd, 0, SEEK_CUR));
    return given < 0 ? fail(EIO) : syscall(SYS_read, fd, bytes, given);
}

/* A short write is allowed: the caller continues with the rest. */
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    if (!is_on_it(fd, path)) return syscall(SYS_pwritev, fd, parts, count, offset, 0L);
    return count > 0 ? pwrite(fd, parts[0].iov_base, parts[0].iov_len, offset) : 0;
}

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    if (!is_on_it(fd, path)) return (int)syscall(SYS_ftruncate, fd, length);
    int error = refusal(1);
    if (error) return fail(error);
    long failed = syscall(SYS_ftruncate, fd, length);
    if (!failed) record(TRUNCATE, path, length, NULL, 0);
    return (int)failed;
}

int unlink(const char *path) {
    int is_ours = is_path_on_it(path), error = refusal(is_ours);
    /* Files can be deleted on a full disk. */
    if (error && error != ENOSPC) return fail(error);
    long failed = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (is_ours && !failed) record(UNLINK, path, 0, NULL, 0);
    return (int)failed;
}

int rename(const char *from, const char *to) {
    int error = refusal(is_path_on_it(from));
    return error ? fail(error) : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
    int error = refusal(is_path_on_it(path));
    return error ? fail(error) : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static int synced(long call, int fd) {
    char path[PATH_MAX];
    if (!is_on_it(fd, path)) return (int)syscall(call, fd);
    while (fault_now() == FSYNC_STALLS) syscall(SYS_nanosleep, &stall_step, NULL);
    switch (fault_now()) {
        case DEAD:
        case FSYNC_FAILS: record(FAILED_SYNC, path, 0, NULL, 0); return fail(EIO);
        case FSYNC_LIES: return 0;
        default: break;
    }
    long failed = syscall(call, fd);
    if (!failed) record(SYNC, path, 0, NULL, 0);
    return (int)failed;
}

int fsync(int fd) { return synced(SYS_fsync, fd); }

int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

/* The names of the same calls in programs with 64-bit offsets. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pread64(int, void *, size_t, off_t) __attribute__((alias("pread")));
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
