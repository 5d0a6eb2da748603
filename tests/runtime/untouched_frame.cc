// Frames that are handed on as a whole: as if each record had been added by itself. And what is hashed on the
// way is the frame that is published.
#include "untouched_frame.h"

#include <gtest/gtest.h>

#include <simdjson.h>
#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace datagen {
namespace {

constexpr std::uint64_t kSeq = 5;

// A frame with padding behind it, as in a ring.
struct Made {
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  FrameReader reader() const { return FrameReader::open(std::span(bytes).first(size)).value(); }
};

Made copy(std::span<const std::byte> frame) {
  Made made{{frame.begin(), frame.end()}, frame.size()};
  made.bytes.resize(frame.size() + simdjson::SIMDJSON_PADDING);
  return made;
}

// Records of all kinds, `count` of them.
Made mixed_frame(std::size_t count, std::size_t space_bytes = 1 << 20) {
  std::vector<std::byte> space(space_bytes);
  FrameOrigin origin;
  origin.first_row = 70;
  origin.offset = 1000;
  origin.source = 3;
  origin.set_cursor("cursor");
  FrameWriter writer;
  writer.begin(space, origin);
  std::mt19937 random(count);
  for (std::uint64_t row = 0; row < count; ++row) {
    writer.add_place({row + 1, row * 9, row % 2});
    const Origin at{70 + row, 0, 1000 + row, 3};
    const std::string text(random() % 600, 'x');
    switch (random() % 5) {
      case 0:
        writer.add(R"({"a":")" + text + "\"}", "0_1", at, Tag::json, 0);
        break;
      case 1:
        writer.add(R"({"_i":"7","a":")" + text + "\"}", "", at, Tag::json, 0);
        break;
      case 2:
        writer.add("{\"a\": broken" + text, "", at, Tag::json, 0);
        break;
      case 3:
        writer.add("\x80", "2", at, Tag::msgpack, kValidated);
        break;
      default:
        writer.add(" {\"a\":1} ", "", {kNoRow, 0, 1000, 3}, Tag::json, kValidated);
    }
  }
  return copy(writer.finish("side"));
}

Made hand_on(const FrameReader& in, std::size_t space_bytes, bool checks, StageNotes& notes) {
  std::vector<std::byte> space(space_bytes);
  FrameWriter writer;
  writer.begin_from(space, in);
  writer.begin_checksum(kSeq);
  UntouchedFrame().hand_on(in, {}, writer, notes, checks);
  const auto frame = writer.finish("another side");
  EXPECT_EQ(writer.checksum()->finish(frame), ipc::frame_checksum(frame, kSeq));
  return copy(frame);
}

// As a stage does it: `in` is copied to where it is to lie, and hashed in that pass.
Made hand_on_where_it_lies(const Made& in, std::size_t space_bytes, bool checks, StageNotes& notes) {
  std::vector<std::byte> space(space_bytes);
  ipc::FrameSteps steps;
  ipc::copy_frame(space.data(), std::span(in.bytes).first(in.size), ipc::FrameChecksum(kSeq), &steps);
  const FrameReader reader = FrameReader::open(std::span(space).first(in.size)).value();
  FrameWriter writer;
  writer.begin_from(space, reader);
  writer.begin_checksum(kSeq);
  UntouchedFrame().hand_on(reader, steps, writer, notes, checks);
  const auto frame = writer.finish("another side");
  EXPECT_EQ(writer.checksum()->finish(frame), ipc::frame_checksum(frame, kSeq));
  const auto others = writer.copy_without_side();
  EXPECT_EQ(writer.checksum()->finish(others), ipc::frame_checksum(others, kSeq));
  return copy(frame);
}

void expect_same(const FrameReader& left, const FrameReader& right, bool flags_too) {
  ASSERT_EQ(left.size(), right.size());
  EXPECT_EQ(left.places(), right.places());
  EXPECT_EQ(left.origin().cursor_view(), right.origin().cursor_view());
  for (std::size_t index = 0; index < left.size(); ++index) {
    const RecordView a = left[index];
    const RecordView b = right[index];
    EXPECT_EQ(a.payload, b.payload);
    EXPECT_EQ(a.path, b.path);
    EXPECT_EQ(a.tag, b.tag);
    EXPECT_TRUE(a.origin.row == b.origin.row && a.origin.line == b.origin.line &&
                a.origin.offset == b.origin.offset && a.origin.source == b.origin.source)
        << index;
    if (flags_too) {
      EXPECT_EQ(a.flags, b.flags) << index;
    }
  }
}

