#include "datagen/ledger.h"

#include <utility>

#include "ledger_files.h"

namespace datagen {

Ledger::Ledger(std::unique_ptr<detail::LedgerFiles> files) : files_(std::move(files)) {}
Ledger::~Ledger() = default;

std::optional<std::string> Ledger::find(const CallKey& key, bool* was_paid_elsewhere) const {
  bool from_elsewhere = false;
  auto found = files_->find(key, from_elsewhere);
  if (was_paid_elsewhere != nullptr) *was_paid_elsewhere = found && from_elsewhere;
  return found;
}

void Ledger::store(const CallKey& key, std::string_view result, Durable durable, const Bill& bill) {
  const PaidOutcome outcome{key, std::string(result), bill};
  store({&outcome, 1}, std::move(durable));
}

void Ledger::store(std::span<const PaidOutcome> outcomes, Durable durable) {
  files_->store(outcomes, std::move(durable));
}

void Ledger::when_durable(Durable durable) { files_->when_durable(std::move(durable)); }

}  // namespace datagen
