#include "ledger_index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "durable_file.h"

namespace datagen {

namespace {

constexpr std::uint64_t kMagic = 0x3178646e494c4744;  // "DGLIndx1"

struct Head {
  std::uint64_t magic;
  std::uint64_t places;
  std::uint64_t sums;  // behind the places
  std::uint64_t data_bytes;
  std::uint64_t checksum;  // XXH3-64 of the places and sums
};
static_assert(sizeof(Head) == 40 && sizeof(LedgerIndex::Place) == 24 && sizeof(LedgerSum) == 40);

bool is_before(const LedgerIndex::Place& place, const CallHash& hash) { return place.hash < hash; }

template <class T>
std::string_view bytes_of(const std::vector<T>& list) {
  return {reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T)};
}

}  // namespace

LedgerIndex::~LedgerIndex() { unmap(); }

void LedgerIndex::unmap() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
  mapped_ = nullptr;
  places_ = {};
}

void LedgerIndex::add(const LedgerEntry& entry, std::uint64_t offset) {
  const CallKey key = entry.key();
  in_memory_.emplace(hash_of(key), offset);
  in_memory_.emplace(hash_of_request(key), offset);
  if (entry.limits == 0) return;
  auto sum = std::ranges::find_if(
      sums_, [&](const LedgerSum& found) { return found.limits == entry.limits && found.day == entry.day; });
  if (sum == sums_.end()) sum = sums_.insert(sum, LedgerSum{entry.limits, entry.day, 0, 0, 0});
  ++sum->requests;
  sum->tokens += entry.tokens;
  sum->cost += entry.cost;
}

std::optional<std::uint64_t> LedgerIndex::find(const CallHash& hash) const {
  if (const auto found = in_memory_.find(hash); found != in_memory_.end()) return found->second;
  const auto place = std::lower_bound(places_.begin(), places_.end(), hash, is_before);
  if (place == places_.end() || place->hash != hash) return std::nullopt;
  return place->offset;
}

Result<void> LedgerIndex::write(const std::string& path, std::uint64_t data_bytes) {
  std::vector<Place> places;
  places.reserve(in_memory_.size());
  for (const auto& [hash, offset] : in_memory_) places.push_back({hash, offset});
  std::ranges::sort(places, {}, &Place::hash);
  const std::string body = std::string(bytes_of(places)).append(bytes_of(sums_));
  const Head head{kMagic, places.size(), sums_.size(), data_bytes, XXH3_64bits(body.data(), body.size())};
  DATAGEN_TRY(write_durably(path, std::string(reinterpret_cast<const char*>(&head), sizeof head) + body));
  if (map(path) == data_bytes) in_memory_.clear();
  return success();
}

std::uint64_t LedgerIndex::map(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  struct stat info {};
  Head head{};
  const bool has_head = fstat(fd, &info) == 0 && pread(fd, &head, sizeof head, 0) == sizeof head;
  const auto bytes = static_cast<std::size_t>(info.st_size);
  // Small enough for the product not to wrap.
  const bool is_index = has_head && head.magic == kMagic && head.places < bytes && head.sums < bytes &&
                        sizeof head + head.places * sizeof(Place) + head.sums * sizeof(LedgerSum) == bytes;
  if (!is_index) {
    close(fd);
    return 0;
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return 0;
  unmap();
  mapped_ = mapped;
  mapped_bytes_ = bytes;
  const std::string_view body(static_cast<const char*>(mapped) + sizeof head, bytes - sizeof head);
  if (XXH3_64bits(body.data(), body.size()) != head.checksum) return unmap(), 0;
  places_ = {reinterpret_cast<const Place*>(body.data()), head.places};
  const auto* sums = reinterpret_cast<const LedgerSum*>(places_.data() + places_.size());
  sums_.assign(sums, sums + head.sums);
  return head.data_bytes;
}

}  // namespace datagen