TEST(UntouchedFrame, HasTheSameRecords) {
  for (const std::size_t count : {0, 1, 10, 400}) {
    const Made in = mixed_frame(count);
    for (const std::size_t space : {std::size_t{4096}, std::size_t{1} << 20}) {  // the first spills
      StageNotes notes;
      const Made out = hand_on(in.reader(), space, false, notes);
      expect_same(in.reader(), out.reader(), true);
      EXPECT_EQ(out.reader().side(), "another side");
      EXPECT_EQ(notes.counts.in, count);
      EXPECT_EQ(notes.counts.out, count);
    }
  }
}

TEST(UntouchedFrame, IsTheSameWhereItWasCopiedTo) {
  for (const std::size_t count : {0, 1, 10, 60, 200, 400}) {
    const Made in = mixed_frame(count);
    // The first has room for it, but none for its side section.
    for (const std::size_t more : {std::size_t{simdjson::SIMDJSON_PADDING}, std::size_t{1} << 20}) {
      for (const bool checks : {false, true}) {
        StageNotes one, other;
        const Made out = hand_on_where_it_lies(in, in.size + more, checks, one);
        const Made expected = hand_on(in.reader(), std::size_t{1} << 20, checks, other);
        EXPECT_EQ(out.size, expected.size);
        EXPECT_TRUE(std::ranges::equal(out.bytes, expected.bytes)) << count << " records";
        EXPECT_EQ(one.counts, other.counts);
      }
    }
  }
}

TEST(UntouchedFrame, DoesNotGrowFromStageToStage) {
  StageNotes notes;
  const Made once = hand_on(mixed_frame(50).reader(), 1 << 20, false, notes);
  const Made twice = hand_on(once.reader(), 1 << 20, false, notes);
  EXPECT_EQ(once.size, twice.size);
}

TEST(UntouchedFrame, MarksWhatIsValid) {
  const Made in = mixed_frame(400);
  StageNotes notes;
  const Made out = hand_on(in.reader(), 1 << 20, true, notes);
  expect_same(in.reader(), out.reader(), false);
  std::size_t marked = 0;
  for (std::size_t index = 0; index < in.reader().size(); ++index) {
    const RecordView before = in.reader()[index];
    const RecordView after = out.reader()[index];
    if (before.tag == Tag::msgpack || (before.flags & kValidated)) {
      EXPECT_EQ(after.flags, before.flags);
    } else if (before.payload.find("broken") != std::string_view::npos) {
      EXPECT_EQ(after.flags, 0);
    } else {
      const bool has_id = before.payload.find("_i") != std::string_view::npos;
      EXPECT_EQ(after.flags, has_id ? kValidated : kValidated | kPlain);
      ++marked;
    }
  }
  EXPECT_GT(marked, 100u);
}

TEST(UntouchedFrame, WhatIsAddedIsHashedOnTheWay) {
  for (const std::size_t space_bytes : {std::size_t{4096}, std::size_t{50'000}, std::size_t{1} << 20}) {
    std::vector<std::byte> space(space_bytes);
    FrameWriter writer;
    writer.begin(space, {});
    writer.begin_checksum(kSeq);
    std::mt19937 random(1);
    for (std::uint64_t row = 0; row < 300; ++row)
      writer.add(std::string(random() % 900, 'y'), "", {row, 0, row, 0}, Tag::json, 0);
    const auto frame = writer.finish("side");
    EXPECT_EQ(writer.checksum()->finish(frame), ipc::frame_checksum(frame, kSeq));
    const auto others = writer.copy_without_side();
    EXPECT_EQ(writer.checksum()->finish(others), ipc::frame_checksum(others, kSeq));
  }
}

}  // namespace
}  // namespace datagen
