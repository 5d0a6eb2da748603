// What stands behind a Ledger: the file that this worker appends to, the thread that makes it durable, and
// the folders that results are found in.
//
// Owner: one worker's process. Dies at any point: what write() took is found by others (ledger_folder.h), a
// torn entry at the end counts for nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ledger_appender.h"
#include "ledger_folder.h"

namespace datagen::detail {

// Where the ledger of a worker's stage stands.
struct LedgerPlace {
  std::string folder;  // of the run
  LedgerOwner owner;
  std::vector<std::string> earlier;  // folders of the runs that this one replaces, and of its trial
  std::string cache;                 // empty: none
  // Grows whenever this worker has claimed a frame: whose owner may have died behind the last look.
  const std::atomic<std::uint64_t>* claims = nullptr;
  // Called once, from any thread, when nothing can be stored or found any more.
  std::function<void(const std::string& message)> on_failure;
};

class LedgerFiles {
 public:
  explicit LedgerFiles(LedgerPlace place);
  ~LedgerFiles();

  // See Ledger.
  std::optional<std::string> find(const CallKey& key, bool& was_paid_elsewhere);
  void store(std::span<const PaidOutcome> outcomes, std::function<void(Result<void>)> durable);
  void when_durable(std::function<void(Result<void>)> durable);

 private:
  using Callback = std::function<void(Result<void>)>;

  Result<std::optional<std::string>> look(const CallKey& key, bool& was_paid_elsewhere);
  Result<void> refresh();
  void make_durable();
  void end_full_file();
  void fail(const Error& error);

  const LedgerPlace place_;
  std::mutex mutex_;  // guards what follows
  LedgerFolder run_;
  std::vector<LedgerFolder> earlier_;
  LedgerFolder cache_;
  LedgerAppender appender_, cache_appender_;
  std::uint64_t claims_seen_ = 0;
  bool has_looked_ = false;
  std::vector<Callback> waiting_;
  bool is_ending_ = false;
  std::string failure_;  // empty: none
  std::condition_variable changed_, ending_;
  std::thread thread_;
};

}  // namespace datagen::detail
