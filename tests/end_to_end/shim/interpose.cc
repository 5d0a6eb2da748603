// Stands before the C library's functions by LD_PRELOAD (faults.h says what for). Each asks faults::enter and
// then makes the system call, or calls the library's own function.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "disk.h"
#include "faults.h"

using faults::enter;
using faults::Op;

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int fail(int error) {
  errno = error;
  return -1;
}

std::string absolute(int folder, const char* path) {
  if (path[0] == '/') return path;
  char* working = folder == AT_FDCWD ? getcwd(nullptr, 0) : nullptr;
  const std::string base = working != nullptr ? working : faults::path_of(folder);
  free(working);
  return base + "/" + path;
}

int open_file(int folder, const char* path, int flags, mode_t mode) {
  if ((flags & (O_CREAT | O_TRUNC)) != 0) {
    if (const int error = enter(Op::create, absolute(folder, path))) return fail(error);
  }
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int sync(int fd, long number) {
  const std::string path = faults::path_of(fd);
  const bool noted = faults::is_on_disk(path);
  if (const int error = enter(Op::sync, path)) {
    if (noted) faults::note_failed_sync(fd);
    return fail(error);
  }
  if (!noted) return static_cast<int>(syscall(number, fd));
  faults::note_sync(fd);
  return 0;
}

int cut(int fd, off_t bytes) {
  const std::string path = faults::path_of(fd);
  if (const int error = enter(Op::truncate, path)) return fail(error);
  if (faults::is_on_disk(path)) faults::note_truncate(fd, static_cast<std::uint64_t>(bytes));
  return static_cast<int>(syscall(SYS_ftruncate, fd, bytes));
}

ssize_t put(int fd, const void* data, size_t bytes, off_t offset) {
  if (fd <= STDERR_FILENO) return syscall(SYS_write, fd, data, bytes);
  const std::string path = faults::path_of(fd);
  if (const int error = enter(Op::write, path, fd, data, &bytes, offset)) return fail(error);
  const ssize_t written =
      offset < 0 ? syscall(SYS_write, fd, data, bytes) : syscall(SYS_pwrite64, fd, data, bytes, offset);
  if (written > 0 && faults::is_on_disk(path)) {
    const off_t end = offset < 0 ? static_cast<off_t>(syscall(SYS_lseek, fd, 0, SEEK_CUR)) : offset + written;
    faults::note_write(fd, static_cast<std::uint64_t>(end - written), static_cast<std::uint64_t>(end));
  }
  return written;
}

int remove_name(int folder, const char* path, int flags) {
  if (const int error = enter(Op::rename, absolute(folder, path))) return fail(error);
  return static_cast<int>(syscall(SYS_unlinkat, folder, path, flags));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(folder, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(AT_FDCWD, path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  if (mode[0] != 'r' && enter(Op::create, absolute(AT_FDCWD, path)) != 0) return errno = EIO, nullptr;
  return next<FILE*(const char*, const char*)>("fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (mode[0] != 'r' && enter(Op::create, absolute(AT_FDCWD, path)) != 0) return errno = EIO, nullptr;
  return next<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

ssize_t write(int fd, const void* data, size_t bytes) { return put(fd, data, bytes, -1); }
ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) { return put(fd, data, bytes, offset); }
ssize_t pwrite64(int fd, const void* data, size_t bytes, off_t offset) {
  return put(fd, data, bytes, offset);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  if (fd > STDERR_FILENO) {
    if (const int error = enter(Op::write, faults::path_of(fd))) return fail(error);
  }
  return syscall(SYS_writev, fd, parts, count);
}

int fsync(int fd) { return sync(fd, SYS_fsync); }
int fdatasync(int fd) { return sync(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t bytes) { return cut(fd, bytes); }
int ftruncate64(int fd, off_t bytes) { return cut(fd, bytes); }

int posix_fallocate(int fd, off_t offset, off_t bytes) {
  if (const int error = enter(Op::write, faults::path_of(fd))) return error;
  return next<int(int, off_t, off_t)>("posix_fallocate")(fd, offset, bytes);
}

int rename(const char* from, const char* to) {
  if (const int error = enter(Op::rename, absolute(AT_FDCWD, to))) return fail(error);
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char* path) { return remove_name(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char* path, int flags) { return remove_name(folder, path, flags); }

int remove(const char* path) {
  const int done = remove_name(AT_FDCWD, path, 0);
  return done != 0 && errno == EISDIR ? remove_name(AT_FDCWD, path, AT_REMOVEDIR) : done;
}

int mkdir(const char* path, mode_t mode) {
  if (const int error = enter(Op::create, absolute(AT_FDCWD, path))) return fail(error);
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int shm_open(const char* name, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0) {
    if (const int error = enter(Op::create, std::string("/dev/shm/") + (name[0] == '/' ? name + 1 : name)))
      return fail(error);
  }
  return next<int(const char*, int, mode_t)>("shm_open")(name, flags, mode);
}

int shm_unlink(const char* name) {
  if (const int error = enter(Op::rename, std::string("/dev/shm/") + (name[0] == '/' ? name + 1 : name)))
    return fail(error);
  return next<int(const char*)>("shm_unlink")(name);
}
}
