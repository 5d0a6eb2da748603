// Successors of a worker, ready before they are needed: most of what a death costs is a start.
//
// Owner: the launcher. One process stands by, started as the worker is and with the rings mapped, and is
// forked for each successor (runtime/stand_by.h). All that have not been told to begin end with this object.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "ipc/succession.h"
#include "launcher/process.h"

namespace datagen::launcher {

class Successors {
 public:
  Successors() = default;
  ~Successors();
  Successors(const Successors&) = delete;
  Successors& operator=(const Successors&) = delete;

  // Sees to it that `wanted` will be ready; does not wait. `options` are the worker's, which stands by when
  // its input is a socket. Without effect where that did not work before: a worker is started anew then.
  void prepare(SpawnOptions options, std::size_t wanted);

  // Ready, or about to be.
  bool are_expected() const { return !ready_.empty() || asked_ > 0; }

  // Tells one to begin. Waits for one that is being forked, not long. Null: there is none.
  std::unique_ptr<Process> begin_one();

 private:
  struct Ready {
    Process process;
    ipc::Socket begin;
  };

  bool start_one_that_stands_by();
  // What was passed on.
  void collect();
  // Ends the one that stands by; what it has forked stays.
  void give_up_on_it();

  SpawnOptions options_;
  std::optional<Process> stands_by_;
  ipc::Socket socket_;          // to it
  std::size_t asked_ = 0;       // of it, and not passed on yet
  bool has_passed_on_ = false;  // any
  bool is_possible_ = true;
  std::vector<Ready> ready_;
};

}  // namespace datagen::launcher
