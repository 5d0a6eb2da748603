// A frame: a batch of records with one number, the unit that crosses a ring.
//
//   FrameHeader | payloads (each preceded by its path) | padding | RecordEntry[records] | Place[places] |
//   side section
//
// Behind a json payload stands a newline most of the time, so that a sink can write many records at once.
// Nobody relies on it.
//
// Written by one worker into a ring block (or, when it does not fit, into memory of its own that the ring
// stores elsewhere), read-only afterwards. The reader trusts nothing: lengths and offsets are checked against
// the frame's size before any record is looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.h"
#include "ipc/frame_checksum.h"
#include "ipc/result.h"
#include "record.h"

namespace datagen {

constexpr std::uint32_t kFrameMagic = 0x46474431;  // "1DGF"
constexpr std::size_t kCursorBytesMax = 1024;      // a merge's is made of those of up to 16 inputs

// What a frame carries from the source to the sink, whatever happens to its records.
struct FrameOrigin {
  std::uint64_t first_row = 0;   // of the rows that the source put in; rows of records count from here
  std::uint64_t first_line = 0;  // line of first_row in its file; 0: rows are not lines of it
  std::uint64_t offset = 0;      // byte offset of that line
  std::uint32_t source = 0;      // index of the file
  std::uint32_t cursor_bytes = 0;
  std::uint64_t mark = 0;    // not 0: a commit point, (generation << 32 | number)
  std::uint64_t rows = 0;    // records and dead letters that the source put in
  std::uint64_t places = 0;  // 0: rows lie in one input, in its order; else a Place for each, from first_row
  char cursor[kCursorBytesMax] = {};

  std::string_view cursor_view() const { return {cursor, cursor_bytes}; }
  void set_cursor(std::string_view bytes);
};

// Where a row stands that was merged from several inputs.
struct Place {
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
  std::uint64_t source = 0;  // index of the file
};

struct FrameHeader {
  std::uint32_t magic;
  std::uint32_t records;
  std::uint64_t table_offset;
  std::uint64_t side_offset;
  std::uint64_t frame_bytes;
  FrameOrigin origin;
};

static_assert(sizeof(FrameHeader) <= ipc::FrameChecksum::kPieceBytes);  // it is written last

struct RecordEntry {
  std::uint32_t offset;  // of the payload, from the frame's start
  std::uint32_t length;
  std::uint32_t row;          // from FrameOrigin::first_row; kNoRowDelta: none
  std::uint32_t source;       // byte offset of its line, from FrameOrigin::offset
  std::uint16_t path_length;  // the path stands right before the payload
  Tag tag;
  std::uint8_t flags;
};
static_assert(sizeof(RecordEntry) == 20);
constexpr std::uint32_t kNoRowDelta = ~std::uint32_t{0};

class FrameReader {
 public:
  // `bytes` stay valid and unchanged as long as the reader is used. Errors: damaged or foreign bytes.
  static Result<FrameReader> open(std::span<const std::byte> bytes);

  std::size_t size() const { return records_; }
  RecordView operator[](std::size_t index) const {
    RecordView record;
    read(index, record);
    return record;
  }
  void read(std::size_t index, RecordView& record) const;
  // The same for who needs neither path nor origin.
  RecordEntry entry(std::size_t index) const {
    RecordEntry entry;
    std::memcpy(&entry, table_ + index * sizeof entry, sizeof entry);
    return entry;
  }
  // open() has seen that all of them lie within the frame.
  std::string_view payload(const RecordEntry& entry) const {
    return {frame_.data() + entry.offset, entry.length};
  }
  const FrameOrigin& origin() const { return origin_; }
  std::string_view places() const { return places_; }  // the bytes of its Places
  // Where all records lie, and whatever stands between them.
  std::string_view text() const {
    return {frame_.data() + sizeof(FrameHeader),
            static_cast<std::size_t>(table_ - frame_.data()) - sizeof(FrameHeader)};
  }
  std::string_view side() const { return side_; }
  std::size_t bytes() const { return frame_.size(); }

