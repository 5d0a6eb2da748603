#include "datagen/json_lines.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "byte_buffer.h"
#include "line_ends.h"

namespace datagen {

namespace {

constexpr std::size_t kTableBytesPerLine = 20;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kIdleMs = 50;  // until a live stream that is silent is left for a moment
constexpr std::size_t kRejectedBytesKept = 4096;

bool is_blank(const char* begin, const char* end) {
  return std::all_of(begin, end, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

}  // namespace

JsonLinesReader::JsonLinesReader(std::uint64_t line_bytes_max)
    : line_bytes_max_(line_bytes_max),
      carry_(std::make_unique<ByteBuffer>()),
      line_ends_(std::make_unique<LineEnds>()) {}

JsonLinesReader::~JsonLinesReader() = default;

void JsonLinesReader::open(std::unique_ptr<InputStream> input, const SourcePosition& position) {
  input_ = std::move(input);
  position_ = position;
  at_end_ = false;
  failure_ = nullptr;
  carry_->clear();
  if (position.offset == 0) skip_byte_order_mark();
}

void JsonLinesReader::open(int fd, std::string name, const SourcePosition& position, std::uint64_t end) {
  open(open_descriptor(fd, std::move(name), end - position.offset), position);
}

// Reads until `wanted` bytes are there, or the input ends or fails.
std::size_t JsonLinesReader::fill(char* to, std::size_t wanted) {
  std::size_t done = 0;
  try {
    while (done < wanted && !at_end_ && !failure_) {
      const std::size_t got = input_->read(to + done, wanted - done);
      at_end_ = got == 0;
      done += got;
      if (input_->is_live() && !input_->wait(0)) break;
    }
  } catch (const std::exception&) {
    failure_ = std::current_exception();
  }
  return done;
}

void JsonLinesReader::skip_byte_order_mark() {
  while (carry_->size() < 3 && !at_end_ && !failure_)
    carry_->commit(fill(carry_->reserve(3), 3 - carry_->size()));
  if (carry_->view() == "\xef\xbb\xbf") {
    carry_->clear();
    position_.offset = 3;
  }
  if (failure_ && carry_->empty()) std::rethrow_exception(failure_);
}

bool JsonLinesReader::read(SourceFrame& frame) {
  frame.start(position_);
  const bool is_live = input_->is_live() && !at_end_ && !failure_;
  const bool has_line = carry_->view().find('\n') != std::string_view::npos;
  if (is_live && !has_line && !input_->wait(kIdleMs)) return true;
  const std::span<char> room = frame.room();
  // As many bytes as leave room for the table, going by the last frame's lines; not too few for a longer one.
  std::size_t wanted = std::max(room.size() * bytes_per_line_ / (bytes_per_line_ + kTableBytesPerLine),
                                std::min<std::size_t>((room.size() + 1) / 2, 4096));
  // No more than the frame is to take, since what is left is carried on to the next.
  if (frame.records_left() < room.size() / bytes_per_line_)
    wanted = std::min(wanted, std::max(kReadBytes, frame.records_left() * bytes_per_line_ * 5 / 4));
  std::size_t size = std::min(carry_->size(), room.size());
  std::copy_n(carry_->data(), size, room.data());
  const std::string rest(carry_->view().substr(size));
  carry_->clear();
  if (size < wanted && rest.empty() && !(is_live && has_line && !input_->wait(0)))
    size += fill(room.data() + size, wanted - size);
  if (size == 0 && failure_) std::rethrow_exception(failure_);
  if (size == 0) return false;

  const bool is_last = at_end_ && rest.empty();
  const SourcePosition begin = position_;
  const std::size_t taken = take_lines(frame, room.data(), size);
  if (taken == 0) {
    if (failure_) std::rethrow_exception(failure_);
    const std::string begun = std::string(room.data(), size) + rest;
    if (is_last) {  // a last line without newline
      take_line(frame, room.data(), 0, size, 0);
      frame.set_in_place_bytes(size);
      position_.offset += size;
      ++position_.row;
      ++position_.line;
    } else if (is_live && !at_end_ && !failure_ && size < wanted) {  // the rest of the line comes later
      frame.set_in_place_bytes(0);
      carry_->append(begun);
    } else {
      frame.set_in_place_bytes(0);
      read_long_line(frame, begun);
    }
    return true;
  }
  frame.set_in_place_bytes(taken);
  carry_->append({room.data() + taken, size - taken});
  carry_->append(rest);
  bytes_per_line_ = std::max<std::size_t>(1, taken / std::max<std::uint64_t>(1, position_.row - begin.row));
  return true;
}

// Takes whole lines out of `bytes`; returns how many bytes they are, newlines included.
std::size_t JsonLinesReader::take_lines(SourceFrame& frame, const char* bytes, std::size_t size) {
  std::size_t begin = 0;
  std::uint64_t row = 0;
  std::size_t left = frame.records_left_beside(size);
  for (const std::size_t end : line_ends_->find({bytes, size})) {
    if (left == 0) break;
    left -= take_line(frame, bytes, begin, end, row++) ? 1 : 0;
    begin = end + 1;
  }
  position_.offset += begin;
  position_.row += row;
  position_.line += row;
  return begin;
}

// A line of the bytes that take_lines() was given last. False: there is nothing in it.
bool JsonLinesReader::take_line(SourceFrame& frame, const char* bytes, std::size_t begin, std::size_t end,
                                std::uint64_t row) {
  if (end > begin && bytes[end - 1] == '\r') --end;
  if (end == begin || (bytes[begin] <= ' ' && is_blank(bytes + begin, bytes + end))) return false;
  if (end - begin > line_bytes_max_) {
    SourcePosition at = position_;
    at.row += row;
    at.line += row;
    at.offset += begin;
    frame.reject({bytes + begin, std::min(end - begin, kRejectedBytesKept)}, at, "too_long",
                 "the line has " + std::to_string(end - begin) + " bytes, the limit is " +
                     std::to_string(line_bytes_max_));
    return true;
  }
  frame.add_in_place(begin, end - begin, static_cast<std::uint32_t>(row), !line_ends_->has_returns());
  return true;
}

// A line that does not fit into a block: collected in memory, and framed alone.
void JsonLinesReader::read_long_line(SourceFrame& frame, std::string_view begun) {
  ByteBuffer line;
  line.append(begun);
  std::size_t searched = 0;
  std::uint64_t dropped = 0;  // bytes of a line over the limit, which are not kept
  bool blank = true;          // so far, what was dropped included
  const char* newline = nullptr;
  for (;;) {
    newline = static_cast<const char*>(std::memchr(line.data() + searched, '\n', line.size() - searched));
    blank =
        blank && is_blank(line.data() + searched, newline != nullptr ? newline : line.data() + line.size());
    if (newline != nullptr || at_end_) break;
    if (failure_) std::rethrow_exception(failure_);
    if (line.size() > line_bytes_max_ + 1) {
      const std::size_t kept = std::min(line.size(), kRejectedBytesKept);
      dropped += line.size() - kept;
      line.resize_down(kept);
    }
    searched = line.size();
    line.commit(fill(line.reserve(kReadBytes), kReadBytes));
  }
  const std::size_t end = newline != nullptr ? static_cast<std::size_t>(newline - line.data()) : line.size();
  const std::size_t behind = newline != nullptr ? end + 1 : end;
  std::string_view text = line.view().substr(0, end);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (blank) {
    // skipped, however long
  } else if (text.size() + dropped > line_bytes_max_) {
    frame.reject(text.substr(0, kRejectedBytesKept), position_, "too_long",
                 "the line has " + std::to_string(text.size() + dropped) + " bytes, the limit is " +
                     std::to_string(line_bytes_max_));
  } else {
    frame.add(text, position_);
  }
  position_.offset += behind + dropped;
  ++position_.row;
  ++position_.line;
  carry_->clear();
  carry_->append(line.view().substr(behind));
}

}  // namespace datagen
