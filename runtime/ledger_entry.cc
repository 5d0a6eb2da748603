#include "ledger_entry.h"

#include <xxhash.h>

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace datagen {

namespace {

constexpr std::uint32_t kMagic = 0x314c4744;         // "DGL1"
constexpr std::uint32_t kInGroupMagic = 0x694c4744;  // "DGLi"
constexpr std::uint32_t kGroupMagic = 0x674c4744;    // "DGLg"
constexpr std::string_view kMagicBegin = "DGL";

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

struct GroupHead {
  std::uint32_t magic;
  std::uint32_t entries;
  std::uint64_t bytes;
  std::uint64_t checksum;  // of what stands before it
};
static_assert(sizeof(GroupHead) == 24);

std::uint64_t checksum_of(const GroupHead& head, std::uint64_t seed) {
  return XXH3_64bits_withSeed(&head, offsetof(GroupHead, checksum), seed);
}

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

namespace {

void append_entry(std::string& out, std::uint32_t magic, const LedgerEntry& given, std::uint64_t seed) {
  Head head{magic,
            static_cast<std::uint32_t>(sizeof(Head) + given.record.size() + given.result.size()),
            0,
            {given.request[0], given.request[1]},
            given.attempt,
            static_cast<std::uint32_t>(given.record.size()),
            given.limits,
            given.day,
            given.tokens,
            given.cost};
  const std::size_t begin = out.size();
  out.append(reinterpret_cast<const char*>(&head), sizeof head).append(given.record).append(given.result);
  head.checksum = checksum_of(std::string_view(out).substr(begin), seed);
  std::memcpy(out.data() + begin, &head, kChecked);
}

// The entries of the group that `bytes` begin with, and its length. Nothing: there is none, or it is not
// whole.
struct Group {
  std::vector<std::pair<LedgerEntry, std::size_t>> entries;  // with their offsets
  std::size_t bytes;
};
std::optional<Group> read_group(std::string_view bytes, std::uint64_t seed) {
  GroupHead head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.magic != kGroupMagic || head.bytes > bytes.size() || head.checksum != checksum_of(head, seed))
    return std::nullopt;
  Group group{{}, sizeof head};
  for (std::uint32_t left = head.entries; left > 0; --left) {
    const auto entry = read_ledger_entry(bytes.substr(group.bytes, head.bytes - group.bytes), seed);
    if (!entry) return std::nullopt;
    group.entries.emplace_back(*entry, group.bytes);
    group.bytes += entry->bytes;
  }
  return group;
}

// Of an entry that stands alone, or of a group.
bool may_begin_at(std::string_view bytes) {
  std::uint32_t magic = 0;
  if (bytes.size() < sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kMagic || magic == kGroupMagic;
}

}  // namespace

std::string ledger_bytes(std::span<const LedgerEntry> entries, std::uint64_t seed) {
  std::size_t bytes = sizeof(GroupHead);
  for (const LedgerEntry& entry : entries) bytes += sizeof(Head) + entry.record.size() + entry.result.size();
  std::string out;
  out.reserve(bytes);
  if (entries.size() == 1) {
    append_entry(out, kMagic, entries.front(), seed);
    return out;
  }
  GroupHead head{kGroupMagic, static_cast<std::uint32_t>(entries.size()), bytes, 0};
  head.checksum = checksum_of(head, seed);
  out.append(reinterpret_cast<const char*>(&head), sizeof head);
  for (const LedgerEntry& entry : entries) append_entry(out, kInGroupMagic, entry, seed);
  return out;
}

std::size_t ledger_entry_bytes(std::string_view bytes) {
  Head head;
  if (bytes.size() < sizeof head) return 0;
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool is_entry = head.magic == kMagic || head.magic == kInGroupMagic;
  return is_entry && head.bytes >= sizeof head ? head.bytes : 0;
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
  std::size_t end = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    if (const auto group = read_group(rest, seed)) {
      for (const auto& [entry, offset] : group->entries) found(entry, at + offset);
      end = at += group->bytes;
    } else if (const auto entry = may_begin_at(rest) ? read_ledger_entry(rest, seed) : std::nullopt) {
      found(*entry, at);
      end = at += entry->bytes;
    } else {
      do at = bytes.find(kMagicBegin, at + 1);  // the next that may be one
      while (at != std::string_view::npos && !may_begin_at(bytes.substr(at)));
    }
  }
  return end;
}

}  // namespace datagen
