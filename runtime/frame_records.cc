#include "frame_records.h"

#include <algorithm>
#include <charconv>

namespace datagen {

namespace {

// The first step of a path, "10" of "10_2", taken off it.
std::string_view take_step(std::string_view& path) {
  const std::size_t end = std::min(path.find('_'), path.size());
  const std::string_view step = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return step;
}

std::strong_ordering compare_steps(std::string_view left, std::string_view right) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  const bool are_numbers = std::from_chars(left.data(), left.data() + left.size(), a).ec == std::errc() &&
                           std::from_chars(right.data(), right.data() + right.size(), b).ec == std::errc();
  return are_numbers ? a <=> b : left.compare(right) <=> 0;
}

}  // namespace

std::strong_ordering compare_lineage(const RecordView& left, const RecordView& right) {
  if (const auto order = left.origin.row <=> right.origin.row; order != 0) return order;
  std::string_view a = left.path;
  std::string_view b = right.path;
  while (!a.empty() && !b.empty()) {
    if (const auto order = compare_steps(take_step(a), take_step(b)); order != 0) return order;
  }
  return a.size() <=> b.size();  // a parent before its children
}

FrameRecords::FrameRecords(std::span<const FrameReader> frames) : frames_(frames) {
  if (!is_joined()) return;
  std::vector<std::size_t> next(frames.size(), 0);
  for (;;) {
    const FrameReader* lowest = nullptr;
    RecordView record;
    for (std::size_t branch = 0; branch < frames.size(); ++branch) {
      if (next[branch] == frames[branch].size()) continue;
      const RecordView candidate = frames[branch][next[branch]];
      if (lowest != nullptr && compare_lineage(candidate, record) >= 0) continue;
      lowest = &frames[branch];
      record = candidate;
    }
    if (lowest == nullptr) return;
    records_.push_back(record);
    for (std::size_t branch = 0; branch < frames.size(); ++branch) {
      const bool has_it =
          next[branch] < frames[branch].size() && compare_lineage(frames[branch][next[branch]], record) == 0;
      versions_.push_back(has_it ? frames[branch][next[branch]++] : RecordView{});
    }
  }
}

std::size_t FrameRecords::records_in() const {
  std::size_t count = 0;
  for (const FrameReader& frame : frames_) count += frame.size();
  return count;
}

}  // namespace datagen
