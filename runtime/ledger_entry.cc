#include "ledger_entry.h"

#include <xxhash.h>

#include <cstring>

namespace datagen {

namespace {

constexpr std::uint32_t kMagic = 0x314c4744;  // "DGL1"

struct Head {
  std::uint32_t magic;
  std::uint32_t bytes;
  std::uint64_t checksum;
  std::uint64_t request[2];
  std::uint32_t attempt;
  std::uint32_t record_bytes;
  std::uint64_t limits;
  std::uint64_t day;
  std::int64_t tokens;
  double cost;
};
static_assert(sizeof(Head) == kEntryHeadBytes);
constexpr std::size_t kChecked = 16;  // from here on

std::uint64_t checksum_of(std::string_view entry, std::uint64_t seed) {
  return XXH3_64bits_withSeed(entry.data() + kChecked, entry.size() - kChecked, seed);
}

CallHash hash_with(std::string_view record, std::uint32_t attempt,
                   const std::array<std::uint64_t, 2>& request, std::uint64_t seed) {
  std::string text(sizeof request + sizeof attempt, '\0');
  std::memcpy(text.data(), request.data(), sizeof request);
  std::memcpy(text.data() + sizeof request, &attempt, sizeof attempt);
  text += record;
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {hash.high64, hash.low64};
}

}  // namespace

std::array<std::uint64_t, 2> hash_request(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

CallHash hash_of(const CallKey& key) { return hash_with(key.record, key.attempt, key.request, 1); }
CallHash hash_of_request(const CallKey& key) { return hash_with({}, key.attempt, key.request, 2); }

std::uint64_t ledger_seed(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

std::uint64_t hash_of_limits(std::string_view name) {
  return name.empty() ? 0 : XXH3_64bits(name.data(), name.size());
}

std::string ledger_entry(const LedgerEntry& given, std::uint64_t seed) {
  Head head{kMagic,
            static_cast<std::uint32_t>(sizeof(Head) + given.record.size() + given.result.size()),
            0,
            {given.request[0], given.request[1]},
            given.attempt,
            static_cast<std::uint32_t>(given.record.size()),
            given.limits,
            given.day,
            given.tokens,
            given.cost};
  std::string entry;
  entry.reserve(head.bytes);
  entry.append(reinterpret_cast<const char*>(&head), sizeof head).append(given.record).append(given.result);
  head.checksum = checksum_of(entry, seed);
  std::memcpy(entry.data(), &head, kChecked);
  return entry;
}

std::size_t ledger_entry_bytes(std::string_view bytes) {
  Head head;
  if (bytes.size() < sizeof head) return 0;
  std::memcpy(&head, bytes.data(), sizeof head);
  return head.magic == kMagic && head.bytes >= sizeof head ? head.bytes : 0;
}

std::optional<LedgerEntry> read_ledger_entry(std::string_view bytes, std::uint64_t seed) {
  const std::size_t length = ledger_entry_bytes(bytes);
  if (length == 0 || length > bytes.size()) return std::nullopt;
  Head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  const std::string_view entry = bytes.substr(0, head.bytes);
  if (head.record_bytes > entry.size() - sizeof head || checksum_of(entry, seed) != head.checksum)
    return std::nullopt;
  return LedgerEntry{entry.substr(sizeof head, head.record_bytes),
                     head.attempt,
                     {head.request[0], head.request[1]},
                     entry.substr(sizeof head + head.record_bytes),
                     head.limits,
                     head.day,
                     head.tokens,
                     head.cost,
                     entry.size()};
}

std::size_t scan_ledger(std::string_view bytes, std::uint64_t seed,
                        const std::function<void(const LedgerEntry&, std::size_t)>& found) {
  const std::string_view magic(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
  std::size_t end = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    if (const auto entry = read_ledger_entry(bytes.substr(at), seed)) {
      found(*entry, at);
      end = at += entry->bytes;
    } else {
      at = bytes.find(magic, at + 1);  // the next that may be one
    }
  }
  return end;
}

}  // namespace datagen
