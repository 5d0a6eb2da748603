// The file that a worker appends results to: one write() for each, a lock (flock) for as long as the process
// lives, an index and a new file when it has become long.
//
// Owner: one Ledger of one process, under that ledger's mutex, but for sync(). Dies at any point: whole
// entries count, a torn one at the end does not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ledger_folder.h"

namespace datagen {

class LedgerAppender {
 public:
  // In `folder`, which outlives it. Files are named by the rest (ledger_file_name).
  LedgerAppender(LedgerFolder& folder, std::string stage, int worker, std::uint64_t generation)
      : folder_(folder), stage_(std::move(stage)), worker_(worker), generation_(generation) {}
  LedgerAppender(const LedgerAppender&) = delete;
  LedgerAppender& operator=(const LedgerAppender&) = delete;
  ~LedgerAppender();

  // When it returns, the entry survives this process. The first of a file makes it. Error: as the system
  // tells it.
  Result<void> append(const CallKey& key, std::string_view result);
  // Makes durable what was appended before, and the file's name. Beside append(), but in one thread only.
  // Error: not to be tried again.
  Result<void> sync();
  bool is_full() const;
  // Ends the file, which sync() has made durable: the next entry begins another.
  void seal();

 private:
  Result<void> begin();

  LedgerFolder& folder_;
  const std::string stage_;
  const int worker_;
  const std::uint64_t generation_;
  int fd_ = -1;
  std::string path_;
  std::uint64_t seed_ = 0;
  std::uint64_t bytes_ = 0;
  bool has_durable_name_ = false;
  LedgerFile* file_ = nullptr;
};

}  // namespace datagen
