#include "paid_work.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "ipc/worker_exit.h"

namespace datagen::detail {

PaidWork::~PaidWork() {
  ledger_.reset();
  std::error_code error;
  if (!temporary_folder_.empty()) std::filesystem::remove_all(temporary_folder_, error);
}

void PaidWork::give_up(int code, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    given_up_ = {code, message};
    has_given_up_.store(true, std::memory_order_release);
  }
  if (on_give_up) on_give_up();
}

std::optional<PaidWork::GivenUp> PaidWork::given_up() {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

Ledger& PaidWork::ledger(const std::string& cache) {
  std::call_once(ledger_once_, [&] {
    if (ledger_place.folder.empty()) {
      temporary_folder_ = (std::filesystem::temp_directory_path() / "datagen-ledger.XXXXXX").string();
      if (mkdtemp(temporary_folder_.data()) == nullptr)
        throw std::runtime_error("cannot make a folder " + temporary_folder_);
      ledger_place.folder = temporary_folder_;
    }
    ledger_place.cache = cache;
    ledger_place.claims = &claims_;
    ledger_place.on_failure = [this](const std::string& message) { give_up(kWorkerStop, message); };
    ledger_ = std::make_unique<Ledger>(std::make_unique<LedgerFiles>(ledger_place));
  });
  return *ledger_;
}

SharedLimits& PaidWork::limits(const std::string& name, const CallLimits& given) {
  const std::lock_guard lock(limits_mutex_);
  std::unique_ptr<SharedLimits>& limits = limits_[name];
  if (limits == nullptr) {
    LimitsPlace place = limits_place;
    place.name = name;
    auto state = LimitsState::open(place, given);
    if (!state) throw std::runtime_error(state.error().message());
    limits = std::make_unique<SharedLimits>(std::move(state).value());
  }
  return *limits;
}

}  // namespace datagen::detail
