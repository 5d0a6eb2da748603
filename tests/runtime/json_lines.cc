// JSON Lines into frames, against a naive splitter: whatever the file holds and wherever frames cut it.
#include "datagen/json_lines.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <simdjson.h>
#include <algorithm>
#include <cerrno>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "dead_letter.h"
#include "frame.h"
#include "side_section.h"

namespace datagen {
namespace {

struct Line {
  std::string text;
  std::uint64_t row, line, offset;
  bool rejected = false;
  friend bool operator==(const Line&, const Line&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Line& it) {
    return out << (it.rejected ? "rejected " : "") << "row " << it.row << " line " << it.line << " offset "
               << it.offset << " '" << it.text.substr(0, 60) << "' (" << it.text.size() << " bytes)";
  }
};

// The rule: LF ends a line, one CR before it goes, a BOM at the very beginning goes, blank lines count.
std::vector<Line> split_naively(std::string_view file, std::size_t limit) {
  std::vector<Line> lines;
  std::size_t begin = file.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;
  for (std::uint64_t row = 0; begin < file.size(); ++row) {
    const std::size_t end = std::min(file.find('\n', begin), file.size());
    std::string_view text = file.substr(begin, end - begin);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    const bool blank = text.find_first_not_of(" \t\r") == text.npos;
    if (!blank && text.size() > limit) {
      lines.push_back({"", row, row + 1, begin, true});
    } else if (!blank) {
      lines.push_back({std::string(text), row, row + 1, begin});
    }
    begin = end + 1;
  }
  return lines;
}

class InputFd {
 public:
  explicit InputFd(std::string_view bytes) {
    char path[] = "/tmp/test_json_lines_XXXXXX";
    fd_ = mkstemp(path);
    unlink(path);
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written <= 0) throw std::system_error(errno, std::generic_category(), "write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    lseek(fd_, 0, SEEK_SET);
  }
  ~InputFd() { close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

constexpr std::size_t kNoLimit = 1 << 30;

struct Reading {
  std::vector<Line> lines;
  std::uint64_t one_line = 0;             // of them, those that say so
  std::vector<SourcePosition> positions;  // behind each frame
  StageCounts counts;
  std::vector<std::string> dead_letters;
};

Reading read_fd(int fd, std::size_t frame_bytes, std::size_t limit, const SourcePosition& from,
                std::uint64_t end = ~std::uint64_t{0}) {
  Reading reading;
  JsonLinesReader reader(limit);
  reader.open(fd, "test", from, end);
  const DeadLetterContext dead_letters{"source", {"test"}};
  std::vector<std::byte> space(frame_bytes);  // exactly: ASan sees a byte too many
  FrameWriter writer;
  for (;;) {
    StageNotes notes;
    writer.begin(space, {});
    SourceFrame source(writer, notes, dead_letters);
    const bool more = reader.read(source);
    const auto finished = writer.finish({});
    const std::vector<std::byte> bytes(finished.begin(), finished.end());
    const auto frame = FrameReader::open(bytes);
    if (!frame.has_value()) throw std::logic_error(frame.error().message());
    if (!more) {
      EXPECT_EQ(frame.value().size(), 0u);
      return reading;
    }
    std::vector<Line> lines;
    for (std::size_t index = 0; index < frame.value().size(); ++index) {
      const RecordView record = frame.value()[index];
      if (record.flags & kOneLine) {
        EXPECT_EQ(record.payload.find_first_of("\r\n"), record.payload.npos) << record.payload;
        ++reading.one_line;
      }
      lines.push_back(
          {std::string(record.payload), record.origin.row, record.origin.line, record.origin.offset});
    }
    for (const std::string& letter : notes.dead_letters) {
      simdjson::dom::parser parser;
      const simdjson::padded_string padded(letter);
      const simdjson::dom::element parsed = parser.parse(padded);
      EXPECT_EQ(std::string_view(parsed["reason"]), "too_long");
      lines.push_back({"", std::uint64_t(parsed["id"]), std::uint64_t(parsed["source"]["line"]),
                       std::uint64_t(parsed["source"]["offset"]), true});
      reading.dead_letters.push_back(letter);
    }
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.row < b.row; });
    reading.lines.insert(reading.lines.end(), lines.begin(), lines.end());
    reading.counts += notes.counts;
    EXPECT_TRUE(notes.counts.is_balanced());
    reading.positions.push_back(reader.position());
    if (reading.positions.size() > 1000000) throw std::logic_error("the reader does not advance");
  }
}

Reading read(std::string_view file, std::size_t frame_bytes = 8192, std::size_t limit = kNoLimit) {
  const InputFd input(file);
  return read_fd(input.get(), frame_bytes, limit, {});
}

// Frame sizes from the least that holds anything; a source leaves an eighth free.
constexpr std::size_t kLeast = sizeof(FrameHeader) + (sizeof(RecordEntry) + 8 + 1) * 8 / 7 + 1;

void expect_naive(const std::string& file, std::size_t frame_bytes = 8192, std::size_t limit = kNoLimit) {
  const Reading reading = read(file, frame_bytes, limit);
  const std::vector<Line> expected = split_naively(file, limit);
  ASSERT_EQ(reading.lines.size(), expected.size()) << "frames of " << frame_bytes;
  for (std::size_t index = 0; index < expected.size(); ++index) {
    ASSERT_EQ(reading.lines[index], expected[index]) << "frames of " << frame_bytes;
  }
  EXPECT_EQ(reading.counts.in, expected.size());
}

TEST(JsonLines, SaysOfRecordsThatTheyAreOneLine) {
  const auto count = [](std::string_view bytes) {
    const InputFd file(bytes);
    return read_fd(file.get(), 8192, kNoLimit, {}).one_line;
  };
  EXPECT_EQ(count("{}\n{\"a\":1}\n\n{}"), 3u);
  EXPECT_EQ(count("{}"), 1u);
  EXPECT_EQ(count("{}\n{\r}\n"), 0u) << "it is known of all of a piece, or of none";
  EXPECT_EQ(count("{}\r\n{}\r\n"), 0u);
}

TEST(JsonLines, SplitsLines) {
  const Reading reading = read("{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{\"a\":1}", 0, 1, 0}, {"{\"b\":2}", 1, 2, 8}}));
  EXPECT_EQ(reading.counts.in, 2u);
  EXPECT_EQ(reading.counts.out, 2u);
}

