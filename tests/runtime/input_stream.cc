// Compressed inputs: what comes out, where they can be opened again, what is said of damage.
#include "datagen/input_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "packed.h"

namespace datagen {
namespace {

struct Content {
  std::string text;
  std::string damage;
};

Content read_all(InputStream& stream, std::size_t step) {
  Content content;
  std::string space(step, '\0');
  try {
    while (const std::size_t got = stream.read(space.data(), step)) content.text.append(space, 0, got);
  } catch (const BadInput& bad) {
    content.damage = bad.what();
    EXPECT_THROW(stream.read(space.data(), step), BadInput) << "damage does not go away";
  }
  return content;
}

Content read_file(Compression compression, const std::string& packed, std::size_t step = 4096) {
  const PackedFile file(compression, packed);
  return read_all(*open_input(file.get(), {}, 0), step);
}

std::string random_text(std::mt19937_64& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random() % 200);
  return text;
}

class Packed : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(InputStream, Packed, testing::Values(Compression::gzip, Compression::zstd),
                         [](const auto& test) { return test.param == Compression::gzip ? "gzip" : "zstd"; });

TEST_P(Packed, UnitsOneBehindTheOtherAreOneContent) {
  const std::string packed = pack(GetParam(), "one\n") + pack(GetParam(), "") + pack(GetParam(), "two\n");
  for (const std::size_t step : {1u, 2u, 7u, 4096u})
    EXPECT_EQ(read_file(GetParam(), packed, step).text, "one\ntwo\n");
}

TEST_P(Packed, AnEmptyFileIsEmptyAndZerosBehindAreIgnored) {
  EXPECT_EQ(read_file(GetParam(), "").text, "");
  const Content padded = read_file(GetParam(), pack(GetParam(), "one\n") + std::string(600'000, '\0'));
  EXPECT_EQ(padded.text, "one\n");
  EXPECT_EQ(padded.damage, "");
}

TEST_P(Packed, UnitsThatCrossTheBuffersEndsAreWhole) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::string content, packed;
  while (packed.size() < 3'000'000) {
    const std::string text = random_text(random, random() % 3 == 0 ? random() % 20 : random() % 5000);
    content += text;
    packed += pack(GetParam(), text);
  }
  const Content read = read_file(GetParam(), packed, 1 + random() % 100'000);
  EXPECT_EQ(read.damage, "");
  EXPECT_TRUE(read.text == content);
}

TEST_P(Packed, ItIsOpenedAgainAtEveryPlace) {
  std::mt19937_64 random(7);
  std::string content, packed;
  for (int unit = 0; unit < 20; ++unit) {
    const std::string text = random_text(random, random() % 60);
    content += text;
    packed += pack(GetParam(), text);
  }
  const PackedFile file(GetParam(), packed);
  const auto stream = open_input(file.get(), {}, 0);
  read_all(*stream, 4096);
  std::uint64_t before = 0;
  for (std::size_t offset = 0; offset <= content.size(); ++offset) {
    const AccessPoint from = stream->access_point(offset);
    EXPECT_LE(from.content_offset, offset);
    EXPECT_LT(offset - from.content_offset, 61u) << "no more than one unit is unpacked again";
    EXPECT_GE(from.file_offset, before);
    before = from.file_offset;
    EXPECT_EQ(read_all(*open_input(file.get(), from, offset), 16).text, content.substr(offset)) << offset;
  }
}

TEST_P(Packed, AFileThatIsCutIsReadUpToThereAndNamed) {
  const std::string first = pack(GetParam(), "one\n");
  const std::string packed = first + pack(GetParam(), std::string(1000, 'x') + "two\n");
  for (std::size_t size = 1; size < packed.size(); ++size) {
    const Content read = read_file(GetParam(), packed.substr(0, size));
    if (size == first.size()) {
      EXPECT_EQ(read.damage, "");
      continue;
    }
    EXPECT_NE(read.damage.find("it ends there, within the"), std::string::npos)
        << size << ": " << read.damage;
    EXPECT_NE(read.damage.find("at byte " + std::to_string(size) + " "), std::string::npos) << read.damage;
    if (size > first.size()) {
      EXPECT_TRUE(read.text.starts_with("one\n")) << size;
      EXPECT_NE(read.damage.find("begins at byte " + std::to_string(first.size())), std::string::npos);
    }
  }
}

TEST_P(Packed, ADamagedByteIsAlwaysNoticed) {
  std::mt19937_64 random(3);
  const std::string content = random_text(random, 3000);
  const std::string packed = pack(GetParam(), content);
  // A header has bytes that do not matter, such as gzip's time; zstd has no checksum here, only structure.
  if (GetParam() == Compression::zstd) {
    EXPECT_NE(read_file(GetParam(), "x" + packed).damage.find("at byte 0"), std::string::npos);
    return;
  }
  for (std::size_t at = 10; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    const Content read = read_file(GetParam(), damaged);
    EXPECT_NE(read.damage, "") << at;
    EXPECT_NE(read.damage.find("then resume"), std::string::npos);
  }
}

TEST_P(Packed, OnlyTheFrozenBytesAreRead) {
  const std::string first = pack(GetParam(), "one\n");
  const PackedFile file(GetParam(), first + pack(GetParam(), "two\n"));
  EXPECT_EQ(read_all(*open_input({file.get().uri, first.size()}, {}, 0), 4096).text, "one\n");
}

TEST_P(Packed, AFileThatWasFrozenWithinAUnitIsReadToItsEnd) {
  const std::string first = pack(GetParam(), "one\n");
  const PackedFile file(GetParam(), first + pack(GetParam(), "two\n"));
  const Content read = read_all(*open_input({file.get().uri, first.size() - 3}, {}, 0), 4096);
  EXPECT_EQ(read.text, "one\ntwo\n");
  EXPECT_EQ(read.damage, "");
}

TEST(InputStream, NamesSayHowAFileIsPacked) {
  EXPECT_EQ(compression_of("a.jsonl.gz"), Compression::gzip);
  EXPECT_EQ(compression_of("a.zst"), Compression::zstd);
  EXPECT_EQ(compression_of("a.jsonl"), Compression::none);
  EXPECT_EQ(without_compression("a.jsonl.zst"), "a.jsonl");
  EXPECT_EQ(without_compression("gz"), "gz");
}

}  // namespace
}  // namespace datagen
