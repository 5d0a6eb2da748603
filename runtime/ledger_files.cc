#include "ledger_files.h"

#include <chrono>
#include <utility>

namespace datagen::detail {

namespace {

// Between two fsyncs: those that are stored meanwhile share the next. A lone one does not wait.
constexpr std::chrono::milliseconds kSyncPause{5};

}  // namespace

LedgerFiles::LedgerFiles(LedgerPlace place)
    : place_(std::move(place)),
      run_(place_.folder, place_.owner.stage),
      cache_(place_.cache, {}),
      appender_(run_, place_.owner),
      cache_appender_(cache_, place_.owner) {
  for (const std::string& folder : place_.earlier) earlier_.emplace_back(folder, place_.owner.stage);
  thread_ = std::thread([this] { make_durable(); });
}

LedgerFiles::~LedgerFiles() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_one();
  ending_.notify_one();
  thread_.join();
}

void LedgerFiles::fail(const Error& error) {
  if (!failure_.empty()) return;
  failure_ = error.within("the ledger of paid calls has failed").message();
  if (place_.on_failure) place_.on_failure(failure_);
}

// What others have appended; once for each frame, since who takes a frame over finds all of the dead owner's
// results at the first look behind the claim.
Result<void> LedgerFiles::refresh() {
  const std::uint64_t claims = place_.claims == nullptr ? 0 : place_.claims->load();
  if (has_looked_ && claims == claims_seen_) return success();
  DATAGEN_TRY(run_.refresh());
  if (!place_.cache.empty()) DATAGEN_TRY(cache_.refresh());
  if (!has_looked_) {
    for (LedgerFolder& folder : earlier_) DATAGEN_TRY(folder.refresh());
  }
  has_looked_ = true;
  claims_seen_ = claims;
  return success();
}

Result<std::optional<std::string>> LedgerFiles::look(const CallKey& key, bool& was_paid_elsewhere) {
  was_paid_elsewhere = false;
  DATAGEN_TRY(refresh());
  DATAGEN_TRY(auto found, run_.find(key, false));
  if (found) return found;
  was_paid_elsewhere = true;
  for (const bool any_record : {false, true}) {
    for (LedgerFolder& folder : earlier_) {
      DATAGEN_TRY(found, folder.find(key, any_record));
      if (found) return found;
    }
  }
  if (place_.cache.empty()) return std::nullopt;
  return cache_.find(key, true);
}

std::optional<std::string> LedgerFiles::find(const CallKey& key, bool& was_paid_elsewhere) {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) return std::nullopt;
  auto found = look(key, was_paid_elsewhere);
  if (!found) return fail(found.error()), std::nullopt;
  return std::move(found).value();
}

void LedgerFiles::store(std::span<const PaidOutcome> outcomes, Callback durable) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto today = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::days>(now).count());
  std::vector<LedgerEntry> entries;
  for (const auto& [key, result, bill] : outcomes)
    entries.push_back({key.record, key.attempt, key.request, result, hash_of_limits(bill.limits), today,
                       bill.tokens, bill.cost});
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) {
      if (const auto appended = appender_.append(entries); !appended) fail(appended.error());
    }
    // What the cache lacks is paid again by others, no more.
    if (failure_.empty() && !place_.cache.empty()) static_cast<void>(cache_appender_.append(entries));
  }
  if (durable) when_durable(std::move(durable));
}

void LedgerFiles::when_durable(Callback durable) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(durable));
    if (waiting_.size() > 1) return;  // the thread has been told of the first
  }
  changed_.notify_one();
}

// The thread: those that were appended while one fsync went on share the next.
void LedgerFiles::make_durable() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::vector<Callback> batch = std::exchange(waiting_, {});
    if (failure_.empty()) {
      if (const auto synced = appender_.sync(lock); !synced) fail(synced.error());
    }
    const std::string failure = failure_;
    lock.unlock();
    for (const Callback& durable : batch) durable(failure.empty() ? Result<void>(success()) : Error(failure));
    lock.lock();
    end_full_file();
    ending_.wait_for(lock, kSyncPause, [this] { return is_ending_; });
  }
}

void LedgerFiles::end_full_file() {
  if (!failure_.empty()) return;
  if (appender_.is_full()) {
    if (const auto sealed = appender_.seal(); !sealed) return fail(sealed.error());
  }
  if (cache_appender_.is_full()) static_cast<void>(cache_appender_.seal());
}

}  // namespace datagen::detail
