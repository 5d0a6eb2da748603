// Results in a ledger's file. Each is an entry:
//
//   {u32 magic, u32 bytes of all, u64 checksum, u64 request[2], u32 attempt, u32 bytes of record,
//    u64 limits, u64 day, i64 tokens, f64 cost} | record | result
//
// The checksum is XXH3-64 of all behind it, seeded by the file's name: an entry is whole or it is none, and
// no text that a server sends can pass for one.
//
// What one call has brought for several records is a group, {u32 magic, u32 entries, u64 bytes of all, u64
// checksum} and its entries. They have a magic of their own, and are looked for nowhere but behind the head
// of their group: so they count together or not at all. A death within the write leaves a group that is not
// whole, and its call is paid again, as one that was on the wire.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "datagen/ledger.h"

namespace datagen {

constexpr std::size_t kLedgerResultMax = std::size_t{1} << 30;

// What an index finds an entry by.
using CallHash = std::array<std::uint64_t, 2>;
CallHash hash_of(const CallKey& key);
// The same for whoever asks it.
CallHash hash_of_request(const CallKey& key);

struct LedgerEntry {
  std::string_view record;
  std::uint32_t attempt = 0;
  std::array<std::uint64_t, 2> request{};
  std::string_view result;
  std::uint64_t limits = 0;  // hash of the name of what it is counted under
  std::uint64_t day = 0;     // of UTC, from 1970-01-01
  std::int64_t tokens = 0;
  double cost = 0;
  std::size_t bytes = 0;  // of the whole entry

  CallKey key() const { return {std::string(record), attempt, request}; }
};

std::uint64_t hash_of_limits(std::string_view name);

// Of a file's name, without its folder.
std::uint64_t ledger_seed(std::string_view name);

// Of the entries of one call: a group when they are several.
std::string ledger_bytes(std::span<const LedgerEntry> entries, std::uint64_t seed);

constexpr std::size_t kEntryHeadBytes = 72;
// How long an entry with this head says it is; 0: it is none.
std::size_t ledger_entry_bytes(std::string_view head);

// The entry that `bytes` begin with. Nothing: there is none, or it is not whole.
std::optional<LedgerEntry> read_ledger_entry(std::string_view bytes, std::uint64_t seed);

// Calls `found` with each entry that counts and its offset; what is damaged in between is passed over. Where
// the last of them ends.
std::size_t scan_ledger(std::string_view bytes, std::uint64_t seed,
                        const std::function<void(const LedgerEntry&, std::size_t offset)>& found);

}  // namespace datagen
