// <stage>.done: what a committer (a sink or a stateful stage) has made durable, one checksummed JSON line per
// commit (docs/run_directory.md). The last whole line counts; a torn or damaged line ends the log.
//
// Owner: the committing worker appends; the launcher reads, and cuts the file between two generations, while
// no worker lives. Linked by the launcher too: knows nothing of stages.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "durable_file.h"
#include "ipc/result.h"
#include "side_section.h"

namespace datagen {

struct Commit {
  std::uint64_t mark = 0;  // generation << 32 | number; 0 in the seal of a stream that had none
  bool sealed = false;     // the stream has ended
  std::uint64_t seq = 0;   // frames below it are durable
  std::string cursor;      // of the source, behind frame seq - 1; opaque bytes
  std::uint64_t output_bytes = 0;
  std::uint64_t output_records = 0;
  std::string output_path;       // the file that ends with these bytes; empty: none that could be checked
  std::uint64_t file_bytes = 0;  // its length
  std::uint64_t tail_hash = 0;   // tail_hash_of() it
  std::uint64_t dead_letter_bytes = 0;
  Totals totals;
};

// XXH3-64 of the last 64 KiB of a file's first `bytes` bytes. Error: it is shorter, or cannot be read.
Result<std::uint64_t> tail_hash_of(const std::string& path, std::uint64_t bytes);

struct LoggedCommit {
  Commit commit;
  std::uint64_t end = 0;  // offset behind its line
};

// Every whole line, up to the first that is not. No file: an empty log. Errors: it cannot be read; stages
// that `stage_names` does not have. `stage_names` are in the order of the totals' indices.
Result<std::vector<LoggedCommit>> read_commits(const std::string& path,
                                               const std::vector<std::string>& stage_names);

// The newest whole lines, at most two, the oldest first: no others can be asked for, since one mark is in
// flight at a time. For who only shows them. Errors: as above.
Result<std::vector<Commit>> read_newest_commits(const std::string& path,
                                                const std::vector<std::string>& stage_names);

// The same as read_commits, and what is behind the last whole line (torn by a death) is cut off, so that a
// line can be appended. The lines are durable then, also one whose writer died before its fsync.
Result<std::vector<LoggedCommit>> repair_commits(const std::string& path,
                                                 const std::vector<std::string>& stage_names);

// Replaces the log by its first `bytes` bytes, durably. Written anew: a line that was read may be one whose
// fsync failed, and another fsync would not notice. No log: nothing is done.
Result<void> renew_commits(const std::string& path, std::uint64_t bytes);

// The line, newline included.
std::string commit_line(const Commit& commit, const std::vector<std::string>& stage_names);

class CommitLog {
 public:
  CommitLog(std::string path, std::vector<std::string> stage_names)
      : path_(std::move(path)), stage_names_(std::move(stage_names)) {}

  // Appends a line and makes it durable, and before it the file's name. Cuts the log down to its last lines
  // when it has grown long: only the newest two can ever be asked for, since one mark is in flight at a time.
  // Errors: as the system tells them; the line is taken away again, so that nobody believes it. A failed
  // fsync is not to be tried again.
  Result<void> append(const Commit& commit);

 private:
  Result<void> compact();
  Result<void> append_to(int fd, const std::string& line);
  std::string path_;
  std::vector<std::string> stage_names_;
  std::string last_line_;
  bool has_durable_name_ = false;
};

}  // namespace datagen
