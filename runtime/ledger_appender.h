// The file that a worker appends results to: one write() for each call, a lock (flock) for as long as the
// process lives, an index and a new file when it has become long.
//
// Owner: one Ledger of one process, under that ledger's mutex. Dies at any point: whole
// entries count, a torn one at the end does not.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "ledger_folder.h"

namespace datagen {

class LedgerAppender {
 public:
  // In `folder`, which outlives it.
  LedgerAppender(LedgerFolder& folder, LedgerOwner owner) : folder_(folder), owner_(std::move(owner)) {}
  LedgerAppender(const LedgerAppender&) = delete;
  LedgerAppender& operator=(const LedgerAppender&) = delete;
  ~LedgerAppender();

  // When it returns, the entries of one call survive this process; before, none of them counts. The first of
  // a file makes it. Error: as the system tells it.
  Result<void> append(std::span<const LedgerEntry> entries);
  // Makes durable what was appended before, and the file's name; gives the lock back meanwhile, for others to
  // append. In one thread only, which is also the one that seals. Error: not to be tried again.
  Result<void> sync(std::unique_lock<std::mutex>& lock);
  bool is_full() const;
  // Ends the file, durably: the next entry begins another. Error: as of sync().
  Result<void> seal();

 private:
  Result<void> begin();
  Result<void> sync(int fd, const std::string& path);

  LedgerFolder& folder_;
  const LedgerOwner owner_;
  int fd_ = -1;
  std::string path_;
  std::uint64_t seed_ = 0;
  std::uint64_t bytes_ = 0;
  bool has_durable_name_ = false;
  LedgerFile* file_ = nullptr;
};

}  // namespace datagen
