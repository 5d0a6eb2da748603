#include "limits_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "durable_file.h"

namespace datagen::detail {

namespace {

constexpr std::uint64_t kMagic = 0x31746d696c4744;  // "DGlimt1"
constexpr int kAmountBits = 40;
constexpr std::uint64_t kAmountMask = (std::uint64_t{1} << kAmountBits) - 1;

// A slice's number, cut to what a word has room for: it returns after weeks.
constexpr std::uint64_t tag_of(std::uint64_t slice) { return slice << kAmountBits; }

std::uint64_t boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? XXH3_64bits(text.value().data(), text.value().size()) : 0;
}

std::size_t bytes_of(std::size_t cells) { return sizeof(LimitsHead) + cells * sizeof(LimitsCell); }

}  // namespace

std::uint64_t boottime_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

Result<LimitsMemory> LimitsMemory::map(int fd, const std::string& path, std::size_t cells) {
  const std::size_t bytes = bytes_of(cells);
  // A hole would end in SIGBUS when the disk is full.
  if (const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes)))
    return Error::from_errno("cannot make room for " + path, error);
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return Error::from_errno("cannot map " + path, errno);
  madvise(mapped, bytes, MADV_DONTFORK);
  return LimitsMemory(mapped, cells);
}

LimitsMemory::LimitsMemory(LimitsMemory&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)), cells_(other.cells_) {}

LimitsMemory::~LimitsMemory() {
  if (mapped_ != nullptr) munmap(mapped_, bytes_of(cells_));
}

bool LimitsMemory::is_begun(std::uint64_t minute_ns) const {
  return head().magic == kMagic && head().boot == boot_id() && head().minute_ns == minute_ns;
}

void LimitsMemory::begin_anew(std::uint64_t minute_ns) {
  std::memset(mapped_, 0, bytes_of(cells_));
  head().boot = boot_id();
  head().minute_ns = minute_ns;
  head().magic = kMagic;
}

void Window::add(std::uint64_t slice, std::int64_t amount) {
  Word& word = words_[slice % kSliceRing];
  std::uint64_t had = word.load();
  for (;;) {
    const bool is_this = (had & ~kAmountMask) == tag_of(slice);
    if (!is_this && amount < 0) return;  // it has passed, with what was added to it
    const std::int64_t before = is_this ? static_cast<std::int64_t>(had & kAmountMask) : 0;
    const auto after =
        static_cast<std::uint64_t>(std::clamp<std::int64_t>(before + amount, 0, std::int64_t{kAmountMask}));
    if (word.compare_exchange_weak(had, tag_of(slice) | after)) return;
  }
}

std::uint64_t Window::amount_of(std::uint64_t slice) const {
  const std::uint64_t word = words_[slice % kSliceRing].load();
  return (word & ~kAmountMask) == tag_of(slice) ? word & kAmountMask : 0;
}

std::uint64_t Window::sum(std::uint64_t now_slice) const {
  std::uint64_t total = 0;
  for (std::size_t age = 0; age < kSlicesCounted && age <= now_slice; ++age)
    total += amount_of(now_slice - age);
  return total;
}

std::uint64_t Window::slices_until(std::uint64_t now_slice, std::uint64_t most) const {
  std::uint64_t left = sum(now_slice);
  for (std::size_t age = std::min<std::uint64_t>(kSlicesCounted - 1, now_slice);; --age) {
    if (left <= most) return 0;
    left -= std::min(left, amount_of(now_slice - age));
    if (left <= most || age == 0) return kSlicesCounted - age;
  }
}

}  // namespace datagen::detail
