#include "ipc/quarantine.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace datagen::ipc {

namespace {

using Words = std::array<std::uint64_t, 7>;

std::uint64_t check_of(const Words& words) { return XXH3_64bits(words.data(), sizeof words); }

// Nothing when the entry is free, half-written or damaged.
std::optional<Directive> read_entry(const DirectiveEntry& entry) {
  const auto load = [](const AtomicWord& word) { return word.load(std::memory_order_relaxed); };
  const Words words{load(entry.kind),   load(entry.stage), load(entry.frame), load(entry.first),
                    load(entry.second), load(entry.third), load(entry.stamp)};
  const bool is_known = words[0] >= static_cast<std::uint64_t>(Directive::Kind::alone) &&
                        words[0] <= static_cast<std::uint64_t>(Directive::Kind::first);
  if (!is_known || load(entry.check) != check_of(words)) return std::nullopt;
  return Directive{static_cast<Directive::Kind>(words[0]), words[1], words[2], words[3], words[4], words[5]};
}

void write_entry(DirectiveEntry& entry, const Directive& directive, std::uint64_t stamp) {
  const Words words{static_cast<std::uint64_t>(directive.kind),
                    directive.stage,
                    directive.frame,
                    directive.first,
                    directive.second,
                    directive.third,
                    stamp};
  AtomicWord* const stored[] = {&entry.kind,   &entry.stage, &entry.frame, &entry.first,
                                &entry.second, &entry.third, &entry.stamp};
  for (std::size_t index = 0; index < words.size(); ++index)
    stored[index]->store(words[index], std::memory_order_relaxed);
  entry.check.store(check_of(words), std::memory_order_relaxed);
}

std::uint64_t used_entries(const QuarantineTable& table) {
  return std::min(table.used.load(std::memory_order_relaxed), QuarantineTable::kEntries);
}

}  // namespace

Result<void> write_directive(QuarantineTable& table, const Directive& directive) {
  const std::uint64_t used = used_entries(table);
  std::uint64_t place = used;
  for (std::uint64_t index = 0; index < used; ++index) {
    const auto there = read_entry(table.entries[index]);
    if (there == directive) return success();
    if (!there) place = std::min(place, index);
  }
  if (place == QuarantineTable::kEntries) {
    return Error("the quarantine holds " + std::to_string(QuarantineTable::kEntries) +
                 " directives about frames that are still in work, and has no room for more");
  }
  const std::uint64_t version = table.version.load(std::memory_order_relaxed) + 1;
  write_entry(table.entries[place], directive, version);
  table.used.store(std::max(used, place + 1), std::memory_order_relaxed);
  table.version.store(version, std::memory_order_release);  // last: who sees it sees the entry
  return success();
}

void retire_directives(QuarantineTable& table, std::uint64_t stage, std::uint64_t frame) {
  bool any = false;
  for (std::uint64_t index = 0, used = used_entries(table); index < used; ++index) {
    const auto there = read_entry(table.entries[index]);
    if (!there || there->stage != stage || there->frame == Directive::kAnyFrame || there->frame >= frame)
      continue;
    table.entries[index].kind.store(0, std::memory_order_relaxed);
    any = true;
  }
  if (any) table.version.fetch_add(1, std::memory_order_release);
}

const std::vector<Directive>& QuarantineView::about(std::uint64_t frame) {
  if (table_ == nullptr) return about_;
  const std::uint64_t version = table_->version.load(std::memory_order_acquire);
  if (version == 0) return about_;
  if (version != version_) {
    known_.clear();
    for (std::uint64_t index = 0, used = used_entries(*table_); index < used; ++index) {
      const auto there = read_entry(table_->entries[index]);
      if (there && there->stage == stage_) known_.push_back(*there);
    }
    version_ = version;
  }
  about_.clear();
  for (const Directive& directive : known_) {
    if (directive.frame == frame || directive.frame == Directive::kAnyFrame) about_.push_back(directive);
  }
  return about_;
}

}  // namespace datagen::ipc
