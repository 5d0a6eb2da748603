// A sink's accounts on disk, for its successor: the totals by stage, and a commit point that is not committed
// yet. They would be lost with the process's memory; output and dead letters are not.
//
// Owner: the sink's worker, alone. Appended with write(), not synced: it outlives the process, not the
// machine, and after a power failure the run goes on from .done, which needs no journal. Two files take
// turns, so that it stays short: <stage>.journal.0 and .1; each begins with all totals so far. Which file,
// and how much of it counts, is one word in the sink's cell, stored together with all else that the cell
// decides: what lies behind it was written by a dead sink between two stores, and is cut off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "commit_log.h"
#include "datagen/output_file.h"

namespace datagen {

// A commit point that passed the sink, with what was written by then.
struct JournalMark {
  std::uint64_t mark = 0;
  std::uint64_t seq = 0;  // behind the marked frame
  std::uint64_t output_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t tail_hash = 0;
  std::uint64_t dead_letter_bytes = 0;
  std::uint64_t output_records = 0;
};

class SinkJournal {
 public:
  // `path` without the number: <run directory>/<stage>.journal
  explicit SinkJournal(std::string path) : path_(std::move(path)) {}

  // A new journal that begins with these totals. All throw std::system_error, as OutputFile does.
  void begin(const Totals& totals);

  struct Recovered {
    Totals totals;
    std::optional<Commit> pending;  // the newest commit point that it names; it may be committed already
  };
  // Goes on with the journal that `position` names. Error: it is shorter, or damaged.
  Result<Recovered> recover(std::uint64_t position);

  // One frame's accounts (append_accounts), and its commit point when it has one.
  void append(std::string_view accounts, const Commit* mark);
  // The journal goes on in the other file, which begins with these totals. Not while a commit is pending: its
  // entry would be left behind.
  void turn_over(const Totals& totals);
  bool is_long() const { return file_->bytes() > kBytesMax; }

  std::uint64_t position() const { return static_cast<std::uint64_t>(number_) << 63 | file_->bytes(); }

 private:
  static constexpr std::uint64_t kBytesMax = 16 << 20;
  void open(int number, std::uint64_t bytes);

  std::string path_;
  int number_ = 0;
  std::optional<OutputFile> file_;
  std::string entry_;
};

}  // namespace datagen
