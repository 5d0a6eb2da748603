#include "launcher/hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "launcher/process.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kWaitingBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLook{10};  // between two looks at a hook that is being closed

using Clock = std::chrono::steady_clock;

// Never waits for a reader, also where the descriptor is shared with others, whose flags are not changed.
Result<int> open_descriptor(int given) {
  struct stat info {};
  if (fstat(given, &info) != 0) return Error(fmt::format("hooks: descriptor {} is not open", given));
  int fd = -1;
  if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
    fd = open(fmt::format("/proc/self/fd/{}", given).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  } else {
    fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
  }
  if (fd < 0) return Error::from_errno(fmt::format("hooks: cannot write to descriptor {}", given), errno);
  return fd;
}

Result<int> open_file(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  // A named pipe without a reader opens only for both.
  struct stat info {};
  const bool is_pipe = stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
  const int mode = is_pipe ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND;
  const int fd = ::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0644);
  if (fd < 0) return Error::from_errno("hooks: cannot open " + path, errno);
  return fd;
}

// As a shell finds it.
std::string find_command(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return name;
}

}  // namespace

class Hook {
 public:
  Hook(const HookSpec& spec, std::string name) : spec_(spec), name_(std::move(name)) {}
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  ~Hook() { shut(); }

  Result<void> open(const std::string& log_path) {
    if (!spec_.command.empty()) return start(log_path);
    auto opened = spec_.fd >= 0 ? open_descriptor(spec_.fd) : open_file(spec_.file);
    if (!opened) return opened.error();
    fd_ = opened.value();
    struct stat info {};
    is_socket_ = fstat(fd_, &info) == 0 && S_ISSOCK(info.st_mode);
    return success();
  }

  bool wants(std::string_view event) const {
    return spec_.events.empty() || std::ranges::find(spec_.events, event) != spec_.events.end();
  }

  void tell(const HookEvent& event, const std::string& pipeline, const std::string& run_id) {
    const auto now = std::chrono::system_clock::now();
    const auto line_of = [&](const HookEvent& given) {
      return hook_line(given, ++told_, now, pipeline, run_id);
    };
    flush();
    const bool is_last = event.name == "run_end";  // beyond the limit too: it comes once
    if (fd_ < 0 || (!is_last && waiting_.size() + event.fields.size() > kWaitingBytesMax)) {
      ++told_;
      ++lost_;
      ++lost_since_;
      return;
    }
    if (lost_since_ > 0) waiting_ += line_of(HookEvent("events_lost").number("count", lost_since_));
    lost_since_ = 0;
    waiting_ += line_of(event);
    flush();
  }

  void flush() {
    while (fd_ >= 0 && !waiting_.empty()) {
      const ssize_t written = is_socket_
                                  ? send(fd_, waiting_.data(), waiting_.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                  : write(fd_, waiting_.data(), waiting_.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno != EAGAIN) give_up(errno);
      if (written <= 0) return;
      waiting_.erase(0, static_cast<std::size_t>(written));
    }
  }

  // Everything is written, or cannot be.
  bool is_idle() const { return fd_ < 0 || waiting_.empty(); }
  bool has_ended() const { return !process_ || process_->has_ended(); }
  // No more events: a command reads the end of its input.
  void shut() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // How it fared; empty: well. To be asked once, after shut().
  std::string ending() {
    lost_ += static_cast<std::uint64_t>(std::ranges::count(waiting_, '\n'));
    const std::string lost = lost_ > 0 ? fmt::format("; {} of {} events were lost", lost_, told_) : "";
    if (!problem_.empty()) return fmt::format("hook {}: {}{}", name_, problem_, lost);
    if (process_ && !process_->has_ended()) {
      process_.reset();  // kills it
      return fmt::format("hook {}: did not end in time, and was killed{}", name_, lost);
    }
    if (process_) {
      const Process::Exit exit = process_->wait();
      process_.reset();
      if (exit.signalled || exit.code != 0)
        return fmt::format("hook {}: ended with {} {}{}", name_, exit.signalled ? "signal" : "exit code",
                           exit.code, lost);
    }
    return lost.empty() ? "" : fmt::format("hook {}: was too slow{}", name_, lost);
  }

 private:
  Result<void> start(const std::string& log_path) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("hooks: cannot make a pipe", errno);
    fd_ = ends[1];
    fcntl(fd_, F_SETFL, O_NONBLOCK);
    SpawnOptions options;
    options.argv = spec_.command;
    options.argv.front() = find_command(options.argv.front());
    options.log_path = log_path;
    options.input = ends[0];
    auto process = Process::spawn(options);
    ::close(ends[0]);
    if (!process) return process.error().within("hooks");
    process_ = std::make_unique<Process>(std::move(process).value());
    return success();
  }

