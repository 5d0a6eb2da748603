#include "datagen/limits.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "limits_state.h"

namespace datagen {

namespace detail {

namespace {

using std::chrono::nanoseconds;

// While others' requests may give back what they were thought to need.
constexpr nanoseconds kUntilOthersSettle = std::chrono::milliseconds(50);

std::uint64_t units(double cost) {
  return static_cast<std::uint64_t>(std::llround(std::max(0.0, cost) / kCostUnit));
}
std::uint64_t count(std::int64_t tokens) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, tokens));
}

std::chrono::seconds unix_time() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
}
std::uint64_t today() {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::days>(unix_time()).count());
}

void add_sum(const LedgerSum& sum, std::array<std::uint64_t, kMeasures>& amounts) {
  amounts[kRequests] += sum.requests;
  amounts[kTokens] += count(sum.tokens);
  amounts[kCost] += units(sum.cost);
}

// Names of models have slashes in them.
std::string file_name(const std::string& name) {
  std::string safe;
  for (const char byte : name)
    safe += std::isalnum(static_cast<unsigned char>(byte)) || byte == '-' ? byte : '_';
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(hash_of_limits(name)));
  return safe.substr(0, 64) + "." + std::string(hash).substr(0, 8);
}

class LockedFile {
 public:
  explicit LockedFile(int fd) : fd_(fd) {
    while (fd_ >= 0 && flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  ~LockedFile() {
    if (fd_ < 0) return;
    flock(fd_, LOCK_UN);  // closing does not: what is mapped keeps the file open
    close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::unique_ptr<LimitsState>> LimitsState::open(const LimitsPlace& place, const CallLimits& limits) {
  const std::string path = place.folder + "/" + file_name(place.name);
  if (!place.folder.empty() && mkdir(place.folder.c_str(), 0755) != 0 && errno != EEXIST)
    return Error::from_errno("cannot make " + place.folder, errno);
  const LockedFile file(place.folder.empty() ? memfd_create("datagen-limits", MFD_CLOEXEC)
                                             : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.fd() < 0) return Error::from_errno("cannot open " + path, errno);
  DATAGEN_TRY(auto memory, LimitsMemory::map(file.fd(), path, place.cells));
  std::unique_ptr<LimitsState> state(new LimitsState(std::move(memory), place.cell, limits));
  if (!state->memory_.is_begun(static_cast<std::uint64_t>(limits.minute.count())))
    state->memory_.begin_anew(static_cast<std::uint64_t>(limits.minute.count()));
  DATAGEN_TRY(state->begin(place));
  return state;
}

LimitsState::LimitsState(LimitsMemory memory, std::size_t cell, const CallLimits& limits)
    : memory_(std::move(memory)),
      own_(memory_.cell(cell)),
      per_minute_{count(limits.requests_per_minute), count(limits.tokens_per_minute),
                  units(limits.cost_per_minute)},
      per_day_{count(limits.requests_per_day), count(limits.tokens_per_day), units(limits.cost_per_day)},
      per_run_{count(limits.requests_per_run), count(limits.tokens_per_run), units(limits.cost_per_run)},
      slice_ns_(static_cast<std::uint64_t>(limits.minute.count()) / kSlices) {}

// Under the file's lock. What was spent before stands in the ledger: of earlier generations as a base, which
// the first worker of a generation adds up; of this worker's predecessors in this one in its cell.
Result<void> LimitsState::begin(const LimitsPlace& place) {
  const std::uint64_t own_limits = hash_of_limits(place.name);
  const auto spent = [&](const std::function<bool(const LedgerOwner&)>& is_wanted, Amounts& all,
                         Amounts& of_today) -> Result<void> {
    if (place.ledger.empty()) return success();
    DATAGEN_TRY(const auto sums, sum_ledger(place.ledger, is_wanted));
    for (const LedgerSum& sum : sums) {
      if (sum.limits != own_limits) continue;
      add_sum(sum, all);
      if (sum.day == today()) add_sum(sum, of_today);
    }
    return success();
  };
  LimitsHead& head = memory_.head();
  if (head.generation != place.owner.generation) {
    Amounts all{}, of_today{};
    DATAGEN_TRY(spent([&](const LedgerOwner& owner) { return owner.generation < place.owner.generation; },
                      all, of_today));
    std::ranges::copy(all, head.base);
    std::ranges::copy(of_today, head.base_today);
    head.base_day = today();
    for (std::size_t index = 0; index < memory_.cells(); ++index) {
      LimitsCell& cell = memory_.cell(index);
      for (std::size_t measure = 0; measure < kMeasures; ++measure)
        cell.settled[measure] = cell.under_way[measure] = cell.settled_today[measure] = 0;
    }
    head.generation = place.owner.generation;
  }
  Amounts all{}, of_today{};
  DATAGEN_TRY(spent(
      [&](const LedgerOwner& owner) {
        return owner.generation == place.owner.generation && owner.stage == place.owner.stage &&
               owner.worker == place.owner.worker;
      },
      all, of_today));
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    own_.settled[measure] = all[measure];
    own_.settled_today[measure] = of_today[measure];
    own_.under_way[measure] = 0;
  }
  own_.day = today();
  return success();
}

bool LimitsState::fits_run(const Amounts& amounts) {
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    if (per_run_[measure] == 0) continue;
    std::uint64_t settled = memory_.head().base[measure];
    std::uint64_t under_way = 0;  // this request is in it
    for (std::size_t index = 0; index < memory_.cells(); ++index) {
      const LimitsCell& cell = memory_.cell(index);
      under_way += cell.under_way[measure].load();  // in this order: who settles adds before giving back
      settled += cell.settled[measure].load();
    }
    if (settled + under_way <= per_run_[measure]) continue;
    const std::uint64_t others = under_way - std::min(under_way, amounts[measure]);
    if (settled >= per_run_[measure] || others == 0) is_exhausted_.store(true, std::memory_order_relaxed);
    return false;
  }
  return true;
}

bool LimitsState::fits_day(const Amounts&) const {
  const std::uint64_t day = today();
  const LimitsHead& head = memory_.head();
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    if (per_day_[measure] == 0) continue;
    std::uint64_t total = head.base_day == day ? head.base_today[measure] : 0;
    for (std::size_t index = 0; index < memory_.cells(); ++index) {
      const LimitsCell& cell = memory_.cell(index);
      total += cell.under_way[measure].load();  // in this order, as above
      if (cell.day.load() == day) total += cell.settled_today[measure].load();
    }
    if (total > per_day_[measure]) return false;
  }
  return true;
}

// Zero when all measures had room; else what was added is taken back.
nanoseconds LimitsState::take_windows(const Amounts& amounts) {
  const std::uint64_t slice = boottime_ns() / slice_ns_;
  std::uint64_t wait = 0;
  const auto window = [&](std::size_t measure) { return Window(memory_.head().windows[measure]); };
  const auto amount_of = [&](std::size_t measure) {
    return std::min(amounts[measure], per_minute_[measure]);
  };
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    if (per_minute_[measure] > 0) window(measure).add(slice, static_cast<std::int64_t>(amount_of(measure)));
  }
  // Read again: a process that was stopped in between has added to a slice that has passed.
  const std::uint64_t now = boottime_ns() / slice_ns_;
  if (now != slice) wait = 1;
  for (std::size_t measure = 0; measure < kMeasures && wait == 0; ++measure) {
    if (per_minute_[measure] > 0 && window(measure).sum(now) > per_minute_[measure]) wait = 1;
  }
  if (wait == 0) return nanoseconds(0);
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    if (per_minute_[measure] == 0) continue;
    window(measure).add(slice, -static_cast<std::int64_t>(amount_of(measure)));
    wait = std::max(wait, window(measure).slices_until(now, per_minute_[measure] - amount_of(measure)));
  }
  // To the beginning of that slice.
  return nanoseconds((now + wait) * slice_ns_ - std::min((now + wait) * slice_ns_, boottime_ns())) +
         nanoseconds(1);
}

