// Frames: written and read back, spilled, filled in place, and damaged in every way.
#include "frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace datagen {
namespace {

using Bytes = std::vector<std::byte>;

FrameOrigin origin_of(std::uint64_t row, std::uint64_t line, std::uint64_t offset) {
  FrameOrigin origin;
  origin.first_row = row;
  origin.first_line = line;
  origin.offset = offset;
  origin.source = 2;
  return origin;
}

// A frame of its own memory with nothing readable behind it.
Bytes copy(std::span<const std::byte> frame) { return Bytes(frame.begin(), frame.end()); }

Bytes small_frame() {
  Bytes space(4096);
  FrameWriter writer;
  writer.begin(space, origin_of(100, 51, 7000));
  writer.add(R"({"a":1})", "", {100, 51, 7000, 2}, Tag::json, 0);
  writer.add(R"({"b":22})", "0_3", {101, 52, 7010, 2}, Tag::msgpack, kValidated);
  writer.add("", "end_0", {kNoRow, 0, 7010, 2}, Tag::msgpack, kValidated);
  return copy(writer.finish("side bytes"));
}

// Touches every byte that a reader would hand out.
std::size_t read_all(const FrameReader& reader) {
  std::size_t sum = reader.side().size();
  for (const char c : reader.side()) sum += static_cast<unsigned char>(c);
  for (const char c : reader.origin().cursor_view()) sum += static_cast<unsigned char>(c);
  for (std::size_t index = 0; index < reader.size(); ++index) {
    const RecordView record = reader[index];
    for (const char c : record.payload) sum += static_cast<unsigned char>(c);
    for (const char c : record.path) sum += static_cast<unsigned char>(c);
    sum += record.origin.row;
  }
  return sum;
}

// Rows that were merged from several inputs stand in no order that the header could tell.
Bytes merged_frame(std::vector<Place> places) {
  Bytes space(4096);
  FrameWriter writer;
  writer.begin(space, origin_of(40, 0, 0));
  for (std::size_t row = 0; row < places.size(); ++row) {
    writer.add_place(places[row]);
    if (row != 1) writer.add("{}", "", {40 + row, 0, 0, 0}, Tag::json, 0);  // 41 could not be read
  }
  return copy(writer.finish("side"));
}

TEST(Frame, PlacesOfMergedRowsGoAlongFromFrameToFrame) {
  const Bytes read = merged_frame({{7, 700, 2}, {8, 800, 0}, {1ULL << 40, 1ULL << 50, 1}});
  const auto opened = FrameReader::open(read);
  ASSERT_TRUE(opened.has_value());
  // A stage that makes two children of the last row, and drops the first.
  Bytes space(4096);
  FrameWriter writer;
  writer.begin_from(space, opened.value());
  writer.add("[1]", "0", opened.value()[1].origin, Tag::msgpack, 0);
  writer.add("[2]", "1", opened.value()[1].origin, Tag::msgpack, 0);
  writer.add("[3]", "end_0", {kNoRow, 0, 0, 0}, Tag::msgpack, 0);
  writer.finish("counts");
  const Bytes made = copy(writer.copy_without_side());
  const auto again = FrameReader::open(made);
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(again.value().size(), 3u);
  for (std::size_t child = 0; child < 2; ++child) {
    const Origin origin = again.value()[child].origin;
    EXPECT_EQ(origin.row, 42u);
    EXPECT_EQ(origin.line, 1ULL << 40);
    EXPECT_EQ(origin.offset, 1ULL << 50);
    EXPECT_EQ(origin.source, 1u);
  }
  EXPECT_EQ(again.value()[2].origin.row, kNoRow);
  EXPECT_EQ(again.value().side(), "");
  // Written anew for rows of one input, it has none.
  writer.begin(space, origin_of(1, 1, 0));
  writer.add("{}", "", {1, 1, 0, 2}, Tag::json, 0);
  const auto plain = FrameReader::open(writer.finish({}));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain.value().places(), "");
  EXPECT_EQ(plain.value()[0].origin.source, 2u);
}

TEST(Frame, PlacesThatDoNotFitAreRefused) {
  const Bytes whole = merged_frame({{7, 700, 2}, {8, 800, 0}});
  for (const std::uint64_t count :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, ~std::uint64_t{0} / 24}) {
    Bytes bytes = whole;
    FrameHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.origin.places = count;
    std::memcpy(bytes.data(), &header, sizeof header);
    EXPECT_FALSE(FrameReader::open(bytes).has_value()) << count;
  }
}

