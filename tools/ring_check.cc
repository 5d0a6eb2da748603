#include "tools/ring_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ipc/recovery.h"
#include "ipc/segment.h"
#include "launcher/run_state.h"

namespace datagen::tools {

namespace {

std::string directory_of(const ipc::Control& control) {
  const char* text = control.header().run_directory;
  return std::string(text, strnlen(text, sizeof(ipc::ControlHeader::run_directory)));
}

void check_control(const RunView& view, const EpochNames& epoch, EpochReport& report) {
  const auto attached = ipc::Control::attach(epoch.control_name(), ipc::Access::read_only);
  if (!attached) return report.problems.push_back(attached.error().message());
  const ipc::Control& control = attached.value();
  const auto problem = [&](const std::string& what) {
    report.problems.push_back("control segment " + epoch.control_name() + ": " + what);
  };
  if (control.header().epoch != epoch.number)
    problem(fmt::format("states epoch {:08x}", control.header().epoch));
  if (control.size() < view.plan().cells())
    problem(fmt::format("has {} cells, the plan {}", control.size(), view.plan().cells()));
  if (const std::string directory = directory_of(control); directory != view.directory) {
    problem(fmt::format("belongs to the run directory {}", directory));
  }
  report.cells = control.size();
  for (std::uint32_t index = 0; index < control.size(); ++index) {
    const ipc::Cell& cell = control.cell(index);
    const auto state = cell.state.load(std::memory_order_relaxed);
    const std::uint32_t parked = cell.parked.load(std::memory_order_relaxed);
    if (state > ipc::WorkerState::finished)
      problem(fmt::format("cell {} has state {}", index, static_cast<std::uint32_t>(state)));
    if (parked > 1) problem(fmt::format("cell {} has parked {}", index, parked));
  }
}

void check_edge(const RunView& view, const EpochNames& epoch, std::uint32_t index, EpochReport& report) {
  const launcher::PlannedEdge& planned = view.plan().edges[index];
  // As a worker attaches: with the plan's geometry and the name's epoch.
  const ipc::RingGeometry geometry{planned.slots, planned.block_bytes};
  const auto ring =
      ipc::Ring::attach(epoch.ring_name(index), geometry, epoch.number, ipc::Ring::Role::observer);
  if (!ring) return report.problems.push_back(ring.error().message());
  ++report.rings;
  std::string problems =
      ipc::check_ring(ring.value(), view.cells_of(planned.to), view.overflow(), ipc::Checksums::if_present);
  while (problems.ends_with(' ') || problems.ends_with(';')) problems.pop_back();
  if (!problems.empty()) report.problems.push_back(problems);
}

// The lock of a run, as long as this object lives.
class RunLock {
 public:
  enum class State { ours, held, no_run };

  // `held`: by a launcher, or it cannot be told.
  static State take(const std::string& directory, RunLock& lock) {
    lock.fd_ = open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (lock.fd_ < 0) return errno == ENOENT || errno == ENOTDIR ? State::no_run : State::held;
    return flock(lock.fd_, LOCK_EX | LOCK_NB) == 0 ? State::ours : State::held;
  }
  RunLock() = default;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  int fd_ = -1;
};

void remove_epoch(const EpochNames& epoch, Removal& removal) {
  // Again, under the lock: overflows made since.
  std::vector<std::string> names = epoch.names;
  for (const EpochNames& now : launcher::list_epochs(epoch.run_id)) {
    if (now.number == epoch.number) names = now.names;
  }
  std::stable_partition(names.begin(), names.end(),
                        [&](const std::string& name) { return name != epoch.control_name(); });
  for (const std::string& name : names) {
    if (ipc::remove_segment(name)) removal.removed.push_back(name);
  }
}

}  // namespace

std::vector<EpochReport> check(const RunView& view, std::optional<std::uint32_t> edge) {
  std::vector<EpochReport> reports;
  for (const EpochNames& epoch : view.epochs) {
    EpochReport report;
    report.epoch = epoch.hex();
    check_control(view, epoch, report);
    for (std::uint32_t index = 0; index < view.plan().edges.size(); ++index) {
      if (!edge || *edge == index) check_edge(view, epoch, index, report);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

Removal remove_stale(const std::vector<EpochNames>& epochs, const std::string& run_directory) {
  Removal removal;
  for (const EpochNames& epoch : epochs) {
    const auto keep = [&](const std::string& why) {
      removal.kept.push_back(fmt::format("{}.{}: {}", epoch.run_id, epoch.hex(), why));
    };
    const auto control = ipc::Control::attach(epoch.control_name(), ipc::Access::read_only);
    if (!control && run_directory.empty()) {
      keep("has no sound control segment that tells its run; name the run");
      continue;
    }
    // A run that was moved has two names; nobody may hold either.
    RunLock locks[2];
    const std::string directories[2] = {control ? directory_of(control.value()) : run_directory,
                                        run_directory};
    bool is_held = false;
    for (int index = 0; index < 2; ++index) {
      if (directories[index].empty() || (index == 1 && directories[1] == directories[0])) continue;
      is_held = is_held || RunLock::take(directories[index], locks[index]) == RunLock::State::held;
    }
    const auto pid = control ? static_cast<pid_t>(control.value().header().launcher_pid) : 0;
    if (is_held) {
      keep("its run is locked by a launcher");
    } else if (launcher::is_alive(pid, 0)) {
      keep(fmt::format("its launcher, process {}, lives", pid));
    } else {
      remove_epoch(epoch, removal);
    }
  }
  return removal;
}

}  // namespace datagen::tools
