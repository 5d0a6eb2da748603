// Where the results of one ledger file stand, by hash: in memory while the file grows, then sorted in a file
// that is mapped. Two hashes lead to each result: of its key, and of the request alone (ledger_entry.h). With
// it stands what the results came to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ipc/result.h"
#include "ledger_entry.h"

namespace datagen {

// What was spent under the name of some limits on a day.
struct LedgerSum {
  std::uint64_t limits = 0, day = 0;
  std::uint64_t requests = 0;
  std::int64_t tokens = 0;
  double cost = 0;
};

class LedgerIndex {
 public:
  struct Place {
    CallHash hash;
    std::uint64_t offset;
  };

  LedgerIndex() = default;
  LedgerIndex(const LedgerIndex&) = delete;
  LedgerIndex& operator=(const LedgerIndex&) = delete;
  ~LedgerIndex();

  void add(const LedgerEntry& entry, std::uint64_t offset);
  // The first of that hash; what stands there decides.
  std::optional<std::uint64_t> find(const CallHash& hash) const;

  // Writes all to a file, durably, and goes on from there; memory is given back. It covers the first
  // `data_bytes` of the ledger file. Error: as the system tells it; the index is as it was.
  Result<void> write(const std::string& path, std::uint64_t data_bytes);
  // Takes the index from a file. The number of bytes of the ledger file that it covers; 0: there is no such
  // file, or it is damaged.
  std::uint64_t map(const std::string& path);

  const std::vector<LedgerSum>& sums() const { return sums_; }
  std::size_t hashes_in_memory() const { return in_memory_.size(); }

 private:
  struct HashOfHash {
    std::size_t operator()(const CallHash& hash) const { return hash[0]; }
  };
  void unmap();

  std::unordered_map<CallHash, std::uint64_t, HashOfHash> in_memory_;
  std::vector<LedgerSum> sums_;
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::span<const Place> places_;  // in the mapping, sorted
};

}  // namespace datagen