TEST(Frame, PlacesMoveWithAFrameThatOutgrowsItsBlock) {
  Bytes space(sizeof(FrameHeader) + 100);
  FrameWriter writer;
  writer.begin(space, origin_of(0, 0, 0));
  for (std::uint64_t row = 0; row < 50; ++row) {
    writer.add_place({row + 1, row * 10, 0});
    writer.add(R"({"n":1})", "", {row, 0, 0, 0}, Tag::json, 0);
  }
  const auto opened = FrameReader::open(writer.finish("side"));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened.value()[49].origin.line, 50u);
  EXPECT_EQ(opened.value().side(), "side");
}

TEST(Frame, GivesBackWhatWasWritten) {
  const Bytes bytes = small_frame();
  const auto opened = FrameReader::open(bytes);
  ASSERT_TRUE(opened.has_value());
  const FrameReader& reader = opened.value();
  ASSERT_EQ(reader.size(), 3u);
  EXPECT_EQ(reader.side(), "side bytes");
  EXPECT_EQ(reader.bytes(), bytes.size());
  EXPECT_EQ(reader[0].payload, R"({"a":1})");
  EXPECT_EQ(reader[0].path, "");
  EXPECT_EQ(reader[0].tag, Tag::json);
  EXPECT_EQ(reader[0].flags, 0);
  EXPECT_EQ(reader[0].origin.row, 100u);
  EXPECT_EQ(reader[0].origin.line, 51u);
  EXPECT_EQ(reader[0].origin.offset, 7000u);
  EXPECT_EQ(reader[0].origin.source, 2u);
  EXPECT_EQ(reader[1].payload, R"({"b":22})");
  EXPECT_EQ(reader[1].path, "0_3");
  EXPECT_EQ(reader[1].tag, Tag::msgpack);
  EXPECT_EQ(reader[1].flags, kValidated);
  EXPECT_EQ(reader[1].origin.row, 101u);
  EXPECT_EQ(reader[1].origin.line, 52u);
  EXPECT_EQ(reader[1].origin.offset, 7010u);
  EXPECT_EQ(reader[2].payload, "");
  EXPECT_EQ(reader[2].path, "end_0");
  EXPECT_EQ(reader[2].origin.row, kNoRow);
}

TEST(Frame, MayBeEmpty) {
  Bytes space(sizeof(FrameHeader));
  FrameWriter writer;
  writer.begin(space, {});
  const Bytes bytes = copy(writer.finish({}));
  const auto opened = FrameReader::open(bytes);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened.value().size(), 0u);
  EXPECT_EQ(opened.value().side(), "");
}

TEST(Frame, CarriesCursorAndMark) {
  Bytes space(4096);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kCursorBytesMax}) {
    const std::string cursor(size, '\xfe');
    FrameWriter writer;
    writer.begin(space, {});
    writer.origin().set_cursor(cursor);
    writer.origin().mark = std::uint64_t{3} << 32 | 9;
    const Bytes bytes = copy(writer.finish({}));
    const auto opened = FrameReader::open(bytes);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(opened.value().origin().cursor_view(), cursor);
    EXPECT_EQ(opened.value().origin().mark, std::uint64_t{3} << 32 | 9);
  }
}

TEST(Frame, StaysInItsSpaceAsLongAsItFits) {
  Bytes space(4096);
  FrameWriter writer;
  writer.begin(space, {});
  writer.add("{}", "", {}, Tag::json, 0);
  EXPECT_EQ(writer.finish("side").data(), space.data());
}

TEST(Frame, SpillsWhenItOutgrowsItsSpaceAndLosesNothing) {
  for (std::size_t capacity = sizeof(FrameHeader); capacity < sizeof(FrameHeader) + 300; ++capacity) {
    Bytes space(capacity);  // ASan sees a byte written behind it
    FrameWriter writer;
    for (int round = 0; round < 2; ++round) {
      writer.begin(space, origin_of(5, 6, 7));
      for (std::uint32_t index = 0; index < 8; ++index) {
        writer.add(std::string(index * 3, static_cast<char>('a' + index)), std::to_string(index),
                   {5 + index, 0, 7, 2}, Tag::msgpack, kValidated);
      }
      const Bytes bytes = copy(writer.finish("the side section"));
      const auto opened = FrameReader::open(bytes);
      ASSERT_TRUE(opened.has_value()) << capacity;
      ASSERT_EQ(opened.value().size(), 8u);
      EXPECT_EQ(opened.value().side(), "the side section");
      EXPECT_EQ(opened.value().origin().first_line, 6u);
      for (std::uint32_t index = 0; index < 8; ++index) {
        ASSERT_EQ(opened.value()[index].payload, std::string(index * 3, static_cast<char>('a' + index)))
            << capacity;
        ASSERT_EQ(opened.value()[index].path, std::to_string(index));
        ASSERT_EQ(opened.value()[index].origin.row, 5 + index);
      }
    }
  }
}