TEST(JsonLines, TakesALastLineWithoutNewline) {
  expect_naive("{}\n{\"a\":1}");
  expect_naive("{}");
  expect_naive("{}\r");
  EXPECT_EQ(read("{}\n{\"a\":1}").lines.back(), (Line{"{\"a\":1}", 1, 2, 3}));
}

TEST(JsonLines, SkipsBlankLinesButCountsThem) {
  const Reading reading = read("\n  \n{\"a\":1}\n\r\n\t\r\n{\"b\":2}\n\n\n");
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{\"a\":1}", 2, 3, 4}, {"{\"b\":2}", 5, 6, 17}}));
  EXPECT_EQ(reading.positions.back().row, 8u);
  EXPECT_EQ(reading.positions.back().offset, 27u);
  EXPECT_EQ(reading.counts.in, 2u);
}

TEST(JsonLines, TakesCarriageReturnsBeforeNewlinesAway) {
  const Reading reading = read("{}\r\n{\"a\":\r1}\r\n");
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{}", 0, 1, 0}, {"{\"a\":\r1}", 1, 2, 4}}));
}

TEST(JsonLines, TakesAByteOrderMarkAwayAtTheBeginningOnly) {
  const Reading reading = read("\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n");
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{}", 0, 1, 3}, {"\xef\xbb\xbf{}", 1, 2, 6}}));
  for (const char* file :
       {"\xef\xbb\xbf", "\xef\xbb", "\xef", "\xef\xbb\xbf\n", "\xef\xbb\xbf\xef\xbb\xbf{}", "\xef\xbb{}\n"}) {
    for (std::size_t frame = kLeast; frame < kLeast + 12; ++frame) expect_naive(file, frame);
  }
}

TEST(JsonLines, AnEmptyFileHasNoFrame) {
  EXPECT_TRUE(read("").positions.empty());
  EXPECT_TRUE(read("\n").lines.empty());
}

TEST(JsonLines, FramesOfEverySizeCutTheSameLines) {
  const std::string file = "\xef\xbb\xbf{\"a\":1}\n\n{}\r\n   \n{\"long\":\"" + std::string(150, 'x') +
                           "\"}\r\n1\n2\n\n\n{\"b\":\"\xc3\xa9\"}\n{\"last\":0}";
  for (std::size_t frame = kLeast; frame < kLeast + 400; ++frame) expect_naive(file, frame);
}

TEST(JsonLines, LinesOfOneByteFillFramesToTheirTable) {
  std::string file;
  for (int line = 0; line < 20000; ++line) file += "1\n";
  for (const std::size_t frame : {kLeast, kLeast + 1, kLeast + 130, std::size_t{4096}, std::size_t{65536}}) {
    expect_naive(file, frame);
  }
}

TEST(JsonLines, ALineLongerThanAFrameIsFramedAlone) {
  for (const std::size_t size : {7000u, 8191u, 8192u, 8193u, 65535u, 65536u, 65537u, 131072u, 1000000u}) {
    const std::string line(size, 'y');
    expect_naive("{}\n" + line + "\n{\"a\":1}\n");
    expect_naive(line);
    expect_naive(line + "\r\n" + line + "\r\n\n" + line + "\n1");
  }
}