nanoseconds LimitsState::acquire(std::int64_t tokens, double cost) {
  const std::uint64_t held_until = memory_.head().hold_until_ns.load();
  if (const std::uint64_t now = boottime_ns(); now < held_until) return nanoseconds(held_until - now);
  const Amounts amounts{1, count(tokens), units(cost)};
  const std::lock_guard lock(mutex_);
  for (std::size_t measure = 0; measure < kMeasures; ++measure) own_.under_way[measure] += amounts[measure];
  nanoseconds wait{0};
  if (!fits_run(amounts)) {
    wait = kUntilOthersSettle;
  } else if (!fits_day(amounts)) {
    wait = kUntilOthersSettle;
  } else {
    wait = take_windows(amounts);
  }
  if (wait > nanoseconds(0)) give_back(amounts);
  return wait;
}

void LimitsState::give_back(const Amounts& amounts) {
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    const std::uint64_t had = own_.under_way[measure].load();
    own_.under_way[measure] = had - std::min(had, amounts[measure]);
  }
}

// Amounts before the day that they belong to: who reads in between counts too little of a day that is over.
void LimitsState::begin_day(std::uint64_t day) {
  if (own_.day.load() == day) return;
  for (std::size_t measure = 0; measure < kMeasures; ++measure) own_.settled_today[measure] = 0;
  own_.day = day;
}

void LimitsState::settle(std::int64_t tokens, double cost, std::int64_t tokens_estimate,
                         double cost_estimate) {
  const Amounts spent{1, count(tokens), units(cost)};
  const std::lock_guard lock(mutex_);
  begin_day(today());
  for (std::size_t measure = 0; measure < kMeasures; ++measure) {
    own_.settled[measure] += spent[measure];
    own_.settled_today[measure] += spent[measure];
  }
  give_back({1, count(tokens_estimate), units(cost_estimate)});
}

void LimitsState::settle(std::int64_t tokens, double cost) {
  const std::uint64_t requests = std::max<std::uint64_t>(1, own_.under_way[kRequests].load());
  settle(tokens, cost, static_cast<std::int64_t>(own_.under_way[kTokens].load() / requests),
         static_cast<double>(own_.under_way[kCost].load() / requests) * kCostUnit);
}

void LimitsState::hold_back(nanoseconds time) {
  Word& word = memory_.head().hold_until_ns;
  const std::uint64_t until =
      boottime_ns() + static_cast<std::uint64_t>(std::max(time, nanoseconds(0)).count());
  std::uint64_t had = word.load();
  while (had < until && !word.compare_exchange_weak(had, until)) {
  }
}

}  // namespace detail

SharedLimits::SharedLimits(std::unique_ptr<detail::LimitsState> state) : state_(std::move(state)) {}
SharedLimits::~SharedLimits() = default;

std::chrono::nanoseconds SharedLimits::acquire(std::int64_t tokens_estimate, double cost_estimate) {
  return state_->acquire(tokens_estimate, cost_estimate);
}
void SharedLimits::settle(std::int64_t tokens, double cost) { state_->settle(tokens, cost); }
void SharedLimits::settle(std::int64_t tokens, double cost, std::int64_t tokens_estimate,
                          double cost_estimate) {
  state_->settle(tokens, cost, tokens_estimate, cost_estimate);
}
void SharedLimits::hold_back(std::chrono::nanoseconds time) { state_->hold_back(time); }
bool SharedLimits::is_exhausted() const { return state_->is_exhausted(); }

}  // namespace datagen
