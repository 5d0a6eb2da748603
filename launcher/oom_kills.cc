#include "launcher/oom_kills.h"

#include <fstream>
#include <string>

namespace datagen::launcher {

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

// "/sys/fs/cgroup/user.slice/…" of this process under cgroup v2; empty without.
std::string own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return {};
}

}  // namespace

std::uint64_t oom_kills() {
  std::uint64_t count = 0;
  if (const std::string cgroup = own_cgroup();
      !cgroup.empty() && read_count(cgroup + "/memory.events", "oom_kill", count))
    return count;
  read_count("/proc/vmstat", "oom_kill", count);
  return count;
}

}  // namespace datagen::launcher