TEST(Frame, GrowsToManyTimesItsSpace) {
  Bytes space(sizeof(FrameHeader) + 600);
  FrameWriter writer;
  writer.begin(space, {});
  std::mt19937 random(7);
  std::vector<std::string> payloads;
  for (int index = 0; index < 3000; ++index)
    payloads.push_back(std::string(random() % 700, static_cast<char>(index)));
  for (const std::string& payload : payloads) writer.add(payload, "", {}, Tag::json, 0);
  const std::size_t before = writer.bytes();
  const Bytes bytes = copy(writer.finish(std::string(5000, 's')));
  EXPECT_LE(before, bytes.size());
  const auto opened = FrameReader::open(bytes);
  ASSERT_TRUE(opened.has_value());
  for (std::size_t index = 0; index < payloads.size(); ++index)
    ASSERT_EQ(opened.value()[index].payload, payloads[index]);
}

// By chance: payloads that fit, outgrow what is left, or come when the frame has moved already.
TEST(Frame, IsTheSameWhetherAPayloadIsCopiedOrBuiltInPlace) {
  std::mt19937_64 random(31);
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t space_bytes = sizeof(FrameHeader) + random() % 1'000;
    Bytes copied_space(space_bytes), built_space(space_bytes);
    FrameWriter copied, built;
    copied.begin(copied_space, origin_of(5, 1, 0));
    built.begin(built_space, origin_of(5, 1, 0));
    for (std::size_t record = 0, count = random() % 20; record < count; ++record) {
      const std::string payload(1 + random() % 60, static_cast<char>('a' + record));
      const std::string path(random() % 3, '7');
      const Tag tag = random() % 2 == 0 ? Tag::json : Tag::msgpack;
      const Origin origin{5 + record, 1 + record, 10 * record, 2};
      copied.add(payload, path, origin, tag, kValidated);
      ByteBuffer& out = built.begin_payload(path);
      const std::size_t half = random() % payload.size();
      out.append(std::string_view(payload).substr(0, half));
      out.append(std::string_view(payload).substr(half));
      built.end_payload(path, origin, tag, kValidated);
    }
    ASSERT_EQ(copy(built.finish("side")), copy(copied.finish("side"))) << round;
  }
}

TEST(Frame, TakesRecordsInPlace) {
  Bytes space(8192);
  FrameWriter writer;
  writer.begin(space, origin_of(10, 11, 500));
  const std::string file = "{\"a\":1}\n\n{\"b\":2}\n";
  const std::span<char> room = writer.room();
  ASSERT_GE(room.size(), file.size());
  std::memcpy(room.data(), file.data(), file.size());
  writer.add_in_place(0, 7, 0);
  writer.add_in_place(9, 7, 2);
  writer.set_in_place_bytes(file.size());
  const Bytes bytes = copy(writer.finish("side"));
  const auto opened = FrameReader::open(bytes);
  ASSERT_TRUE(opened.has_value());
  ASSERT_EQ(opened.value().size(), 2u);
  EXPECT_EQ(opened.value()[1].payload, "{\"b\":2}");
  EXPECT_EQ(opened.value()[1].origin.row, 12u);
  EXPECT_EQ(opened.value()[1].origin.line, 13u);
  EXPECT_EQ(opened.value()[1].origin.offset, 509u);
  EXPECT_EQ(opened.value().side(), "side");
}

TEST(Frame, AFullRoomLeavesPlaceForItsTable) {
  Bytes space(2000);
  FrameWriter writer;
  writer.begin(space, {});
  const std::span<char> room = writer.room();
  std::memset(room.data(), 'x', room.size());
  writer.add_in_place(0, room.size(), 0);
  writer.set_in_place_bytes(room.size());
  const auto finished = writer.finish({});
  EXPECT_EQ(finished.data(), space.data());
  const auto opened = FrameReader::open(finished);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened.value()[0].payload, std::string(room.size(), 'x'));
}

// A frame of these lines, as a source fills it, with its ids taken.
bool take_ids(const std::vector<std::string>& lines, FrameWriter& writer, Bytes& space) {
  space.resize(16384);
  writer.begin(space, origin_of(10, 11, 0));
  std::size_t end = 0;
  std::uint32_t row = 0;
  const std::span<char> room = writer.room();
  for (const std::string& line : lines) {
    std::copy(line.begin(), line.end(), room.begin() + static_cast<std::ptrdiff_t>(end));
    writer.add_in_place(end, line.size(), row++);
    end += line.size();
    room[end++] = '\n';
  }
  writer.set_in_place_bytes(end);
  return writer.take_ids();
}

