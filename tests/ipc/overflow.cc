// Frames larger than their block: in a segment or a file of their own, and gone when consumed.
#include <sys/stat.h>

#include "rig.h"

#include <string>
#include <system_error>

namespace datagen::ipc {
namespace {

using testing::bytes_of;
using testing::must;
using testing::Rig;
using testing::Seat;
using testing::text_of;
using testing::tiny;

const Seat kProducer{{}, {{0, {1, 1}}}, 0, {0, 1}};
const Seat kConsumer{{{0, {0, 1}}}, {}, 1, {1, 1}};

std::string large(char letter, std::size_t bytes = 3 * kPageBytes) { return std::string(bytes, letter); }

std::size_t files_in(const std::string& directory) {
  std::error_code missing;
  std::size_t count = 0;
  for (auto entry = std::filesystem::directory_iterator(directory, missing);
       !missing && entry != std::filesystem::directory_iterator(); ++entry) {
    ++count;
  }
  return count;
}

struct Overflow : ::testing::Test {
  Rig rig{{tiny(3)}, 2, 4};
  std::size_t segments() const { return rig.scratch.segments().size() - 2; }  // without ring and control
  std::size_t files() const { return files_in(rig.policy.directory); }
  std::string take(Ports& consumer) {
    std::uint64_t seq = 0;
    EXPECT_EQ(consumer.claim(seq), Ports::Outcome::frame);
    const auto frame = must(consumer.read(0, seq));
    const std::string text = text_of(frame.bytes);
    consumer.free(seq);
    return text;
  }
};

TEST_F(Overflow, FrameOfTheBlocksLengthStaysAndOneByteMoreMoves) {
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  const std::string fits = large('a', tiny(3).frame_capacity());
  must(producer.publish(4, bytes_of(fits)));
  EXPECT_EQ(segments(), 0u);
  must(producer.publish(5, bytes_of(fits + "b")));
  EXPECT_EQ(segments(), 1u);
  EXPECT_EQ(rig.ring(0).read_block_header(5).placement, Placement::segment);
  EXPECT_EQ(take(consumer), fits);
  EXPECT_EQ(take(consumer), fits + "b");
  EXPECT_EQ(segments() + files(), 0u);
}

TEST_F(Overflow, EmptyFramesAreFrames) {
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  must(producer.publish(4, {}));
  EXPECT_EQ(take(consumer), "");
}

TEST_F(Overflow, GoesToAFileAboveTheLimit) {
  rig.policy.segment_bytes_max = 5 * kPageBytes;
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  for (std::uint64_t seq = 4; seq < 7; ++seq)
    must(producer.publish(seq, bytes_of(large(static_cast<char>('a' + seq)))));
  EXPECT_EQ(segments(), 1u);
  EXPECT_EQ(files(), 2u);
  EXPECT_EQ(rig.ring(0).read_block_header(5).placement, Placement::file);
  for (std::uint64_t seq = 4; seq < 7; ++seq) EXPECT_EQ(take(consumer), large(static_cast<char>('a' + seq)));
  EXPECT_EQ(segments() + files(), 0u);
  must(producer.publish(7, bytes_of(large('z'))));  // what was freed counts no more
  EXPECT_EQ(segments(), 1u);
  EXPECT_EQ(take(consumer), large('z'));
}

TEST_F(Overflow, GoesToAFileWhenItsNameCannotBeMade) {
  const std::string squatter = segment_path(rig.ring_name(0) + ".o1");
  ASSERT_EQ(mkdir(squatter.c_str(), 0700), 0);
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  must(producer.publish(4, bytes_of(large('a'))));
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(take(consumer), large('a'));
  EXPECT_EQ(files(), 0u);
}

TEST_F(Overflow, SaysWhereItCouldNotWrite) {
  rig.policy.segment_bytes_max = 0;
  rig.policy.directory = rig.scratch.directory() / "missing" / "overflow";
  Ports producer = rig.ports(kProducer);
  const auto done = producer.publish(4, bytes_of(large('a')));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("cannot create " + rig.policy.directory), std::string::npos);
  EXPECT_EQ(rig.ring(0).word(4), SlotWord::free(4));
}

TEST_F(Overflow, SegmentsAndFilesAreForTheirOwnerOnly) {
  rig.policy.segment_bytes_max = 4 * kPageBytes;
  const mode_t before = umask(0);
  Ports producer = rig.ports(kProducer);
  must(producer.publish(4, bytes_of(large('a'))));
  must(producer.publish(5, bytes_of(large('b'))));
  umask(before);
  struct stat info {};
  ASSERT_EQ(stat(segment_path(rig.ring_name(0) + ".o1").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((rig.policy.directory + "/" + rig.ring_name(0) + ".o2").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(rig.policy.directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(Overflow, RedoOverwritesWhatADeadProducerLeft) {
  Ring ring = rig.ring(0);
  must(write_overflow(ring, 4, bytes_of(large('x', 9 * kPageBytes)), rig.policy));  // dies before its publish
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  must(producer.publish(4, bytes_of(large('a'))));
  EXPECT_EQ(segments(), 1u);
  EXPECT_EQ(take(consumer), large('a'));
  EXPECT_EQ(segments(), 0u);
}

TEST_F(Overflow, RedoThatNeedsNoneRemovesWhatADeadProducerLeft) {
  Ring ring = rig.ring(0);
  must(write_overflow(ring, 4, bytes_of(large('x')), rig.policy));
  OverflowPolicy files_only = rig.policy;
  files_only.segment_bytes_max = 0;
  must(write_overflow(ring, 5, bytes_of(large('x')), files_only));
  EXPECT_EQ(segments() + files(), 2u);
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  must(producer.publish(4, bytes_of("small")));
  must(producer.publish(5, bytes_of("small")));
  EXPECT_EQ(segments() + files(), 0u);
  EXPECT_EQ(take(consumer), "small");
  EXPECT_EQ(take(consumer), "small");
}

TEST_F(Overflow, FreeingAfterADeathBetweenRemovalAndFreeIsFine) {
  Ports producer = rig.ports(kProducer);
  must(producer.publish(4, bytes_of(large('a'))));
  {
    Ports dead = rig.ports(kConsumer);
    std::uint64_t seq = 0;
    ASSERT_EQ(dead.claim(seq), Ports::Outcome::frame);
    remove_overflow(rig.ring(0), seq, rig.policy);
  }
  EXPECT_EQ(must(rig.recover(kConsumer)), 1u);
  Ports successor = rig.ports(kConsumer);
  successor.free_below(5);
  EXPECT_EQ(rig.ring(0).word(4), SlotWord::free(7));
}

// Headers as a stray pointer of the producer may leave them.
TEST_F(Overflow, LengthsFromSharedMemoryAreNotTrusted) {
  Ports producer = rig.ports(kProducer);
  Ports consumer = rig.ports(kConsumer);
  Ring ring = rig.ring(0);
  const auto error_with = [&](std::uint64_t bytes, Placement placement) {
    BlockHeader* header = ring.block_header(4);
    const BlockHeader before = *header;
    header->frame_bytes = bytes;
    header->placement = placement;
    const std::string message = testing::error_of(consumer.read(0, 4));
    *header = before;
    return message;
  };
  must(producer.publish(4, bytes_of(large('a'))));
  std::uint64_t seq = 0;
  ASSERT_EQ(consumer.claim(seq), Ports::Outcome::frame);
  EXPECT_EQ(testing::error_of(consumer.read(0, 4)), "no error");
  EXPECT_NE(error_with(~std::uint64_t{0}, Placement::segment).find("longer than any frame"),
            std::string::npos);
  EXPECT_NE(error_with(~std::uint64_t{0} - 63, Placement::segment), "no error");
  EXPECT_NE(error_with(~std::uint64_t{0}, Placement::file), "no error");
  EXPECT_NE(error_with(3 * kPageBytes + 1, Placement::segment), "no error");
  EXPECT_NE(error_with(3 * kPageBytes - 1, Placement::segment).find("wrong checksum"), std::string::npos);
  EXPECT_NE(error_with(3 * kPageBytes, Placement::file), "no error");
  EXPECT_NE(error_with(3 * kPageBytes, Placement::block).find("longer than its block"), std::string::npos);
  EXPECT_NE(error_with(100, Placement::segment).find("fits its block"), std::string::npos);
  EXPECT_NE(error_with(3, static_cast<Placement>(3)).find("unknown placement"), std::string::npos);
  ASSERT_EQ(truncate(segment_path(rig.ring_name(0) + ".o1").c_str(), kPageBytes), 0);
  EXPECT_NE(testing::error_of(consumer.read(0, 4)).find("too few"), std::string::npos);
}

}  // namespace
}  // namespace datagen::ipc
