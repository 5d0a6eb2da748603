#include "side_section.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace datagen {

namespace {

enum class Kind : std::uint32_t {
  counts = 1,
  drop_reason = 2,
  counter = 3,
  usage = 4,
  dead_letter = 5,
  exclusions = 6  // NamedEntry, its values unused: the lines in place of the name
};

// Every entry but a dead letter begins with the stage's index.
struct CountsEntry {
  std::uint64_t stage;
  StageCounts counts;
};
// Followed by the model and the endpoint.
struct UsageEntry {
  std::uint64_t stage;
  std::uint32_t kind;
  std::uint32_t model_bytes;
  std::uint64_t calls, prompt_tokens, completion_tokens;
  std::int64_t cost_nano;
};
struct NamedEntry {
  std::uint64_t stage;
  std::int64_t values[3];  // followed by the name
};

void append_entry(std::string& out, Kind kind, std::string_view fixed, std::string_view name) {
  const std::uint32_t head[2] = {static_cast<std::uint32_t>(kind),
                                 static_cast<std::uint32_t>(fixed.size() + name.size())};
  out.append(reinterpret_cast<const char*>(head), sizeof head).append(fixed).append(name);
}

template <class Fixed>
void append_entry(std::string& out, Kind kind, const Fixed& entry, std::string_view name = {}) {
  append_entry(out, kind, std::string_view(reinterpret_cast<const char*>(&entry), sizeof entry), name);
}

// The next entry of a side section, taken off its front.
struct Entry {
  Kind kind;
  std::string_view bytes;  // behind its head
  std::string_view whole;
};
Result<Entry> take_entry(std::string_view& side) {
  std::uint32_t head[2];
  if (side.size() < sizeof head) return Error("a frame's side section is cut short");
  std::memcpy(head, side.data(), sizeof head);
  if (head[1] > side.size() - sizeof head) return Error("a frame's side section is cut short");
  const Entry entry{static_cast<Kind>(head[0]), side.substr(sizeof head, head[1]),
                    side.substr(0, sizeof head + head[1])};
  side.remove_prefix(entry.whole.size());
  return entry;
}

template <class Fixed>
bool read_entry(std::string_view bytes, Fixed& entry, std::string_view& name) {
  if (bytes.size() < sizeof entry) return false;
  std::memcpy(&entry, bytes.data(), sizeof entry);
  name = bytes.substr(sizeof entry);
  return true;
}

}  // namespace

StageCounts& StageCounts::operator+=(const StageCounts& other) {
  in += other.in;
  out += other.out;
  dropped += other.dropped;
  dead += other.dead;
  parents += other.parents;
  children += other.children;
  joined += other.joined;
  exclusion_bytes += other.exclusion_bytes;
  return *this;
}

Usage& Usage::operator+=(const Usage& other) {
  calls += other.calls;
  prompt_tokens += other.prompt_tokens;
  completion_tokens += other.completion_tokens;
  cost_nano += other.cost_nano;
  return *this;
}

std::map<std::string, Usage> paid_by_model(const UsageByKey& usage) {
  std::map<std::string, Usage> by_model;
  for (const auto& [key, used] : usage) {
    if (key.kind != UsageKind::reused) by_model[key.model] += used;
  }
  return by_model;
}

const char* name_of(UsageKind kind) {
  constexpr const char* kNames[] = {"kept", "retry", "waste", "reused"};
  return kNames[static_cast<std::size_t>(kind)];
}

void StageNotes::clear() {
  counts = {};
  drop_reasons.clear();
  counters.clear();
  usage.clear();
  dead_letters.clear();
  exclusions.clear();
  errors = retries = 0;
  dropped.clear();
}

