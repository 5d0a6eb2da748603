// datagen doctor: what of this machine is too small for runs, and how to raise it.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "launcher/commands.h"
#include "launcher/json_text.h"
#include "launcher/memory_group.h"
#include "launcher/report.h"
#include "launcher/stage_catalog.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

struct Finding {
  std::string name, value;
  std::string advice;  // empty: it is as it should be
};

constexpr std::uint64_t kSharedBytesMin = 256 << 20;  // some edges of the default size
constexpr rlim_t kFilesMin = 1024;
constexpr std::uint64_t kProcessesMin = 256;
constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{512} << 20;

Finding shared_memory() {
  struct statvfs info {};
  if (statvfs("/dev/shm", &info) != 0) return {"/dev/shm", "is not there", "mount -t tmpfs tmpfs /dev/shm"};
  const std::uint64_t bytes = info.f_blocks * info.f_frsize, free = info.f_bavail * info.f_frsize;
  Finding finding{"/dev/shm", fmt::format("{}, {} free", show_bytes(bytes), show_bytes(free)), {}};
  if (free < kSharedBytesMin)
    finding.advice =
        "an edge takes 16 MiB: mount -o remount,size=1G /dev/shm (in Docker: --shm-size=1g), or smaller "
        "rings: --set rings.slots=8";
  return finding;
}

Finding open_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{"open files", std::to_string(limit.rlim_cur), {}};
  if (limit.rlim_cur < kFilesMin) finding.advice = fmt::format("ulimit -n {}", kFilesMin);
  return finding;
}

// A number in a file of the kernel's; nothing when it is not there or says "max".
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// Of the control group as a container sees its own.
Finding cgroup_limit(const std::string& name, const std::string& file, std::uint64_t least, bool is_bytes) {
  const auto limit = number_in("/sys/fs/cgroup/" + file);
  if (!limit) return {name, "no limit by a control group", {}};
  Finding finding{name, is_bytes ? show_bytes(*limit) : std::to_string(*limit), {}};
  if (*limit < least)
    finding.advice = "raise " + file + " of the control group" +
                     (is_bytes ? " (in Docker: --memory)" : " (in Docker: --pids-limit)");
  return finding;
}

Finding memory_limits() {
  const std::string parent = MemoryGroup::parent();
  return {"memory_limit",
          parent.empty() ? "holds the address space of a worker (no control group to be had)"
                         : "holds the memory of a worker, by control groups in " + parent,
          {}};
}

Finding pidfd() {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (fd >= 0) close(fd);
  return {"kernel", fd >= 0 ? "can watch processes" : "cannot watch processes (pidfd_open)",
          fd >= 0
              ? ""
              : "Linux 5.3 or newer is needed; in a container, a seccomp profile that lets pidfd_open pass"};
}

Finding debugger() {
  const auto scope = number_in("/proc/sys/kernel/yama/ptrace_scope");
  if (!scope || *scope <= 1) return {"debuggers", "may be attached to own processes", {}};
  return {"debuggers", fmt::format("may not be attached (ptrace_scope {})", *scope),
          "gdb -p needs it: sysctl kernel.yama.ptrace_scope=1"};
}

Finding stages() {
  StageCatalog catalog(StageCatalog::folders({}));
  std::size_t good = 0;
  std::string bad;
  for (const std::string& name : catalog.names()) {
    const auto path = catalog.find(name);
    const auto stage = path ? catalog.describe(path.value()) : Result<StageDescription>(path.error());
    if (stage) {
      ++good;
    } else {
      bad += (bad.empty() ? "" : "; ") + stage.error().message();
    }
  }
  if (good == 0) bad = "none was found: set DATAGEN_STAGE_PATH to the folder that they are in";
  return {"stages", fmt::format("{} can be named", good), bad};
}

}  // namespace

int doctor_command(bool json) {
  const std::vector<Finding> findings = {shared_memory(),
                                         open_files(),
                                         cgroup_limit("memory", "memory.max", kMemoryBytesMin, true),
                                         cgroup_limit("processes", "pids.max", kProcessesMin, false),
                                         memory_limits(),
                                         pidfd(),
                                         debugger(),
                                         stages()};
  bool is_good = true;
  std::string text;
  for (const Finding& finding : findings) {
    is_good = is_good && finding.advice.empty();
    if (json) {
      text += fmt::format("{}{{\"name\": {}, \"value\": {}, \"ok\": {}, \"advice\": {}}}",
                          text.empty() ? "" : ", ", json_string(finding.name), json_string(finding.value),
                          finding.advice.empty(), json_string(finding.advice));
    } else {
      text += fmt::format("{:<5} {:<12} {}\n", finding.advice.empty() ? "ok" : "MEND", finding.name,
                          finding.value);
      if (!finding.advice.empty()) text += fmt::format("{:<19}{}\n", "", finding.advice);
    }
  }
  std::fputs(json ? fmt::format("{{\"version\": 1, \"ok\": {}, \"findings\": [{}]}}\n", is_good, text).c_str()
                  : text.c_str(),
             stdout);
  return is_good ? kComplete : kStoppedByFailure;
}

}  // namespace datagen::launcher