TEST(Frame, TakesTheIdsOfWhatAGraphWrote) {
  const std::vector<std::string> lines = {R"({"a":1,"_i":7000000000})", R"({"_i":6999999999})",
                                          R"({"a":"\"_i\":5","_i":"7000000001_0_12"})",
                                          R"({"_i":"8000000000_3"})", R"({"b":{},"_i":"end_0_1"})"};
  FrameWriter writer;
  Bytes space;
  ASSERT_TRUE(take_ids(lines, writer, space));
  const auto frame = writer.finish({});
  const auto opened = FrameReader::open(frame);
  ASSERT_TRUE(opened.has_value());
  struct Expected {
    const char* payload;
    std::uint64_t row;
    const char* path;
  };
  const Expected expected[] = {{R"({"a":1})", 7000000000, ""},
                               {"{}", 6999999999, ""},
                               {R"({"a":"\"_i\":5"})", 7000000001, "0_12"},
                               {"{}", 8000000000, "3"},
                               {R"({"b":{}})", kNoRow, "end_0_1"}};
  ASSERT_EQ(opened.value().size(), std::size(expected));
  std::size_t offset = 0;
  for (std::size_t index = 0; index < std::size(expected); ++index) {
    const RecordView record = opened.value()[index];
    EXPECT_EQ(record.payload, expected[index].payload);
    EXPECT_EQ(record.origin.row, expected[index].row);
    EXPECT_EQ(record.path, expected[index].path);
    EXPECT_EQ(record.origin.line, 0u);
    EXPECT_EQ(record.origin.offset, offset);
    offset += lines[index].size() + 1;
  }
}

TEST(Frame, DoesNotTakeARecordWithoutId) {
  for (const char* line :
       {"", "{}", R"({"a":1})", R"("_i":1)", R"({"_i":1,"a":2})", R"({"_i":-1})", R"({"_i":"A_1"})",
        R"({"_i":""})", R"({"_i":99999999999999999999999})", R"({"_i":1)"}) {
    FrameWriter writer;
    Bytes space;
    EXPECT_FALSE(take_ids({line}, writer, space)) << line;
  }
  FrameWriter writer;
  Bytes space;  // rows further apart than an entry can tell
  EXPECT_FALSE(take_ids({R"({"_i":0})", R"({"_i":4294967295})"}, writer, space));
}

// ---- damage

TEST(Frame, RefusesEveryTruncatedLength) {
  const Bytes bytes = small_frame();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(FrameReader::open(cut).has_value()) << length;
  }
}

TEST(Frame, RefusesBytesBehindItsEnd) {
  Bytes bytes = small_frame();
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(FrameReader::open(bytes).has_value());
}

TEST(Frame, SurvivesEveryFlippedBit) {
  const Bytes bytes = small_frame();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = bytes;
      damaged[at] ^= std::byte(1 << bit);
      const auto opened = FrameReader::open(damaged);
      if (opened.has_value()) read_all(opened.value());
      if (at < offsetof(FrameHeader, origin)) {
        EXPECT_FALSE(opened.has_value()) << "byte " << at << ", bit " << bit;
      }
    }
  }
}

TEST(Frame, SurvivesEveryByteSetToEveryExtreme) {
  const Bytes bytes = small_frame();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes damaged = bytes;
      damaged[at] = std::byte(value);
      const auto opened = FrameReader::open(damaged);
      if (opened.has_value()) read_all(opened.value());
    }
  }
}

TEST(Frame, SurvivesOffsetsThatOverflow) {
  const Bytes bytes = small_frame();
  const std::uint64_t extremes[] = {0,
                                    1,
                                    8,
                                    31,
                                    100,
                                    1u << 31,
                                    0xffffffff,
                                    std::uint64_t{1} << 63,
                                    ~std::uint64_t{0},
                                    ~std::uint64_t{0} - 19,
                                    bytes.size(),
                                    bytes.size() - 1,
                                    bytes.size() + 1};
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 4) {
    for (const std::uint64_t value : extremes) {
      Bytes damaged = bytes;
      std::memcpy(damaged.data() + at, &value, 8);
      auto opened = FrameReader::open(damaged);
      if (opened.has_value()) read_all(opened.value());
      damaged = bytes;
      std::memcpy(damaged.data() + at, &value, 4);
      opened = FrameReader::open(damaged);
      if (opened.has_value()) read_all(opened.value());
    }
  }
}

TEST(Frame, SurvivesRandomBytesBehindAGoodMagic) {
  std::mt19937_64 random(99);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(sizeof(FrameHeader) + random() % 200);
    for (std::byte& byte : bytes) byte = std::byte(random() % (round % 2 == 0 ? 256 : 3));
    FrameHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.magic = kFrameMagic;
    header.frame_bytes = bytes.size();
    if (round % 3 == 0) {
      header.records = random() % 10;
      header.table_offset = sizeof header + random() % 100;
      header.side_offset = header.table_offset + header.records * sizeof(RecordEntry);
      header.origin.cursor_bytes = random() % 300;
    }
    std::memcpy(bytes.data(), &header, sizeof header);
    const auto opened = FrameReader::open(bytes);
    if (opened.has_value()) read_all(opened.value());
  }
}

}  // namespace
}  // namespace datagen
