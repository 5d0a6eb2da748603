#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace faults {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

const std::string& root() {
  static const auto* path = new std::string(variable("FAULTS_ROOT"));
  return *path;
}

const std::string& notes() {
  static const auto* path = new std::string(variable("FAULTS_DISK"));
  return *path;
}

std::string key_at(int folder, const char* name, bool* is_folder = nullptr) {
  struct statx info {};
  if (statx(folder, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME | STATX_TYPE, &info) !=
      0)
    return "";
  if (is_folder != nullptr) *is_folder = S_ISDIR(info.stx_mode);
  char text[64];
  std::snprintf(text, sizeof text, "%llu-%lld.%u", static_cast<unsigned long long>(info.stx_ino),
                static_cast<long long>(info.stx_btime.tv_sec), info.stx_btime.tv_nsec);
  return text;
}

std::string read_note(int fd) {
  std::string content;
  char chunk[64 << 10];
  for (long got = 0; (got = syscall(SYS_pread64, fd, chunk, sizeof chunk, content.size())) > 0;)
    content.append(chunk, static_cast<std::size_t>(got));
  return content;
}

// There whole or not at all, since a process dies anywhere.
void write_note(const std::string& name, const std::string& content) {
  const std::string path = notes() + "/" + name;
  const std::string temporary = path + ".new" + std::to_string(syscall(SYS_gettid));
  const int fd = static_cast<int>(
      syscall(SYS_openat, AT_FDCWD, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd < 0 || syscall(SYS_write, fd, content.data(), content.size()) != static_cast<long>(content.size()))
    abort();
  close(fd);
  syscall(SYS_renameat2, AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), 0);
}

void note_names(int fd, const std::string& key) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return;
  std::string text;
  while (const dirent* entry = readdir(folder)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    bool is_folder = false;
    const std::string inner = key_at(dirfd(folder), entry->d_name, &is_folder);
    if (!inner.empty()) text += inner + (is_folder ? " d " : " f ") + entry->d_name + "\n";
  }
  closedir(folder);
  write_note(key + ".dir", text);
}

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::optional<Range> lost_of(const std::string& key) {
  const std::string path = notes() + "/" + key + ".lost";
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd < 0) return std::nullopt;
  const std::string text = read_note(fd);
  close(fd);
  unsigned long long begin = 0, end = 0;
  if (std::sscanf(text.c_str(), "%llu %llu", &begin, &end) != 2 || begin >= end) return std::nullopt;
  return Range{begin, end};
}

void keep_lost(const std::string& key, const Range& range) {
  write_note(key + ".lost", std::to_string(range.begin) + " " + std::to_string(range.end));
}

std::uint64_t bytes_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

bool is_on_disk(const std::string& path) {
  return !notes().empty() && (path == root() || path.starts_with(root() + "/"));
}

void note_sync(int fd) {
  bool is_folder = false;
  const std::string key = key_at(fd, "", &is_folder);
  if (is_folder) return note_names(fd, key);
  // Read through a descriptor of its own: this one may be write-only.
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const int own = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content = read_note(own);
  close(own);
  if (const auto lost = lost_of(key)) {
    for (std::uint64_t at = lost->begin; at < std::min<std::uint64_t>(lost->end, content.size()); ++at)
      content[at] = '\0';
  }
  write_note(key + ".file", content);
}

void note_failed_sync(int fd) {
  bool is_folder = false;
  const std::string key = key_at(fd, "", &is_folder);
  if (is_folder) return;
  Range range{bytes_of(notes() + "/" + key + ".file"), bytes_of("/proc/self/fd/" + std::to_string(fd))};
  if (const auto before = lost_of(key))
    range = {std::min(before->begin, range.begin), std::max(before->end, range.end)};
  if (range.begin >= range.end) return;
  keep_lost(key, range);
  if (variable("FAULTS_FORGET") != "1") return;
  // As if the pages had been dropped and read again.
  const std::string zeros(range.end - range.begin, '\0');
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const int own = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC));
  syscall(SYS_pwrite64, own, zeros.data(), zeros.size(), range.begin);
  close(own);
}

void note_write(int fd, std::uint64_t begin, std::uint64_t end) {
  const std::string key = key_at(fd, "");
  auto lost = lost_of(key);
  if (!lost || begin > lost->begin || end <= lost->begin) return;
  lost->begin = end;
  keep_lost(key, *lost);
}

void note_truncate(int fd, std::uint64_t bytes) {
  const std::string key = key_at(fd, "");
  auto lost = lost_of(key);
  if (!lost) return;
  lost->end = std::min(lost->end, bytes);
  keep_lost(key, *lost);
}

}  // namespace faults
