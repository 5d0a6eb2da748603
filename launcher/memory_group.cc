#include "launcher/memory_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

namespace datagen::launcher {

namespace fs = std::filesystem;

namespace {

// The number behind `key` in a file of "key number" lines; false when there is none.
bool read_count(const std::string& path, const std::string& key, std::uint64_t& count) {
  std::ifstream file(path);
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name != key) continue;
    count = value;
    return true;
  }
  return false;
}

bool write_text(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(fd);
  errno = error;
  return done;
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  for (std::string found; std::getline(words, found, text.find(',') != std::string::npos ? ',' : ' ');) {
    if (found == word) return true;
  }
  return false;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Where this process stands in a hierarchy: `controller` of cgroup v1, or of v2 when it is empty.
std::string own_path(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "4:memory:/path" or "0::/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it = controller.empty() ? line.starts_with("0::") : has_word(controllers, controller);
    if (is_it) return line.substr(second + 1);
  }
  return {};
}

// Where that hierarchy is mounted.
std::string mount_point(const std::string& controller) {
  std::ifstream file("/proc/self/mounts");
  for (std::string line; std::getline(file, line);) {  // "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0"
    std::istringstream fields(line);
    std::string device, place, type, options;
    fields >> device >> place >> type >> options;
    if (controller.empty() ? type == "cgroup2" : type == "cgroup" && has_word(options, controller))
      return place;
  }
  return {};
}

std::string own_group(const std::string& controller) {
  const std::string place = mount_point(controller), path = own_path(controller);
  if (place.empty() || path.empty()) return {};
  return path == "/" ? place : place + path;
}

// Groups of v2 have processes or groups with limits, not both. A launcher that is alone in its group (as
// systemd-run --user --scope -p Delegate=yes makes it) steps down into one of its own.
bool give_memory_to_children(const std::string& group) {
  const std::string control = group + "/cgroup.subtree_control";
  if (has_word(first_line(control), "memory")) return true;
  if (write_text(control, "+memory")) return true;
  if (errno != EBUSY) return false;
  std::ifstream members(group + "/cgroup.procs");
  for (pid_t pid = 0; members >> pid;) {
    if (pid != getpid()) return false;
  }
  const std::string leaf = group + "/datagen-launcher";
  if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return false;
  return write_text(leaf + "/cgroup.procs", std::to_string(getpid())) && write_text(control, "+memory");
}

// How the two versions name what is needed of them.
struct Version {
  std::string parent;                              // empty: nothing to be had
  const char *limit, *swap, *swap_limit, *events;  // swap_limit: null for the limit itself
};

Version find_version() {
  const std::string second = own_group("");
  if (!second.empty() && has_word(first_line(second + "/cgroup.controllers"), "memory") &&
      access((second + "/cgroup.subtree_control").c_str(), W_OK) == 0 && give_memory_to_children(second))
    return {second, "memory.max", "memory.swap.max", "0", "memory.events"};
  const std::string first = own_group("memory");
  if (!first.empty() && access(first.c_str(), W_OK) == 0)
    return {first, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", nullptr, "memory.oom_control"};
  return {};
}

const Version& version() {
  static const Version found = find_version();  // before the step down: it would look there a second time
  return found;
}

}  // namespace

std::string MemoryGroup::parent() { return version().parent; }

std::unique_ptr<MemoryGroup> MemoryGroup::create(const std::string& name, std::uint64_t bytes) {
  const Version& cgroup = version();
  if (cgroup.parent.empty()) return nullptr;
  std::unique_ptr<MemoryGroup> group(new MemoryGroup);
  const std::string path = cgroup.parent + "/" + name;
  if (mkdir(path.c_str(), 0755) != 0) return nullptr;
  group->path_ = path;
  group->events_ = path + "/" + cgroup.events;
  if (!write_text(path + "/" + cgroup.limit, std::to_string(bytes))) return nullptr;
  const std::string swap = path + "/" + cgroup.swap;  // missing where the kernel does not count it
  if (access(swap.c_str(), F_OK) == 0)
    write_text(swap, cgroup.swap_limit == nullptr ? std::to_string(bytes) : cgroup.swap_limit);
  group->members_fd_ = open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  return group->members_fd_ < 0 ? nullptr : std::move(group);
}

MemoryGroup::~MemoryGroup() {
  if (members_fd_ >= 0) close(members_fd_);
  if (!path_.empty()) rmdir(path_.c_str());
}

std::uint64_t MemoryGroup::kills() const {
  std::uint64_t count = 0;
  read_count(events_, "oom_kill", count);
  return count;
}

void MemoryGroup::remove_left_behind(const std::string& prefix) {
  if (version().parent.empty()) return;
  std::error_code error;
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(version().parent, error)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  for (const std::string& path : found) rmdir(path.c_str());
}

std::uint64_t oom_kills() {
  std::uint64_t count = 0;
  if (const std::string group = own_group("");
      !group.empty() && read_count(group + "/memory.events", "oom_kill", count))
    return count;
  read_count("/proc/vmstat", "oom_kill", count);
  return count;
}

}  // namespace datagen::launcher
