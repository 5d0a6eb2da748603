#include "committer.h"

#include <unistd.h>

#include <exception>
#include <utility>

#include "worker_setup.h"

namespace datagen {

Committer::Committer(Sink& sink, SideFiles& side_files, CommitLog log, ipc::Cell& cell, std::string stage)
    : sink_(sink),
      side_files_(side_files),
      log_(std::move(log)),
      cell_(cell),
      stage_(std::move(stage)),
      thread_([this] { run(); }) {}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Committer::begin(Commit commit) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !commit_; });
  commit_ = std::move(commit);
  changed_.notify_all();
}

void Committer::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !commit_; });
}

bool Committer::is_idle() {
  const std::lock_guard lock(mutex_);
  return !commit_;
}

void Committer::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return commit_ || is_ending_; });
    if (!commit_) return;
    const Commit& commit = *commit_;
    lock.unlock();
    make_durable(commit);
    lock.lock();
    commit_.reset();
    changed_.notify_all();
  }
}

void Committer::make_durable(const Commit& commit) {
  std::string problem;
  try {
    sink_.sync();
    side_files_.sync();
    if (const auto done = log_.append(commit); !done) problem = done.error().message();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    cell_.gave_up.store(1, std::memory_order_release);
    _exit(fail_worker(stage_, kWorkerNeedsEpoch, problem));
  }
  const std::uint64_t mark = commit.sealed ? ipc::kEndMark : commit.mark;
  if (mark != 0) ipc::store_committed(cell_, mark, commit.seq);
}

}  // namespace datagen
