// A program of the user's as a child of this worker, fed through its stdin and read from its stdout.
//
// Owner: the thread that started it. It ends with this object, and with its worker: by PR_SET_PDEATHSIG, and
// because it is in the worker's process group, which the launcher ends when it reaps the worker.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace datagen {

class ChildProcess {
 public:
  // `argv` begins with the program's path. Throws std::system_error when there is no process or pipe to be
  // had; a program that cannot be started shows when it is used.
  explicit ChildProcess(const std::vector<std::string>& argv);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Writes all of `input`, ends it, and gives all that the program writes until it ends. Once. Throws
  // std::runtime_error with how it ended and the end of its stderr, when that is not exit code 0.
  std::string filter(std::string_view input);
  // Writes a line (without its end) and gives the line that the program answers. Throws as filter(), when it
  // ends instead, with whatever code.
  std::string answer(std::string_view line);

 private:
  void start(const std::vector<std::string>& argv);
  // Moves bytes both ways, so that neither waits for the other, until `is_done` or both outputs are at their
  // ends.
  template <class Done>
  void exchange(std::string_view input, bool end_input, Done is_done);
  void take_stderr();
  // Waits for the process; describes how it ended.
  std::string reap(bool& is_success);

  std::vector<std::string> argv_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;  // ours; -1 at the end
  std::string output_;                 // read and not yet given away
  std::string last_words_;             // the end of its stderr
};

}  // namespace datagen