  void give_up(int error) {
    problem_ = error == EPIPE ? "reads no more" : std::strerror(error);
    lost_ += static_cast<std::uint64_t>(std::ranges::count(waiting_, '\n'));
    waiting_.clear();
    shut();
  }

  const HookSpec spec_;
  const std::string name_;
  int fd_ = -1;  // -1: nothing can be told any more
  bool is_socket_ = false;
  std::unique_ptr<Process> process_;  // of a command
  std::string waiting_;
  std::string problem_;
  std::uint64_t told_ = 0;        // lost ones included
  std::uint64_t lost_ = 0;        // altogether
  std::uint64_t lost_since_ = 0;  // since it was last told of losses
};

Hooks::Hooks(std::string pipeline, std::string run_id)
    : pipeline_(std::move(pipeline)), run_id_(std::move(run_id)) {}
Hooks::Hooks(Hooks&&) noexcept = default;
Hooks::~Hooks() = default;

Result<Hooks> Hooks::open(const Plan& plan, const std::string& run_id, const std::string& log_folder) {
  Hooks hooks(plan.pipeline, run_id);
  for (const HookSpec& spec : plan.hooks) {
    const std::string name = !spec.command.empty() ? spec.command.front()
                             : spec.fd >= 0        ? fmt::format("on descriptor {}", spec.fd)
                                                   : spec.file;
    auto& hook = hooks.hooks_.emplace_back(std::make_unique<Hook>(spec, name));
    DATAGEN_TRY(hook->open(fmt::format("{}/hook.{}.log", log_folder, hooks.hooks_.size() - 1)));
  }
  // A reader that is gone is an error to be told, not the end of the launcher. Children get the default back.
  if (!hooks.hooks_.empty()) signal(SIGPIPE, SIG_IGN);
  return hooks;
}

bool Hooks::want(std::string_view event) const {
  return std::ranges::any_of(hooks_, [&](const auto& hook) { return hook->wants(event); });
}

void Hooks::tell(const HookEvent& event) {
  for (const auto& hook : hooks_) {
    if (hook->wants(event.name)) hook->tell(event, pipeline_, run_id_);
  }
}

void Hooks::flush() {
  for (const auto& hook : hooks_) hook->flush();
}

std::vector<std::string> Hooks::close(std::chrono::milliseconds patience) {
  const Clock::time_point end = Clock::now() + patience;
  const auto wait_for = [&](auto is_done) {
    while (!std::ranges::all_of(hooks_, is_done) && Clock::now() < end) {
      flush();
      std::this_thread::sleep_for(kLook);
    }
  };
  wait_for([](const auto& hook) { return hook->is_idle(); });
  for (const auto& hook : hooks_) hook->shut();
  wait_for([](const auto& hook) { return hook->has_ended(); });
  std::vector<std::string> endings;
  for (const auto& hook : hooks_) {
    if (std::string ending = hook->ending(); !ending.empty()) endings.push_back(std::move(ending));
  }
  hooks_.clear();
  return endings;
}

}  // namespace datagen::launcher
