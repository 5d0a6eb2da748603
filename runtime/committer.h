// Makes a commit durable beside the stream: output, dead letters and dropped records, then the line in .done
// that names them. The sink writes on meanwhile; what is synced beyond the commit does no harm.
//
// Owner: the sink's process, one thread of its own. One commit at a time (the source issues the next mark
// only when the last is the run's checkpoint). A sync that fails ends the process with kWorkerNeedsEpoch: it
// is never tried again, since the kernel may have dropped what it could not write; the run goes on from the
// last commit.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "commit_log.h"
#include "datagen/sink.h"
#include "ipc/control.h"
#include "side_files.h"

namespace datagen {

class Committer {
 public:
  Committer(Sink& sink, SideFiles& side_files, CommitLog log, ipc::Cell& cell, std::string stage);
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;
  ~Committer();

  // Hands a commit over; waits for the last one first.
  void begin(Commit commit);
  // Until everything that was handed over is durable.
  void wait();
  bool is_idle();

 private:
  void run();
  void make_durable(const Commit& commit);

  Sink& sink_;
  SideFiles& side_files_;
  CommitLog log_;
  ipc::Cell& cell_;
  std::string stage_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Commit> commit_;  // in work, or waiting for it
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace datagen