 private:
  std::string_view frame_;
  const char* table_ = nullptr;
  std::size_t records_ = 0;
  FrameOrigin origin_;  // a copy: what was checked is what is used
  std::string_view places_;
  std::string_view side_;
};

class FrameWriter {
 public:
  // Starts a frame in `space`; nothing else writes there until finish().
  void begin(std::span<std::byte> space, const FrameOrigin& origin);
  // The same for what is made of a frame that was read; places go along.
  void begin_from(std::span<std::byte> space, const FrameReader& read);

  // Behind begin(), of what will be frame `seq` of a ring: what is added is hashed on the way. Not for what
  // is filled in place.
  void begin_checksum(std::uint64_t seq) { checksum_.emplace(seq); }
  // As far as it is known; nothing where it was not begun. Also of copy_without_side().
  const std::optional<ipc::FrameChecksum>& checksum() const { return checksum_; }

  FrameOrigin& origin() { return origin_; }
  // Of the next row, counted from first_row. Once one row has a place, all must.
  void add_place(const Place& place);

  // A record with its bytes copied. `row` and `offset` lie at or behind the origin's.
  void add(std::string_view payload, std::string_view path, const Origin& origin, Tag tag,
           std::uint8_t flags);

  // The same for a payload that is built where it is to lie: begin_payload gives the buffer to build it in,
  // end_payload takes what stands there by then. Nothing else is added in between.
  ByteBuffer& begin_payload(std::string_view path);
  void end_payload(std::string_view path, const Origin& origin, Tag tag, std::uint8_t flags);

  // All records of the frame that begin_from() was given, as they are, instead of any add(). Where that frame
  // was copied to the space that begin_from() was given, it stays there, and `steps` tell what its copying
  // has hashed already.
  void add_all(const FrameReader& read, const ipc::FrameSteps& steps);
  // Sets flags of a record that was added.
  void mark(std::size_t index, std::uint8_t flags) { table_[index].flags |= flags; }

  // In place: `room` bytes to be filled; then each record is named by its position in them. For sources,
  // whose lines lie in the order and distance of the file.
  std::span<char> room();
  void add_in_place(std::size_t position, std::size_t length, std::uint32_t row, std::uint8_t flags = 0);
  void set_in_place_bytes(std::size_t bytes);
  // Bytes that `records` more entries would leave for payloads in the given space, less what stages behind
  // may add.
  std::size_t space_left(std::size_t records_more) const;
  // How many more entries leave room for `bytes` of payloads, by the same measure.
  std::size_t entries_left(std::size_t bytes) const;

  // For a source of what another part of the graph wrote: each record's "_i", its last member there, becomes
  // its identity and is taken out of it. Once, when the frame is filled. False: a record has none.
  bool take_ids();

  std::size_t size() const { return table_.size(); }
  // Length of the frame as it stands, side section excluded.
  std::size_t bytes() const { return end_ + bytes_behind(table_.size()); }

  // Appends the side section and closes the frame: its bytes, in the given space or in own memory that lasts
  // until the next begin().
  std::span<const std::byte> finish(std::string_view side);
  // A copy of the frame that finish() closed, with an empty side section: for the further branches, since
  // what stands beside the records travels along the first only. Lasts until the next begin().
  std::span<const std::byte> copy_without_side();

 private:
  char* reserve(std::size_t bytes);
  // For a path and a payload that stand at end_, which moves behind them.
  void add_entry(std::size_t path_bytes, std::size_t payload_bytes, const Origin& origin, Tag tag,
                 std::uint8_t flags);
  void hash_what_is_added() {
    if (checksum_) checksum_->advance(reinterpret_cast<const std::byte*>(base_), end_);
  }
  // Of a table of so many records and of the places.
  std::size_t bytes_behind(std::size_t records) const {
    return records * sizeof(RecordEntry) + places_.size() * sizeof(Place);
  }
  bool take_id(RecordEntry& entry, std::uint64_t& row);

  char* base_ = nullptr;      // the given space, or spilled_
  std::size_t capacity_ = 0;  // of base_
  std::size_t end_ = 0;       // behind the last payload
  FrameOrigin origin_;
  std::vector<RecordEntry> table_;
  std::vector<Place> places_;
  ByteBuffer spilled_;
  ByteBuffer copy_;
  ByteBuffer payload_;  // being built, in the free space as long as that is enough
  std::optional<ipc::FrameChecksum> checksum_;
  bool is_spilled_ = false;
};

}  // namespace datagen
