#include "side_section.h"

#include <cstring>

namespace datagen {

namespace {

enum class Kind : std::uint32_t { counts = 1, drop_reason = 2, counter = 3, usage = 4, dead_letter = 5 };

// Every entry but a dead letter begins with the stage's index.
struct CountsEntry {
  std::uint64_t stage;
  StageCounts counts;
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

template <class Entry>
void append_entry(std::string& out, Kind kind, const Entry& entry, std::string_view name = {}) {
  append_entry(out, kind, std::string_view(reinterpret_cast<const char*>(&entry), sizeof entry), name);
}

template <class Entry>
bool read_entry(std::string_view bytes, Entry& entry, std::string_view& name) {
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
  return *this;
}

void StageNotes::clear() {
  counts = {};
  drop_reasons.clear();
  counters.clear();
  usage.clear();
  dead_letters.clear();
}

void append_side_section(std::string& out, std::string_view incoming, std::uint32_t stage, const StageNotes& notes) {
  out.append(incoming);
  append_entry(out, Kind::counts, CountsEntry{stage, notes.counts});
  for (const auto& [reason, count] : notes.drop_reasons) {
    append_entry(out, Kind::drop_reason, NamedEntry{stage, {static_cast<std::int64_t>(count), 0, 0}}, reason);
  }
  for (const auto& [name, amount] : notes.counters) {
    append_entry(out, Kind::counter, NamedEntry{stage, {amount, 0, 0}}, name);
  }
  for (const auto& [model, usage] : notes.usage) {
    const NamedEntry entry{stage,
                           {static_cast<std::int64_t>(usage.calls), static_cast<std::int64_t>(usage.prompt_tokens),
                            static_cast<std::int64_t>(usage.completion_tokens)}};
    append_entry(out, Kind::usage, entry, model);
  }
  for (const std::string& letter : notes.dead_letters) append_entry(out, Kind::dead_letter, std::string_view(), letter);
}

Result<void> Totals::add(std::string_view side, std::vector<std::string_view>& dead_letters) {
  while (!side.empty()) {
    std::uint32_t head[2];
    if (side.size() < sizeof head) return Error("a frame's side section is cut short");
    std::memcpy(head, side.data(), sizeof head);
    side.remove_prefix(sizeof head);
    if (head[1] > side.size()) return Error("a frame's side section is cut short");
    const std::string_view bytes = side.substr(0, head[1]);
    side.remove_prefix(head[1]);
    CountsEntry counts{};
    NamedEntry named{};
    std::string_view name;
    switch (static_cast<Kind>(head[0])) {
      case Kind::counts:
        if (!read_entry(bytes, counts, name)) return Error("a frame's counts are cut short");
        stages_[static_cast<std::uint32_t>(counts.stage)].counts += counts.counts;
        break;
      case Kind::drop_reason:
      case Kind::counter:
      case Kind::usage: {
        if (!read_entry(bytes, named, name)) return Error("a frame's counters are cut short");
        Stage& stage = stages_[static_cast<std::uint32_t>(named.stage)];
        if (static_cast<Kind>(head[0]) == Kind::drop_reason) {
          stage.drop_reasons[std::string(name)] += static_cast<std::uint64_t>(named.values[0]);
        } else if (static_cast<Kind>(head[0]) == Kind::counter) {
          stage.counters[std::string(name)] += named.values[0];
        } else {
          Usage& usage = stage.usage[std::string(name)];
          usage.calls += static_cast<std::uint64_t>(named.values[0]);
          usage.prompt_tokens += static_cast<std::uint64_t>(named.values[1]);
          usage.completion_tokens += static_cast<std::uint64_t>(named.values[2]);
        }
        break;
      }
      case Kind::dead_letter:
        dead_letters.push_back(bytes);
        break;
      default:
        return Error("a frame's side section has an entry of unknown kind " + std::to_string(head[0]));
    }
  }
  return success();
}

}  // namespace datagen