TEST(JsonLines, ALineOverTheLimitIsRejectedWithItsLengthAndPlace) {
  for (const std::size_t frame : {kLeast + 50, std::size_t{8192}, std::size_t{1} << 20}) {
    for (const std::size_t size : {101u, 5000u, 70000u, 200000u}) {
      const std::string file = "{}\n" + std::string(size, 'z') + "\r\n{\"b\":1}\n";
      const Reading reading = read(file, frame, 100);
      EXPECT_EQ(reading.lines,
                (std::vector<Line>{{"{}", 0, 1, 0}, {"", 1, 2, 3, true}, {"{\"b\":1}", 2, 3, size + 5}}));
      ASSERT_EQ(reading.dead_letters.size(), 1u);
      EXPECT_NE(
          reading.dead_letters[0].find("the line has " + std::to_string(size) + " bytes, the limit is 100"),
          std::string::npos)
          << reading.dead_letters[0].substr(0, 200);
      EXPECT_EQ(reading.counts.in, 3u);
      EXPECT_EQ(reading.counts.out, 2u);
      EXPECT_EQ(reading.counts.dead, 1u);
    }
  }
}

TEST(JsonLines, TheLimitIsTheSameWhereverTheLineIsCut) {
  for (std::size_t frame = kLeast; frame < kLeast + 150; ++frame) {
    for (const std::size_t size : {49u, 50u, 51u, 52u}) {
      expect_naive("{}\n" + std::string(size, 'q') + "\r\n{}\n" + std::string(size, 'q'), frame, 50);
    }
  }
}

TEST(JsonLines, ABlankLineIsSkippedHoweverLong) {
  for (const std::size_t size : {10u, 200u, 100000u}) {
    for (const std::size_t frame : {kLeast, std::size_t{8192}, std::size_t{1} << 20}) {
      expect_naive("{}\n" + std::string(size, ' ') + "\n{}\n", frame, 50);
    }
  }
}

TEST(JsonLines, AgreesWithTheNaiveSplitterOnRandomFiles) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kPieces[] = {"\n",
                                          "\n",
                                          "\r\n",
                                          "\r",
                                          " ",
                                          "\t",
                                          "{}",
                                          "1",
                                          "{\"a\":\"\xc3\xa9\"}",
                                          "\xef\xbb\xbf",
                                          "\xff",
                                          "x",
                                          "{\"text\":\"some longer text in a record of the usual kind\"}"};
  for (int round = 0; round < 3000; ++round) {
    std::string file = random() % 4 == 0 ? "\xef\xbb\xbf" : "";
    const std::size_t pieces = random() % 120;
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      file += kPieces[random() % std::size(kPieces)];
      if (random() % 60 == 0) file += std::string(random() % 3000, 'L');
    }
    const std::size_t frame = kLeast + random() % (round % 2 == 0 ? 100 : 3000);
    const std::size_t limit = random() % 3 == 0 ? 60 : kNoLimit;
    ASSERT_NO_FATAL_FAILURE(expect_naive(file, frame, limit));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(JsonLines, ReadingGoesOnAtTheEndOfEveryFrame) {
  const std::string file =
      "\xef\xbb\xbf{\"a\":1}\n\n{\"bb\":22}\r\n" + std::string(400, 'x') + "\n1\n2\n \n{\"last\":3}";
  for (std::size_t frame = kLeast; frame < kLeast + 100; frame += 3) {
    const Reading whole = read(file, frame);
    for (const SourcePosition& position : whole.positions) {
      const InputFd input(file);
      lseek(input.get(), static_cast<off_t>(position.offset), SEEK_SET);
      const Reading rest = read_fd(input.get(), frame, kNoLimit, position);
      std::vector<Line> expected;
      for (const Line& line : whole.lines) {
        if (line.row >= position.row) expected.push_back(line);
      }
      ASSERT_EQ(rest.lines, expected) << "frames of " << frame << " from row " << position.row;
    }
  }
}

TEST(JsonLines, ReadsNoFurtherThanToldWhenTheFileGrows) {
  const InputFd input("{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
  const Reading reading = read_fd(input.get(), 4096, kNoLimit, {}, 16);
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{\"a\":1}", 0, 1, 0}, {"{\"b\":2}", 1, 2, 8}}));
}

TEST(JsonLines, RowsGoOnFromTheStartPosition) {
  const InputFd input("{}\n{}\n");
  SourcePosition from;
  from.row = 1000;
  from.source = 3;
  const Reading reading = read_fd(input.get(), 4096, kNoLimit, from);
  EXPECT_EQ(reading.lines, (std::vector<Line>{{"{}", 1000, 1, 0}, {"{}", 1001, 2, 3}}));
}

TEST(JsonLines, AReadErrorIsThrownWithTheName) {
  JsonLinesReader reader(kNoLimit);
  try {
    reader.open(-1, "some/file.jsonl", {}, ~std::uint64_t{0});
    FAIL() << "reading from no file";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("some/file.jsonl"), std::string::npos) << error.what();
    EXPECT_EQ(error.code().value(), EBADF);
  }
}

TEST(JsonLines, APipeIsReadAsItComes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "{}\n{\"a\"", 7), 7);
  ASSERT_EQ(write(ends[1], ":1}\n", 4), 4);
  close(ends[1]);
  EXPECT_EQ(read_fd(ends[0], 4096, kNoLimit, {}).lines,
            (std::vector<Line>{{"{}", 0, 1, 0}, {"{\"a\":1}", 1, 2, 3}}));
  close(ends[0]);
}

}  // namespace
}  // namespace datagen
