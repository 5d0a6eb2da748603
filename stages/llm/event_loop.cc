#include "llm/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace datagen::llm {

EventLoop::EventLoop() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{EPOLLIN, {.fd = wake_}};
  if (epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make an event loop");
  // The worker's signals belong to its main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void EventLoop::stop() {
  if (!thread_.joinable()) return;
  post([this] { is_stopping_ = true; });
  thread_.join();
}

EventLoop::~EventLoop() {
  stop();
  close(wake_);
  close(epoll_);
}

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return;  // it has been woken for the first
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);  // full: it is awake
}

EventLoop::Timer EventLoop::at(Clock::time_point time, Task task) {
  const Timer timer{time, ++timers_made_};
  timers_.emplace(timer, std::move(task));
  return timer;
}

void EventLoop::watch(int socket, std::uint32_t epoll_events, SocketWatcher* watcher) {
  const auto index = static_cast<std::size_t>(socket);
  if (index >= watched_.size()) watched_.resize(index + 1);
  Watched& watched = watched_[index];
  watched.watcher = epoll_events == 0 ? nullptr : watcher;
  if (epoll_events == 0) {
    // Mostly the connection is used again at once.
    if (watched.is_added) idle_.push_back(socket);
    return;
  }
  epoll_event event{epoll_events, {.fd = socket}};
  const int operation = watched.is_added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  watched.is_added = true;
  // The kernel forgets a socket that is closed: what was known may be new.
  if (epoll_ctl(epoll_, operation, socket, &event) == 0) return;
  if (errno == ENOENT) epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  if (errno == EEXIST) epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void EventLoop::forget_idle() {
  for (const int socket : idle_) {
    Watched& watched = watched_[static_cast<std::size_t>(socket)];
    if (watched.watcher != nullptr || !watched.is_added) continue;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);  // fails for one that is closed
    watched.is_added = false;
  }
  idle_.clear();
}

int EventLoop::timeout_ms() const {
  if (timers_.empty()) return -1;
  const auto left = timers_.begin()->first.first - Clock::now();
  if (left <= Clock::duration::zero()) return 0;
  const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(rounded_up, 60'000));
}

void EventLoop::run_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    timer.mapped()();
  }
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_, &count, sizeof count);
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) {
    task();
    task = nullptr;  // what it holds is freed on this thread, before the next
  }
}

void EventLoop::run() {
  std::array<epoll_event, 256> events;
  while (!is_stopping_) {
    forget_idle();
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms());
    bool is_woken = false;
    for (int index = 0; index < count; ++index) {
      const int socket = events[static_cast<std::size_t>(index)].data.fd;
      if (socket == wake_) {
        is_woken = true;
        continue;
      }
      SocketWatcher* watcher = watched_[static_cast<std::size_t>(socket)].watcher;
      if (watcher != nullptr) watcher->on_ready(socket, events[static_cast<std::size_t>(index)].events);
    }
    run_timers();
    if (is_woken) run_posted();
  }
}

}  // namespace datagen::llm
