// The one thread of a worker that waits for the network: sockets (epoll), timers, and functions that other
// threads hand to it. All that belongs to calls in flight lives on this thread, so it needs no locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace datagen::llm {

// Told of sockets that are ready, on the loop's thread.
class SocketWatcher {
 public:
  virtual ~SocketWatcher() = default;
  virtual void on_ready(int socket, std::uint32_t epoll_events) = 0;
};

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::function<void()>;
  using Timer = std::pair<Clock::time_point, std::uint64_t>;  // 0 as its number: none

  // Throws std::system_error when the system gives no descriptors or thread.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // From any thread: runs the task on the loop's thread, in the order of the calls.
  void post(Task task);
  // From any other thread: ends the thread after the tasks that were posted before; later ones are dropped.
  void stop();

  // On the loop's thread only:
  // Runs the task once at that time, or at once when it has passed.
  Timer at(Clock::time_point time, Task task);
  // Does nothing when it has run already.
  void cancel(Timer timer) { timers_.erase(timer); }
  // Which events (EPOLLIN, EPOLLOUT) of a socket its watcher wants to be told; 0: none any more.
  void watch(int socket, std::uint32_t epoll_events, SocketWatcher* watcher);

 private:
  void run();
  void run_posted();
  void run_timers();
  void forget_idle();
  int timeout_ms() const;

  int epoll_ = -1;
  int wake_ = -1;  // eventfd
  struct Watched {
    SocketWatcher* watcher = nullptr;  // null: nobody wants to be told
    bool is_added = false;             // to epoll
  };
  std::vector<Watched> watched_;  // by descriptor
  std::vector<int> idle_;         // may be taken from epoll
  std::map<Timer, Task> timers_;
  std::uint64_t timers_made_ = 0;

  std::mutex mutex_;  // guards what follows
  std::vector<Task> posted_;
  bool is_stopping_ = false;

  std::thread thread_;
};

}  // namespace datagen::llm
