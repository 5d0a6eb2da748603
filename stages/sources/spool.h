// A pipe that is kept in a file, so that what was read of it can be read again.
//
// Bytes go from the pipe into the file by splice(2): a process that is killed has moved them or has not. They
// are handed on once they are durable. Files, beside the one that the user names:
//
//   FILE       what came out of the pipe
//   FILE.from  the pipe that the run began with, the one that FILE is filled from, and `end` when that ended
//   FILE.again, FILE.again.from   the same while a pipe that is given anew repeats what FILE holds
//
// Owner: the worker of source-stdin. When it dies, its successor fills the file on. When the run was stopped
// before the pipe had ended, the rest can only come from a pipe that gives all of it again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace datagen {

class Spool {
 public:
  // `first_pipe` is the one that the run began with, `pipe` the one that there is now ("pipe:[4711]"; empty:
  // none), open as `pipe_fd`, which is owned from here on. Throws std::runtime_error for a file that another
  // run has filled, and std::system_error.
  Spool(std::string file, std::string first_pipe, std::string pipe, int pipe_fd);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  std::uint64_t bytes();  // that are durable so far
  // Waits until there are bytes behind `offset`, the end, or a failure; false: none within the time.
  bool wait(std::uint64_t offset, int milliseconds);
  // What stands there, at most; 0 at the end. To be called when wait() was true. Throws datagen::BadInput
  // when the rest is missing, and what reading or writing the file threw.
  std::size_t read(std::uint64_t offset, char* to, std::size_t most);

 private:
  struct Record;
  void run();
  void begin();
  bool repeat();
  // From the pipe into `fd` until it ends, or holds `enough` bytes. True: it ended.
  bool fill(int fd, std::uint64_t enough, bool is_shown);
  void check_repeated(int fd, std::uint64_t bytes);
  void show(std::uint64_t bytes, bool is_end);

  std::string file_, first_pipe_, pipe_;
  int pipe_fd_;
  int fd_ = -1;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t bytes_ = 0;  // durable
  bool is_end_ = false;
  std::exception_ptr failure_;
  std::stop_token stop_;  // of the thread
  std::jthread thread_;
};

}  // namespace datagen