void append_side_section(std::string& out, std::string_view incoming, std::uint32_t stage,
                         const StageNotes& notes) {
  out.append(incoming);
  append_entry(out, Kind::counts, CountsEntry{stage, notes.counts});
  for (const auto& [reason, count] : notes.drop_reasons) {
    append_entry(out, Kind::drop_reason, NamedEntry{stage, {static_cast<std::int64_t>(count), 0, 0}}, reason);
  }
  for (const auto& [name, amount] : notes.counters) {
    append_entry(out, Kind::counter, NamedEntry{stage, {amount, 0, 0}}, name);
  }
  for (const auto& [key, usage] : notes.usage) {
    const UsageEntry entry{stage,
                           static_cast<std::uint32_t>(key.kind),
                           static_cast<std::uint32_t>(key.model.size()),
                           usage.calls,
                           usage.prompt_tokens,
                           usage.completion_tokens,
                           usage.cost_nano};
    append_entry(out, Kind::usage, entry, key.model + key.endpoint);
  }
  for (const std::string& letter : notes.dead_letters)
    append_entry(out, Kind::dead_letter, std::string_view(), letter);
  if (!notes.exclusions.empty())
    append_entry(out, Kind::exclusions, NamedEntry{stage, {0, 0, 0}}, notes.exclusions);
}

void append_accounts(std::string& out, std::string_view side) {
  while (!side.empty()) {
    const auto entry = take_entry(side);
    if (!entry) return;  // Totals::add has refused it before
    const Kind kind = entry.value().kind;
    if (kind != Kind::dead_letter && kind != Kind::exclusions) out.append(entry.value().whole);
  }
}

void Totals::append_to(std::string& out) const {
  for (const auto& [index, stage] : stages_) {
    StageNotes notes;
    notes.counts = stage.counts;
    notes.drop_reasons = stage.drop_reasons;
    notes.counters = stage.counters;
    notes.usage = stage.usage;
    append_side_section(out, {}, index, notes);
  }
}

namespace {

// Who has come once stays: what is shown of it only grows.
void add_usage(UsageKey key, const Usage& used, UsageByKey& usage) {
  const auto is_named = [](const auto& entry) { return entry.first.model != kOtherModels; };
  if (usage.size() >= kUsageKeysMax && !usage.contains(key) &&
      static_cast<std::size_t>(std::ranges::count_if(usage, is_named)) >= kUsageKeysMax)
    key = {kOtherModels, "", key.kind};
  usage[std::move(key)] += used;
}

}  // namespace

Result<void> Totals::add(std::string_view side, SideLines& lines) {
  while (!side.empty()) {
    DATAGEN_TRY(const Entry entry, take_entry(side));
    CountsEntry counts{};
    NamedEntry named{};
    std::string_view name;
    switch (entry.kind) {
      case Kind::counts:
        if (!read_entry(entry.bytes, counts, name)) return Error("a frame's counts are cut short");
        stages_[static_cast<std::uint32_t>(counts.stage)].counts += counts.counts;
        break;
      case Kind::usage: {
        UsageEntry used{};
        if (!read_entry(entry.bytes, used, name) || used.model_bytes > name.size() ||
            used.kind > static_cast<std::uint32_t>(UsageKind::reused))
          return Error("a frame's usage is cut short");
        add_usage({std::string(name.substr(0, used.model_bytes)), std::string(name.substr(used.model_bytes)),
                   static_cast<UsageKind>(used.kind)},
                  {used.calls, used.prompt_tokens, used.completion_tokens, used.cost_nano},
                  stages_[static_cast<std::uint32_t>(used.stage)].usage);
        break;
      }
      case Kind::drop_reason:
      case Kind::counter: {
        if (!read_entry(entry.bytes, named, name)) return Error("a frame's counters are cut short");
        Stage& stage = stages_[static_cast<std::uint32_t>(named.stage)];
        if (entry.kind == Kind::drop_reason) {
          stage.drop_reasons[std::string(name)] += static_cast<std::uint64_t>(named.values[0]);
        } else {
          stage.counters[std::string(name)] += named.values[0];
        }
        break;
      }
      case Kind::dead_letter:
        lines.dead_letters.push_back(entry.bytes);
        break;
      case Kind::exclusions:
        if (!read_entry(entry.bytes, named, name)) return Error("a frame's dropped records are cut short");
        lines.exclusions.emplace_back(static_cast<std::uint32_t>(named.stage), name);
        break;
      default:
        return Error("a frame's side section has an entry of unknown kind " +
                     std::to_string(static_cast<std::uint32_t>(entry.kind)));
    }
  }
  return success();
}

}  // namespace datagen
