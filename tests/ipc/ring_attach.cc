// Making and attaching rings: geometry, refusals, names and permissions.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "rig.h"

#include <functional>
#include <string>

namespace datagen::ipc {
namespace {

using testing::error_of;
using testing::must;
using testing::Rig;
using testing::Scratch;
using testing::tiny;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(RingGeometry, AcceptsFromTwoSlotsAndOnePage) {
  EXPECT_TRUE((RingGeometry{2, 4096}.check()));
  EXPECT_TRUE((RingGeometry{65536, 4096}.check()));
  EXPECT_TRUE((RingGeometry{3, 1 << 30}.check()));
  EXPECT_TRUE(RingGeometry{}.check());
}

TEST(RingGeometry, RefusesWhatCannotWork) {
  EXPECT_FALSE((RingGeometry{0, 4096}.check()));
  EXPECT_FALSE((RingGeometry{1, 4096}.check()));
  EXPECT_FALSE((RingGeometry{65537, 4096}.check()));
  EXPECT_FALSE((RingGeometry{2, 0}.check()));
  EXPECT_FALSE((RingGeometry{2, 4095}.check()));
  EXPECT_FALSE((RingGeometry{2, 4096 + 512}.check()));
  EXPECT_FALSE((RingGeometry{2, (std::uint64_t{1} << 30) + 4096}.check()));
  Scratch scratch;
  EXPECT_TRUE(contains(error_of(Ring::create(scratch.name("r"), {1, 4096}, 1, 0)),
                       "a ring has 2 to 65536 slots, not 1"));
  EXPECT_TRUE(
      contains(error_of(Ring::create(scratch.name("r"), {2, 4096}, 1, SlotWord::kSeqMax)), "cannot begin"));
  EXPECT_TRUE(scratch.segments().empty());
}

TEST(RingGeometry, BlocksFollowTheSlotsOnAPage) {
  EXPECT_EQ((RingGeometry{2, 4096}.data_offset()), 4096u);
  EXPECT_EQ((RingGeometry{62, 4096}.data_offset()), 4096u);
  EXPECT_EQ((RingGeometry{63, 4096}.data_offset()), 8192u);
  EXPECT_EQ((RingGeometry{63, 8192}.segment_bytes()), 8192u + 63 * 8192u);
  EXPECT_EQ((RingGeometry{2, 4096}.frame_capacity()), 4096u - 128);
}

TEST(Ring, IsAllocatedInFullAndForItsOwnerOnly) {
  const mode_t before = umask(0);
  Rig rig({tiny(3)}, 1);
  umask(before);
  for (const std::string& name : {rig.ring_name(0), rig.control_name()}) {
    struct stat info {};
    ASSERT_EQ(stat(segment_path(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_EQ(info.st_uid, geteuid());
    EXPECT_GE(info.st_blocks * 512, info.st_size);
  }
  EXPECT_EQ(must(segment_size(rig.ring_name(0))), tiny(3).segment_bytes());
}

TEST(Ring, SquattedNameIsRefusedAndLeftAlone) {
  Scratch scratch;
  const std::string name = scratch.name("squatted");
  const int fd = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0666);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(write(fd, "theirs", 6), 6);
  EXPECT_TRUE(contains(error_of(Ring::create(name, tiny(2), 1, 0)), "File exists"));
  EXPECT_TRUE(contains(error_of(Control::create(name, 1, 1, 1, "/d")), "File exists"));
  char text[7] = {};
  EXPECT_EQ(pread(fd, text, 6, 0), 6);
  EXPECT_STREQ(text, "theirs");
  EXPECT_FALSE(Ring::attach(name, tiny(2), 1, Ring::Role::consumer));
  close(fd);
}

TEST(Ring, FullSharedMemoryIsAClearErrorAtTheStart) {
  struct statvfs info {};
  ASSERT_EQ(statvfs("/dev/shm", &info), 0);
  const RingGeometry huge{65536, std::uint64_t{1} << 30};
  if (info.f_blocks == 0 || info.f_blocks * info.f_frsize >= huge.segment_bytes()) {
    GTEST_SKIP() << "/dev/shm has no limit here";
  }
  Scratch scratch;
  const std::string message = error_of(Ring::create(scratch.name("huge"), huge, 1, 0));
  EXPECT_TRUE(contains(message, "/dev/shm is too small: ")) << message;
  EXPECT_TRUE(contains(message, "needs 67108868 MiB")) << message;
  EXPECT_TRUE(contains(message, "is free. Make the rings smaller")) << message;
  EXPECT_TRUE(contains(message, "--shm-size")) << message;
  EXPECT_TRUE(scratch.segments().empty());
}

// Attaches after `damage` was done to the segment's bytes.
std::string error_after(const std::function<void(RingHeader&)>& damage) {
  Rig rig({tiny(3)}, 1);
  const Mapping mapping = must(map_segment(rig.ring_name(0), Access::read_write));
  damage(*reinterpret_cast<RingHeader*>(mapping.data()));
  const auto attached = Ring::attach(rig.ring_name(0), tiny(3), Rig::kEpoch, Ring::Role::consumer);
  const auto observed = Ring::observe(rig.ring_name(0));
  return error_of(attached) + " | " + error_of(observed);
}

TEST(Ring, AttachesWithTheRightHeaderOnly) {
  EXPECT_EQ(error_after([](RingHeader&) {}), "no error | no error");
  for (const std::string& message : {
           error_after([](RingHeader& header) { header.magic = 0; }),
           error_after([](RingHeader& header) { header.magic = kControlMagic; }),
       }) {
    EXPECT_TRUE(contains(message, "wrong magic)") && !contains(message, "no error")) << message;
  }
  const std::string version = error_after([](RingHeader& header) { header.version = kLayoutVersion + 1; });
  EXPECT_TRUE(contains(version, "has layout version " + std::to_string(kLayoutVersion + 1) +
                                    "; this build knows " + std::to_string(kLayoutVersion)) &&
              !contains(version, "no error"));
}

TEST(Ring, RefusesSizesThatContradictTheSegment) {
  for (const std::string& message : {
           error_after([](RingHeader& header) { header.slots = 1; }),
           error_after([](RingHeader& header) { header.slots = 4; }),
           error_after([](RingHeader& header) { header.slots = ~0u; }),
           error_after([](RingHeader& header) { header.block_bytes = 8192; }),
           error_after([](RingHeader& header) { header.block_bytes = ~std::uint64_t{0}; }),
           error_after([](RingHeader& header) { header.block_bytes = 0; }),
           error_after([](RingHeader& header) { header.data_offset = 0; }),
           error_after([](RingHeader& header) { header.data_offset += kPageBytes; }),
           error_after([](RingHeader& header) { header.segment_bytes = ~std::uint64_t{0}; }),
           error_after([](RingHeader& header) { header.first_seq = SlotWord::kSeqMax; }),
       }) {
    EXPECT_FALSE(contains(message, "no error")) << message;
  }
}

TEST(Ring, RefusesHeadersThatAgreeWithThemselvesButNotWithThePlan) {
  const std::string slots = error_after([](RingHeader& header) {
    const RingGeometry other = tiny(4);
    header.slots = other.slots;
    header.segment_bytes = other.segment_bytes();
  });
  EXPECT_FALSE(contains(slots, "no error")) << slots;
  EXPECT_TRUE(contains(slots, "another geometry than the plan says")) << slots;
  EXPECT_TRUE(contains(slots, "bytes, expected")) << slots;
}

TEST(Ring, RefusesAnotherEpoch) {
  Rig rig({tiny(2)}, 1);
  EXPECT_TRUE(
      contains(error_of(Ring::attach(rig.ring_name(0), tiny(2), Rig::kEpoch + 1, Ring::Role::consumer)),
               "another epoch"));
}

TEST(Ring, RefusesASegmentThatIsMissingTruncatedOrTooLong) {
  Rig rig({tiny(2)}, 1);
  const std::string name = rig.ring_name(0);
  const auto attach = [&] {
    return error_of(Ring::attach(name, tiny(2), Rig::kEpoch, Ring::Role::producer));
  };
  const auto observe = [&] { return error_of(Ring::observe(name)); };
  for (const std::uint64_t bytes : {tiny(2).segment_bytes() + 1, tiny(2).segment_bytes() - 1,
                                    std::uint64_t{4096}, std::uint64_t{64}, std::uint64_t{0}}) {
    ASSERT_EQ(truncate(segment_path(name).c_str(), static_cast<off_t>(bytes)), 0);
    EXPECT_TRUE(contains(attach(), "bytes, expected")) << attach();
    EXPECT_NE(observe(), "no error") << bytes;
  }
  EXPECT_TRUE(contains(error_of(Control::attach(name, Access::read_write)), "too few")) << "an empty segment";
  EXPECT_TRUE(remove_segment(name));
  EXPECT_FALSE(remove_segment(name));
  EXPECT_TRUE(contains(attach(), "No such file"));
  EXPECT_TRUE(contains(observe(), "No such file"));
}

TEST(Ring, ObserverReadsTheGeometryFromTheHeader) {
  Rig rig({{5, 8192}}, 1, 77);
  const Ring seen = must(Ring::observe(rig.ring_name(0)));
  EXPECT_EQ(seen.geometry(), (RingGeometry{5, 8192}));
  EXPECT_EQ(seen.epoch(), Rig::kEpoch);
  EXPECT_EQ(seen.first_seq(), 77u);
}

TEST(Ring, ConsumerCannotWriteBlocksAndObserverCannotWriteAnything) {
  Rig rig({tiny(2)}, 1);
  // Attached in the dying process: mappings are not inherited.
  const auto dies_of_segv = [&](const std::function<void(Ring&)>& write, Ring::Role role) {
    testing::Child child([&] {
      signal(SIGSEGV, SIG_DFL);
      Ring ring = rig.ring(0, role);
      if (ring.end_seq() != kNoEnd) return 1;
      write(ring);
      return 2;
    });
    const int status = child.wait();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
  };
  const auto write_block = [](Ring& ring) { ring.block_header(0)->seq = 1; };
  const auto write_word = [](Ring& ring) { ring.publish(0); };
  const auto write_header = [](Ring& ring) { ring.set_end_seq(0); };
  EXPECT_TRUE(dies_of_segv(write_block, Ring::Role::consumer));
  EXPECT_TRUE(dies_of_segv(write_block, Ring::Role::observer));
  EXPECT_TRUE(dies_of_segv(write_word, Ring::Role::observer));
  EXPECT_TRUE(dies_of_segv(write_header, Ring::Role::observer));
  EXPECT_EQ(rig.ring(0).word(0), SlotWord::free(0));
}

TEST(Ring, IsNotInheritedByForkedProcesses) {
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  testing::Child helper([&] {
    signal(SIGSEGV, SIG_DFL);
    ring.publish(0);
    return 0;
  });
  const int status = helper.wait();
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(ring.word(0), SlotWord::free(0));
}

}  // namespace
}  // namespace datagen::ipc
