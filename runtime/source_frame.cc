#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "datagen/source.h"
#include "dead_letter.h"
#include "frame.h"
#include "side_section.h"

namespace datagen {

namespace {
Origin to_origin(const SourcePosition& position) {
  return {position.row, position.line, position.offset, position.source};
}
}  // namespace

void SourceFrame::start(const SourcePosition& position) {
  FrameOrigin& origin = writer_->origin();
  origin.first_row = position.row;
  origin.first_line = position.line;
  origin.offset = position.offset;
  origin.source = position.source;
}

void SourceFrame::start_mixed(std::uint64_t row) {
  start({0, row, 0, 0});
  is_mixed_ = true;
}

void SourceFrame::add(std::string_view json, const SourcePosition& position) {
  add_child(json, position, {});
}

void SourceFrame::add_child(std::string_view json, const SourcePosition& position, std::string_view path) {
  if (is_mixed_) writer_->add_place({position.line, position.offset, position.source});
  writer_->add(json, path, to_origin(position), Tag::json, 0);
  ++notes_->counts.in;
  ++notes_->counts.out;
}

void SourceFrame::reject(std::string_view bytes, const SourcePosition& position, const std::string& reason,
                         const std::string& message) {
  if (is_mixed_) writer_->add_place({position.line, position.offset, position.source});
  if (rejected_ != nullptr) {
    rejected_->push_back({position, std::string(bytes), reason, message});
  } else {
    RecordView record;
    record.payload = bytes;
    record.origin = to_origin(position);
    notes_->dead_letters.push_back(dead_letter_line(*dead_letters_, record, {reason, message}));
  }
  ++notes_->counts.in;
  ++notes_->counts.dead;
}

void SourceFrame::joined(std::size_t count) {
  notes_->counts.in += count - 1;
  notes_->counts.joined += count - 1;
}

void SourceFrame::count(std::string_view name, std::int64_t amount) {
  notes_->counters[std::string(name)] += amount;
}

void SourceFrame::set_cursor(std::string_view cursor) { writer_->origin().set_cursor(cursor); }
std::span<char> SourceFrame::room() { return writer_->room(); }

std::size_t SourceFrame::records_left_beside(std::size_t bytes) const {
  return std::min(records_left(), writer_->entries_left(bytes));
}

void SourceFrame::add_in_place(std::size_t position, std::size_t length, std::uint32_t row_from_start,
                               bool is_one_line) {
  writer_->add_in_place(position, length, row_from_start, is_one_line ? kOneLine : 0);
  ++notes_->counts.in;
  ++notes_->counts.out;
}

void SourceFrame::set_in_place_bytes(std::size_t bytes) { writer_->set_in_place_bytes(bytes); }
std::size_t SourceFrame::size() const { return writer_->size(); }

std::size_t SourceFrame::records_left() const {
  return records_max_ - std::min<std::size_t>(records_max_, notes_->counts.in);
}

}  // namespace datagen
