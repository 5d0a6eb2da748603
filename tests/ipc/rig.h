// A small graph for tests of the ring: rings, cells and workers, with names of their own. Everything goes
// when the rig does; and when the test dies instead (SIGKILL, abort, alarm), a janitor process removes what
// is left.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ipc/ports.h"
#include "ipc/recovery.h"

namespace datagen::ipc::testing {

// Built with a sanitizer: several times as many instructions.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsInstrumented = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsInstrumented = true;
#else
constexpr bool kIsInstrumented = false;
#endif
#else
constexpr bool kIsInstrumented = false;
#endif

// The seed of a random test: DATAGEN_SEED, or a new one; printed, so that a failure repeats.
inline std::uint64_t seed() {
  const char* given = std::getenv("DATAGEN_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
  std::printf("  DATAGEN_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "unexpected error: %s\n", result.error().message().c_str());
    std::abort();
  }
  return std::move(result).value();
}
inline void must(Result<void> result) {
  if (!result) {
    std::fprintf(stderr, "unexpected error: %s\n", result.error().message().c_str());
    std::abort();
  }
}
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? std::string("no error") : result.error().message();
}

// Names in /dev/shm and a folder, of this object only.
class Scratch {
 public:
  // `other_prefix`: of further names in /dev/shm that go with this object.
  explicit Scratch(unsigned seconds_max = 300, std::string other_prefix = {})
      : other_prefix_(std::move(other_prefix)) {
    prefix_ = "datagen-test." + std::to_string(getpid()) + "." + std::to_string(std::random_device{}());
    directory_ = std::filesystem::temp_directory_path() / prefix_;
    std::filesystem::create_directory(directory_);
    start_janitor();
    alarm(seconds_max);  // a hang is a failure, also when a test is run by hand
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    alarm(0);
    close(pipe_[1]);
    waitpid(janitor_, nullptr, 0);
  }

  std::string name(const std::string& part) const { return prefix_ + "." + part; }
  const std::filesystem::path& directory() const { return directory_; }
  // Objects in /dev/shm under this prefix.
  std::vector<std::string> segments() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      const std::string file = entry.path().filename();
      if (file.starts_with(prefix_)) found.push_back(file.substr(prefix_.size() + 1));
    }
    return found;
  }

 private:
  // Waits until the test has closed its end of the pipe or is dead, then removes everything.
  void start_janitor() {
    if (pipe(pipe_) != 0) std::abort();
    janitor_ = fork();
    if (janitor_ != 0) {
      close(pipe_[0]);
      fcntl(pipe_[1], F_SETFD, FD_CLOEXEC);
      return;
    }
    setsid();
    for (const int descriptor : {0, 1, 2, pipe_[1]}) close(descriptor);
    char byte = 0;
    while (read(pipe_[0], &byte, 1) < 0 && errno == EINTR) {
    }
    std::error_code ignored;
    for (const std::string& left : segments()) std::filesystem::remove_all("/dev/shm/" + name(left), ignored);
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      if (!other_prefix_.empty() && entry.path().filename().string().starts_with(other_prefix_)) {
        std::filesystem::remove(entry.path(), ignored);
      }
    }
    std::filesystem::remove_all(directory_, ignored);
    _exit(0);
  }

  std::string prefix_;
  std::string other_prefix_;
  std::filesystem::path directory_;
  int pipe_[2] = {-1, -1};
  pid_t janitor_ = -1;
};

// A forked process that runs `body` and exits with its value; killed and reaped with this object at the
// latest.
class Child {
 public:
  explicit Child(const std::function<int()>& body) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(99);
    alarm(0);
    _exit(body());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  pid_t pid() const { return pid_; }
  // The wait status, when it has ended.
  int wait() {
    int status = 0;
    while (pid_ > 0 && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }
  // Dead and reaped on return.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  bool exits_with(int code) {
    const int status = wait();
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
  }

 private:
  pid_t pid_ = -1;
};

// Which edges a worker has, and who is at their other ends.
struct Wire {
  std::size_t ring;
  CellRange peers;
};
struct Seat {
  std::vector<Wire> in, out;
  std::uint32_t cell = 0;
  CellRange siblings{};
  Ports::Order order = Ports::Order::strict;
};

class Rig {
 public:
  Rig(std::vector<RingGeometry> geometries, std::uint32_t cells, std::uint64_t first_seq = 0)
      : geometries_(std::move(geometries)), first_seq_(first_seq) {
    for (std::size_t index = 0; index < geometries_.size(); ++index) {
      must(Ring::create(ring_name(index), geometries_[index], kEpoch, first_seq));
    }
    must(Control::create(control_name(), cells, 2, kEpoch, "/nowhere"));
    policy.directory = scratch.directory() / "overflow";
  }

  std::string ring_name(std::size_t index) const { return scratch.name(std::to_string(index)); }
  std::string control_name() const { return scratch.name("control"); }
  Ring ring(std::size_t index, Ring::Role role = Ring::Role::producer) const {
    return must(Ring::attach(ring_name(index), geometries_[index], kEpoch, role));
  }
  Control control() const { return must(Control::attach(control_name(), Access::read_write)); }
  std::vector<Edge> edges(const std::vector<Wire>& wires, Ring::Role role) const {
    std::vector<Edge> made;
    for (const Wire& wire : wires) made.push_back({ring(wire.ring, role), wire.peers});
    return made;
  }
  // A worker's ports with mappings of their own, as in a process of its own.
  Ports ports(const Seat& seat) const {
    return Ports(edges(seat.in, Ring::Role::consumer), edges(seat.out, Ring::Role::producer), control(),
                 seat.cell, seat.siblings, seat.order, first_seq_, policy, checksums);
  }
  // What the launcher does when the worker of `seat` is dead and reaped.
  Result<std::uint32_t> recover(const Seat& seat) const {
    auto in = edges(seat.in, Ring::Role::consumer);
    auto out = edges(seat.out, Ring::Role::consumer);
    return recover_worker(control(), seat.cell, seat.siblings, in, out, policy,
                          checksums ? Checksums::required : Checksums::if_present);
  }

  static constexpr std::uint64_t kEpoch = 0x1234;
  Scratch scratch;
  OverflowPolicy policy;
  bool checksums = true;

 private:
  std::vector<RingGeometry> geometries_;
  std::uint64_t first_seq_;
};

constexpr RingGeometry tiny(std::uint32_t slots) { return {slots, kPageBytes}; }

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace datagen::ipc::testing
