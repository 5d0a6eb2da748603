// For sources: splits a file of JSON Lines into frames. Lines are not parsed here, only found: a bad one is
// noticed by whoever looks at it first, or by the sink.
//
// Owner: the one worker of a source. When it dies nothing is lost: its successor opens a new reader at the
// position that the last published frame carries in its cursor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <datagen/input_stream.h>
#include <datagen/source.h>

namespace datagen {

class ByteBuffer;
class LineEnds;

class JsonLinesReader {
 public:
  // Lines longer than `line_bytes_max` are rejected.
  explicit JsonLinesReader(std::uint64_t line_bytes_max);
  ~JsonLinesReader();

  // Reads on from `position`, where the stream stands.
  void open(std::unique_ptr<InputStream> input, const SourcePosition& position);
  // The same from `fd` (not owned), up to `end` bytes of the input, or its end of file. `name` is for
  // messages.
  void open(int fd, std::string name, const SourcePosition& position, std::uint64_t end);

  // Fills one frame with whole lines (none, of a live stream that is silent); false when the input is at its
  // end and nothing was left. Blank lines are skipped but counted, CR before LF and a byte order mark at the
  // beginning do not belong to a line. Throws what the stream throws, when all whole lines before are in
  // frames.
  bool read(SourceFrame& frame);

  // Behind the last line of the last frame.
  const SourcePosition& position() const { return position_; }
  // From where position() can be reached again.
  AccessPoint access_point() { return input_->access_point(position_.offset); }
  std::uint64_t file_offset() const { return input_ ? input_->file_offset() : 0; }

 private:
  std::size_t fill(char* to, std::size_t wanted);
  std::size_t take_lines(SourceFrame& frame, const char* bytes, std::size_t size);
  bool take_line(SourceFrame& frame, const char* bytes, std::size_t begin, std::size_t end,
                 std::uint64_t row);
  void read_long_line(SourceFrame& frame, std::string_view begun);
  void skip_byte_order_mark();

  std::uint64_t line_bytes_max_;
  std::unique_ptr<InputStream> input_;
  SourcePosition position_;
  bool at_end_ = false;
  std::exception_ptr failure_;         // of the stream; thrown when nothing else is left
  std::unique_ptr<ByteBuffer> carry_;  // read, but not yet in a frame
  std::unique_ptr<LineEnds> line_ends_;
  std::size_t bytes_per_line_ = 128;  // of the last frame; decides how much of a frame is left to its table
};

}  // namespace datagen
