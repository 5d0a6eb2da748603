// Strict reading of the values that people write: counts, sizes, durations, shares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen::launcher {

// Errors of all of these: "expected …, got 'TEXT'", with what would be right where that can be told.

// "12". No sign but '-', no leading zeros, no fraction.
Result<std::int64_t> parse_whole(std::string_view text);
// Bytes: "4096", "64KiB", "2GB"; units B, KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024).
Result<std::int64_t> parse_size(std::string_view text);
// Milliseconds: "250ms", "30s", "5m", "2h", "1d", "0".
Result<std::int64_t> parse_duration(std::string_view text);

// How many dead letters a run may have: a number, or a share of the records read.
struct DeadLetterLimit {
  std::optional<std::int64_t> count;
  double share = 0.05;  // used when there is no count

  bool is_exceeded(std::uint64_t dead, std::uint64_t records) const;
  std::string show() const;  // "100" or "0.5%"
};
// "100" or "0.5%".
Result<DeadLetterLimit> parse_dead_letter_limit(std::string_view text);

// For people: "256 KiB", "1.5 GiB".
std::string show_bytes(std::uint64_t bytes);

// 007, -01: read as octal by some and as decimal by others.
bool has_leading_zeros(std::string_view text);

}  // namespace datagen::launcher
