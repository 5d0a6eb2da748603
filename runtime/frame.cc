#include "frame.h"

#include <algorithm>
#include <cstring>

namespace datagen {

namespace {

constexpr std::size_t kTableAlignment = 8;
// A source leaves 1/8 of the block free: every stage adds its counts, some a field to each record, and a
// frame that outgrows its block costs a segment of its own at each edge.
constexpr std::size_t kSpareShare = 8;

std::size_t align(std::size_t value) {
  return (value + kTableAlignment - 1) / kTableAlignment * kTableAlignment;
}

}  // namespace

void FrameOrigin::set_cursor(std::string_view bytes) {
  DATAGEN_CHECK(bytes.size() <= kCursorBytesMax, "a source cursor of %zu bytes", bytes.size());
  cursor_bytes = static_cast<std::uint32_t>(bytes.size());
  std::copy_n(bytes.data(), bytes.size(), cursor);
}

Result<FrameReader> FrameReader::open(std::span<const std::byte> bytes) {
  FrameHeader header;
  if (bytes.size() < sizeof header) return Error("a frame is shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kFrameMagic) return Error("a frame begins with foreign bytes");
  const std::uint64_t size = bytes.size();
  const std::uint64_t table_bytes = std::uint64_t{header.records} * sizeof(RecordEntry);
  const std::uint64_t places_bytes = header.origin.places * sizeof(Place);
  if (header.frame_bytes != size || header.table_offset < sizeof header || header.table_offset > size ||
      table_bytes > size - header.table_offset || header.origin.places > size / sizeof(Place) ||
      places_bytes > size - header.table_offset - table_bytes ||
      header.side_offset != header.table_offset + table_bytes + places_bytes ||
      header.origin.cursor_bytes > kCursorBytesMax) {
    return Error("a frame's header contradicts its size");
  }
  FrameReader reader;
  reader.frame_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  reader.table_ = reader.frame_.data() + header.table_offset;
  reader.records_ = header.records;
  reader.origin_ = header.origin;
  reader.places_ = reader.frame_.substr(header.table_offset + table_bytes, places_bytes);
  reader.side_ = reader.frame_.substr(header.side_offset);
  for (std::size_t index = 0; index < reader.records_; ++index) {
    const RecordEntry entry = reader.entry(index);
    if (entry.offset < sizeof header + entry.path_length || entry.offset > header.table_offset ||
        entry.length > header.table_offset - entry.offset) {
      return Error("a frame's record " + std::to_string(index) + " lies outside of it");
    }
  }
  return reader;
}

void FrameReader::read(std::size_t index, RecordView& record) const {
  const RecordEntry entry = this->entry(index);
  record.payload = payload(entry);
  record.path = {record.payload.data() - entry.path_length, entry.path_length};
  record.tag = entry.tag;
  record.flags = entry.flags;
  record.origin = {kNoRow, 0, origin_.offset + entry.source, origin_.source};
  if (entry.row == kNoRowDelta) return;
  record.origin.row = origin_.first_row + entry.row;
  if (entry.row < origin_.places) {
    Place place;
    std::memcpy(&place, places_.data() + entry.row * sizeof place, sizeof place);
    record.origin.line = place.line;
    record.origin.offset = place.offset;
    record.origin.source = static_cast<std::uint32_t>(place.source);
  } else if (origin_.first_line != 0) {
    record.origin.line = origin_.first_line + entry.row;
  }
}

void FrameWriter::begin(std::span<std::byte> space, const FrameOrigin& origin) {
  base_ = reinterpret_cast<char*>(space.data());
  capacity_ = space.size();
  end_ = sizeof(FrameHeader);
  origin_ = origin;
  table_.clear();
  places_.clear();
  origin_.places = 0;
  checksum_.reset();
  spilled_.clear();
  is_spilled_ = false;
  DATAGEN_CHECK(capacity_ >= end_, "a block of %zu bytes cannot hold a frame", capacity_);
}

void FrameWriter::begin_from(std::span<std::byte> space, const FrameReader& read) {
  begin(space, read.origin());
  places_.resize(read.places().size() / sizeof(Place));
  origin_.places = places_.size();
  if (!places_.empty()) std::memcpy(places_.data(), read.places().data(), read.places().size());
}

void FrameWriter::add_place(const Place& place) {
  places_.push_back(place);
  origin_.places = places_.size();
}

// Room for `bytes` at end_, with the table and alignment behind; moves to own memory when the space is full.
char* FrameWriter::reserve(std::size_t bytes) {
  const std::size_t needed = align(end_ + bytes) + bytes_behind(table_.size() + 1);
  if (needed <= capacity_) return base_ + end_;
  if (!is_spilled_) {
    is_spilled_ = true;
    spilled_.append({base_, end_});
  }
  spilled_.resize_down(end_);
  spilled_.reserve(needed - end_);
  base_ = spilled_.data();
  capacity_ = needed;
  return base_ + end_;
}

namespace {
// So that text reads as lines, which a sink may write as they stand.
constexpr std::size_t newline_bytes(Tag tag) { return tag == Tag::json ? 1 : 0; }
}  // namespace

void FrameWriter::add_entry(std::size_t path_bytes, std::size_t payload_bytes, const Origin& origin, Tag tag,
                            std::uint8_t flags) {
  RecordEntry entry;
  entry.offset = static_cast<std::uint32_t>(end_ + path_bytes);
  entry.length = static_cast<std::uint32_t>(payload_bytes);
  entry.row = origin.row == kNoRow ? kNoRowDelta : static_cast<std::uint32_t>(origin.row - origin_.first_row);
  entry.source = static_cast<std::uint32_t>(origin.offset - origin_.offset);
  entry.path_length = static_cast<std::uint16_t>(path_bytes);
  entry.tag = tag;
  entry.flags = flags;
  table_.push_back(entry);
  end_ += path_bytes + payload_bytes;
  if (newline_bytes(tag) != 0) base_[end_++] = '\n';
  hash_what_is_added();
}

void FrameWriter::add(std::string_view payload, std::string_view path, const Origin& origin, Tag tag,
                      std::uint8_t flags) {
  char* to = reserve(path.size() + payload.size() + newline_bytes(tag));
  to = std::copy_n(path.data(), path.size(), to);
  std::copy_n(payload.data(), payload.size(), to);
  add_entry(path.size(), payload.size(), origin, tag, flags);
}

ByteBuffer& FrameWriter::begin_payload(std::string_view path) {
  const std::size_t newline = newline_bytes(Tag::json);
  char* const to = reserve(path.size() + newline);
  std::copy_n(path.data(), path.size(), to);
  const std::size_t begin = end_ + path.size();
  const std::size_t taken = begin + newline + bytes_behind(table_.size() + 1) + kTableAlignment;
  payload_.borrow(base_ + begin, capacity_ > taken ? capacity_ - taken : 0);
  return payload_;
}

void FrameWriter::end_payload(std::string_view path, const Origin& origin, Tag tag, std::uint8_t flags) {
  if (!payload_.is_borrowed()) return add(payload_.view(), path, origin, tag, flags);
  add_entry(path.size(), payload_.size(), origin, tag, flags);
}

void FrameWriter::add_all(const FrameReader& read, const ipc::FrameSteps& steps) {
  DATAGEN_CHECK(table_.empty() && end_ == sizeof(FrameHeader), "a frame with %zu records", table_.size());
  const std::string_view text = read.text();
  table_.resize(read.size());
  for (std::size_t index = 0; index < table_.size(); ++index) table_[index] = read.entry(index);
  if (reserve(text.size()) == text.data()) {
    end_ += text.size();
    if (checksum_) checksum_ = steps.before(end_);
    return;
  }
  // In pieces, so that each is hashed while it is near.
  for (std::size_t done = 0; done < text.size();) {
    const std::size_t piece = std::min(text.size() - done, ipc::FrameChecksum::kPieceBytes);
    std::memcpy(base_ + end_, text.data() + done, piece);
    done += piece;
    end_ += piece;
    hash_what_is_added();
  }
}

std::span<char> FrameWriter::room() { return {base_ + end_, space_left(1)}; }

std::size_t FrameWriter::space_left(std::size_t records_more) const {
  const std::size_t taken = end_ + bytes_behind(table_.size() + records_more) + kTableAlignment;
  const std::size_t usable = capacity_ - (capacity_ - sizeof(FrameHeader)) / kSpareShare;
  return usable > taken ? usable - taken : 0;
}

std::size_t FrameWriter::entries_left(std::size_t bytes) const {
  const std::size_t space = space_left(0);
  return space > bytes ? (space - bytes) / sizeof(RecordEntry) : 0;
}

void FrameWriter::add_in_place(std::size_t position, std::size_t length, std::uint32_t row,
                               std::uint8_t flags) {
  table_.push_back({static_cast<std::uint32_t>(sizeof(FrameHeader) + position),
                    static_cast<std::uint32_t>(length), row, static_cast<std::uint32_t>(position), 0,
                    Tag::json, flags});
}

void FrameWriter::set_in_place_bytes(std::size_t bytes) { end_ = sizeof(FrameHeader) + bytes; }

// `row` is the record's; the entry's own is filled when the lowest is known.
bool FrameWriter::take_id(RecordEntry& entry, std::uint64_t& row) {
  char* payload = base_ + entry.offset;
  const std::string_view record(payload, entry.length);
  constexpr std::string_view kKey = "\"_i\":";
  const std::size_t key = record.rfind(kKey);
  if (key == std::string_view::npos || key == 0 || record.back() != '}') return false;
  std::string_view id = record.substr(key + kKey.size());
  id.remove_suffix(1);
  if (id.size() > 2 && id.front() == '"' && id.back() == '"') id = id.substr(1, id.size() - 2);
  std::string_view path;
  if (id.empty() || !parse_lineage_id(id, row, path)) return false;
  const std::string kept(path);
  // What the member leaves free has room for the path, which stands before the payload.
  const std::size_t end = std::max<std::size_t>(key - 1, 1);  // at the comma before it, or behind the brace
  payload[end] = '}';
  std::memmove(payload + kept.size(), payload, end + 1);
  std::copy_n(kept.data(), kept.size(), payload);
  entry.offset += static_cast<std::uint32_t>(kept.size());
  entry.length = static_cast<std::uint32_t>(end + 1);
  entry.path_length = static_cast<std::uint16_t>(kept.size());
  return true;
}

bool FrameWriter::take_ids() {
  std::vector<std::uint64_t> rows(table_.size());
  std::uint64_t lowest = kNoRow;
  for (std::size_t index = 0; index < table_.size(); ++index) {
    if (!take_id(table_[index], rows[index])) return false;
    lowest = std::min(lowest, rows[index]);
  }
  origin_.first_row = lowest;
  origin_.first_line = 0;
  for (std::size_t index = 0; index < table_.size(); ++index) {
    const std::uint64_t distance = rows[index] - lowest;
    if (rows[index] != kNoRow && distance >= kNoRowDelta) return false;
    table_[index].row = rows[index] == kNoRow ? kNoRowDelta : static_cast<std::uint32_t>(distance);
  }
  return true;
}

std::span<const std::byte> FrameWriter::finish(std::string_view side) {
  const std::size_t table_offset = align(end_);
  const std::size_t table_bytes = table_.size() * sizeof(RecordEntry);
  const std::size_t places_bytes = places_.size() * sizeof(Place);
  const std::size_t side_offset = table_offset + table_bytes + places_bytes;
  const std::size_t total = side_offset + side.size();
  if (total > capacity_) reserve(total - end_);
  if (table_offset > end_) std::memset(base_ + end_, 0, table_offset - end_);
  if (table_bytes > 0) std::memcpy(base_ + table_offset, table_.data(), table_bytes);
  if (places_bytes > 0) std::memcpy(base_ + table_offset + table_bytes, places_.data(), places_bytes);
  if (!side.empty()) std::memcpy(base_ + side_offset, side.data(), side.size());
  FrameHeader header{kFrameMagic, static_cast<std::uint32_t>(table_.size()), table_offset, side_offset, total,
                     origin_};
  std::memcpy(base_, &header, sizeof header);
  return {reinterpret_cast<const std::byte*>(base_), total};
}

std::span<const std::byte> FrameWriter::copy_without_side() {
  FrameHeader header;
  std::memcpy(&header, base_, sizeof header);
  header.frame_bytes = header.side_offset;
  copy_.clear();
  copy_.append({reinterpret_cast<const char*>(&header), sizeof header});
  copy_.append({base_ + sizeof header, header.side_offset - sizeof header});
  return std::as_bytes(std::span(copy_.data(), copy_.size()));
}

}  // namespace datagen
