#include "launcher/successors.h"

#include <poll.h>
#include <unistd.h>

#include <utility>

namespace datagen::launcher {

namespace {
// A fork takes less than one; a process that is stopped, for ever.
constexpr int kForkMsMax = 50;
}  // namespace

Successors::~Successors() { give_up_on_it(); }

bool Successors::start_one_that_stands_by() {
  auto [mine, its] = ipc::Socket::pair();
  SpawnOptions options = options_;
  options.input = its.fd();
  options.memory_limit_bytes = 0;  // its successors' own
  auto process = Process::spawn(options);
  if (mine.fd() < 0 || !process) return false;
  stands_by_.emplace(std::move(process).value());
  socket_ = std::move(mine);
  has_passed_on_ = false;
  return true;
}

void Successors::prepare(SpawnOptions options, std::size_t wanted) {
  options_ = std::move(options);
  collect();
  std::erase_if(ready_, [](const Ready& ready) { return ready.process.has_ended(); });
  if (stands_by_ && stands_by_->has_ended()) give_up_on_it();
  if (!is_possible_ || (!stands_by_ && !start_one_that_stands_by())) return;
  while (ready_.size() + asked_ < wanted && ipc::tell(socket_.fd())) ++asked_;
}

void Successors::collect() {
  while (auto successor = ipc::take_passed_on(socket_.fd())) {
    --asked_;
    setpgid(successor->pid, successor->pid);  // as it does itself, whichever comes first
    has_passed_on_ = true;
    auto process = Process::adopt(successor->pid);
    if (!process) continue;
    process.value().limit_memory(options_);
    ready_.push_back({std::move(process).value(), std::move(successor->begin)});
  }
}

void Successors::give_up_on_it() {
  const bool has_ended = stands_by_ && stands_by_->has_ended();
  stands_by_.reset();
  collect();
  asked_ = 0;
  if (has_ended) is_possible_ = has_passed_on_;
}

std::unique_ptr<Process> Successors::begin_one() {
  collect();
  while (ready_.empty() && asked_ > 0) {
    pollfd passed_on{socket_.fd(), POLLIN, 0};
    const bool is_slow = poll(&passed_on, 1, kForkMsMax) <= 0;
    collect();
    if (ready_.empty() && (is_slow || stands_by_->has_ended())) give_up_on_it();
  }
  while (!ready_.empty()) {
    Ready ready = std::move(ready_.back());
    ready_.pop_back();
    if (!ready.process.has_ended() && ipc::tell(ready.begin.fd()))
      return std::make_unique<Process>(std::move(ready.process));
  }
  return nullptr;
}

}  // namespace datagen::launcher
