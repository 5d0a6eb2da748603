// Control groups that hold a worker's memory to its limit, and the kernel's count of what it has ended for
// want of memory.
//
// Owner: the launcher. A group lives as long as this object; one that a killed launcher left behind is empty
// by then and is removed by the next of the same run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace datagen::launcher {

class MemoryGroup {
 public:
  // Below this launcher's own group, with `bytes` for all processes in it together, swap included. Null where
  // that is not to be had: no memory controller (cgroup v2, or v1), no right to write there, or under v2 a
  // group of this launcher's that holds other processes too.
  static std::unique_ptr<MemoryGroup> create(const std::string& name, std::uint64_t bytes);
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  // A process that writes "0" here is in the group, with all that it starts.
  int members_fd() const { return members_fd_; }
  // Processes in it that the kernel has ended because there was no more memory.
  std::uint64_t kills() const;

  // Removes the groups whose names begin so; those with processes stay.
  static void remove_left_behind(const std::string& prefix);
  // Where create() makes groups; empty: nowhere.
  static std::string parent();

 private:
  MemoryGroup() = default;
  std::string path_;
  std::string events_;  // the file that counts
  int members_fd_ = -1;
};

// Processes that the kernel has ended for want of memory: of this control group where it counts (cgroup v2),
// else of the machine. Only the growth between two calls means anything; 0 where nobody counts.
std::uint64_t oom_kills();

}  // namespace datagen::launcher
