// What all frames of a worker share beside its operator: the ledger of paid calls, limits, and whether the
// worker ends by its own will. One per worker; every Context leads to it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "datagen/ledger.h"
#include "datagen/limits.h"
#include "ledger_files.h"
#include "limits_state.h"

namespace datagen::detail {

class PaidWork {
 public:
  PaidWork() = default;
  PaidWork(const PaidWork&) = delete;
  PaidWork& operator=(const PaidWork&) = delete;
  ~PaidWork();

  // See Context. Throw std::runtime_error.
  Ledger& ledger(const std::string& cache);
  SharedLimits& limits(const std::string& name, const CallLimits& given);
  // Filled in before; without folders both stand where only this process sees them, and go with it.
  LedgerPlace ledger_place;
  LimitsPlace limits_place;

  // The worker has claimed a frame, whose owner before may have died just now.
  void note_claim() { ++claims_; }

  // The worker ends with a code of ipc/worker_exit.h; the first call counts. No frame is published any more.
  void give_up(int code, const std::string& message);
  bool has_given_up() const { return has_given_up_.load(std::memory_order_acquire); }
  struct GivenUp {
    int code;
    std::string message;
  };
  std::optional<GivenUp> given_up();
  // Wakes this worker's threads that wait for frames.
  std::function<void()> on_give_up;

 private:
  std::atomic<std::uint64_t> claims_{0};
  std::atomic<bool> has_given_up_{false};
  std::mutex mutex_;  // guards what follows
  std::optional<GivenUp> given_up_;
  std::once_flag ledger_once_;
  std::string temporary_folder_;
  std::unique_ptr<Ledger> ledger_;
  std::mutex limits_mutex_;
  std::map<std::string, std::unique_ptr<SharedLimits>> limits_;
};

}  // namespace datagen::detail
