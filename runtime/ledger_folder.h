// The ledger files of one folder, for finding results: docs/paid_calls.md.
//
// A file belongs to the process that made it, which holds its lock (flock) until it dies, and appends.
// Everybody reads. An index tells where a result stands: in memory for a file that may still grow, in
// `<file>.index` (sorted, mapped) once it does not. Indexes hold hashes and offsets only, and can be made
// anew; what they point to is checked when it is read.
//
// The lock only tells who may write an index. That a take-over sees all that the dead owner appended follows
// from the order alone: its write() returned before it died, the launcher reaped it before it made the frame
// claimable, the frame was claimed before refresh() looked at the folder and at the file's length.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ipc/result.h"
#include "ledger_entry.h"
#include "ledger_index.h"

namespace datagen {

// Whose file it is: `<stage>.<worker>.<generation>.<8 hex digits>`.
struct LedgerOwner {
  std::string stage;
  int worker = 0;
  std::uint64_t generation = 0;

  std::string new_file_name() const;
  // Nothing: it is no name of a ledger file.
  static std::optional<LedgerOwner> of_file(const std::string& name);
};

// What the results in the files of some owners came to, by name of limits and day.
Result<std::vector<LedgerSum>> sum_ledger(const std::string& folder,
                                          const std::function<bool(const LedgerOwner&)>& is_wanted);

class LedgerFile {
 public:
  explicit LedgerFile(std::string path);

  // The result of a call; of whoever asked the same when `any_record`. Durable when it is given out.
  Result<std::optional<std::string>> find(const CallKey& key, bool any_record);
  // Indexes what was appended since the last time. Of a file that no living process owns, for the last time.
  Result<void> refresh();

  // Of the own file: this process appended an entry.
  void note(const LedgerEntry& entry, std::uint64_t offset);
  // Of the own file: it ends here and is durable. Its index goes to disk.
  Result<void> seal();

  const std::vector<LedgerSum>& sums() const { return entries_.sums(); }
  std::size_t hashes_in_memory() const { return entries_.hashes_in_memory(); }

 private:
  Result<void> sync_to(std::uint64_t end);

  std::string path_;
  std::uint64_t seed_;
  LedgerIndex entries_;
  std::uint64_t indexed_ = 0;  // bytes of the file that the index knows
  std::uint64_t durable_ = 0;  // bytes that are certainly on disk
  bool is_final_ = false;      // it does not grow
};

class LedgerFolder {
 public:
  // Of one stage, or of all (a cache). `path` need not exist.
  LedgerFolder(std::string path, std::string stage) : path_(std::move(path)), stage_(std::move(stage)) {}

  Result<std::optional<std::string>> find(const CallKey& key, bool any_record);
  // Looks for new files, and into those that have grown.
  Result<void> refresh();
  // A file that this process appends to, and tells about by LedgerFile::note. The reference lasts.
  LedgerFile& adopt(const std::string& name);

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string stage_;                                         // empty: all
  std::map<std::string, std::unique_ptr<LedgerFile>> files_;  // by name: the order in which they are asked
  std::set<std::string> own_;
};

}  // namespace datagen
