// A run's folder and its lock: one launcher at a time.
//
// Owner: the launcher that holds the lock, until it ends; the kernel releases it with its last descriptor,
// and workers do not inherit it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "ipc/result.h"

namespace datagen::launcher {

class RunDirectory {
 public:
  // Creates the folder (and logs/ in it) when it is not there, and takes the lock.
  // Errors: another launcher has it (with its pid); the folder cannot be made.
  static Result<RunDirectory> lock(const std::string& path);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  // "clean_corpus": what commands take as RUN when the folder is in ./runs, else its path.
  std::string name() const;
  bool has_plan() const;
  std::string log_path(const std::string& stage, std::uint32_t worker) const;
  // Renames the folder to PATH.N, the first N that is free, and goes on with a new and empty one under the
  // old name.
  Result<std::string> set_aside();
  // The run that was set aside last, if the one that replaces it has never had a plan: its launcher died
  // between the two. Empty: none.
  std::string last_set_aside() const;
  // The new run has a plan.
  static void end_replacement(const std::string& aside);

 private:
  RunDirectory(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;  // absolute
  int fd_ = -1;
};
std::uint64_t file_bytes(const std::string& path);

}  // namespace datagen::launcher
