// Every transition of a slot, allowed and refused.
#include "rig.h"

#include <string>

namespace datagen::ipc {
namespace {

using testing::Rig;
using testing::tiny;

TEST(SlotWord, PacksSeqStateAndOwner) {
  const SlotWord word = SlotWord::claimed(SlotWord::kSeqMax, SlotWord::kOwnerMax);
  EXPECT_EQ(word.seq(), SlotWord::kSeqMax);
  EXPECT_EQ(word.owner(), SlotWord::kOwnerMax);
  EXPECT_EQ(word.state(), SlotState::claimed);
  EXPECT_EQ(SlotWord::free(0).bits(), 0u);
  EXPECT_EQ(SlotWord::full(7).bits(), 0x70001u);
  EXPECT_EQ(SlotWord::claimed(7, 5).bits(), 0x70016u);
}

TEST(SlotWord, TellsWhetherAFrameWasPublishedAndWhetherThereIsRoom) {
  EXPECT_FALSE(SlotWord::free(8).has_published(8));
  EXPECT_TRUE(SlotWord::full(8).has_published(8));
  EXPECT_TRUE(SlotWord::claimed(8, 1).has_published(8));
  EXPECT_TRUE(SlotWord::free(12).has_published(8));
  EXPECT_FALSE(SlotWord::full(8).has_published(12));
  EXPECT_TRUE(SlotWord::free(8).has_room_for(8));
  EXPECT_TRUE(SlotWord::free(12).has_room_for(8));
  EXPECT_FALSE(SlotWord::full(8).has_room_for(12));
  EXPECT_FALSE(SlotWord::claimed(8, 1).has_room_for(12));
}

TEST(SlotWord, OwnersStandOnlyInClaimedWords) {
  EXPECT_TRUE(SlotWord::free(3).is_well_formed());
  EXPECT_TRUE(SlotWord::full(3).is_well_formed());
  EXPECT_TRUE(SlotWord::claimed(3, 1).is_well_formed());
  EXPECT_FALSE(SlotWord::claimed(3, 0).is_well_formed());
  EXPECT_FALSE(SlotWord(3u << 16 | 1 << 2).is_well_formed());
  EXPECT_FALSE(SlotWord(3u << 16 | 1 << 2 | 1).is_well_formed());
  EXPECT_FALSE(SlotWord(3u << 16 | 3).is_well_formed());
}

TEST(Ring, SlotGoesRoundFreeFullClaimedFree) {
  Rig rig({tiny(3)}, 1);
  Ring ring = rig.ring(0);
  for (std::uint64_t seq : {1u, 4u, 7u}) {
    EXPECT_EQ(ring.word(seq), SlotWord::free(seq));
    ring.publish(seq);
    EXPECT_EQ(ring.word(seq), SlotWord::full(seq));
    EXPECT_TRUE(ring.claim(seq, 9));
    EXPECT_EQ(ring.word(seq), SlotWord::claimed(seq, 9));
    ring.free(seq);
    EXPECT_EQ(ring.word(seq), SlotWord::free(seq + 3));
  }
}

TEST(Ring, OnlyAFullFrameOfThatNumberIsClaimed) {
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  EXPECT_FALSE(ring.claim(0, 1));
  ring.publish(0);
  EXPECT_FALSE(ring.claim(2, 1));
  EXPECT_TRUE(ring.claim(0, 1));
  EXPECT_FALSE(ring.claim(0, 1));
  EXPECT_FALSE(ring.claim(0, 2));
  ring.free(0);
  EXPECT_FALSE(ring.claim(0, 1));
  EXPECT_FALSE(ring.claim(2, 1));
}

TEST(Ring, FrameIsTakenBackOnlyFromItsOwner) {
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  EXPECT_FALSE(ring.take_back(0, 1));
  ring.publish(0);
  EXPECT_FALSE(ring.take_back(0, 1));
  ASSERT_TRUE(ring.claim(0, 1));
  EXPECT_FALSE(ring.take_back(0, 2));
  EXPECT_FALSE(ring.take_back(2, 1));
  EXPECT_TRUE(ring.take_back(0, 1));
  EXPECT_EQ(ring.word(0), SlotWord::full(0));
  EXPECT_TRUE(ring.claim(0, 2));
  ring.free(0);
  EXPECT_FALSE(ring.take_back(0, 2));
}

TEST(Ring, FullFrameIsFreedWithoutAClaim) {  // a further in-edge of a join
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  ring.publish(0);
  ring.free(0);
  EXPECT_EQ(ring.word(0), SlotWord::free(2));
}

TEST(Ring, FreeingTwiceIsFreeingOnce) {
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  ring.publish(0);
  ring.free(0);
  ring.free(0);
  EXPECT_EQ(ring.word(0), SlotWord::free(2));
  ring.publish(2);
  ring.free(0);
  EXPECT_EQ(ring.word(0), SlotWord::full(2));
}

using RingDeathTest = ::testing::Test;

// Attached in the dying process: mappings are not inherited.
TEST(RingDeathTest, PublishingWhatIsNotFreeAborts) {
  Rig rig({tiny(2)}, 1);
  Ring ring = rig.ring(0);
  ring.publish(0);
  EXPECT_DEATH(rig.ring(0).publish(0), "broken invariant");
  EXPECT_DEATH(rig.ring(0).publish(2), "broken invariant");
  ASSERT_TRUE(ring.claim(0, 1));
  EXPECT_DEATH(rig.ring(0).publish(0), "broken invariant");
  EXPECT_DEATH(rig.ring(0).publish(3), "broken invariant");  // slot 1 waits for frame 1
}

TEST(RingDeathTest, FreeingWhatWasNeverPublishedAborts) {
  Rig rig({tiny(2)}, 1);
  EXPECT_DEATH(rig.ring(0).free(0), "broken invariant");
  EXPECT_DEATH(rig.ring(0).free(2), "broken invariant");
}

TEST(Ring, BeginsWithTheFirstFrameOfItsEpoch) {
  Rig rig({tiny(5)}, 1, 1'000'003);
  Ring ring = rig.ring(0);
  EXPECT_EQ(ring.first_seq(), 1'000'003u);
  EXPECT_EQ(ring.oldest_unfreed(), 1'000'003u);
  EXPECT_EQ(ring.first_unpublished(), 1'000'003u);
  for (std::uint64_t seq = 1'000'003; seq < 1'000'008; ++seq) EXPECT_EQ(ring.word(seq), SlotWord::free(seq));
  EXPECT_FALSE(ring.claim(1'000'002, 1));
  EXPECT_EQ(ring.unsound_words(), "");
}

TEST(Ring, SuccessorFindsItsPlaceFromTheWords) {
  Rig rig({tiny(3)}, 1, 10);
  Ring ring = rig.ring(0);
  ring.publish(10);
  ring.publish(11);
  EXPECT_EQ(ring.first_unpublished(), 12u);
  EXPECT_EQ(ring.oldest_unfreed(), 10u);
  ring.publish(12);
  EXPECT_EQ(ring.first_unpublished(), 13u);
  ring.free(11);
  EXPECT_EQ(ring.oldest_unfreed(), 10u);
  ring.free(10);
  EXPECT_EQ(ring.oldest_unfreed(), 12u);
  ring.publish(13);
  EXPECT_EQ(ring.first_unpublished(), 14u);
}

TEST(Ring, IsDrainedWhenAllFramesBelowTheEndAreFreed) {
  Rig rig({tiny(2)}, 1, 4);
  Ring ring = rig.ring(0);
  EXPECT_EQ(ring.end_seq(), kNoEnd);
  EXPECT_FALSE(ring.is_drained());
  ring.publish(4);
  ring.set_end_seq(5);
  EXPECT_FALSE(ring.is_drained());
  ASSERT_TRUE(ring.claim(4, 1));
  EXPECT_FALSE(ring.is_drained());
  ring.free(4);
  EXPECT_TRUE(ring.is_drained());
}

TEST(Ring, EmptyStreamIsDrainedAtOnce) {
  Rig rig({tiny(2)}, 1, 4);
  Ring ring = rig.ring(0);
  ring.set_end_seq(4);
  EXPECT_TRUE(ring.is_drained());
}

// The word of a slot, overwritten as by a stray pointer.
void smash(const Rig& rig, std::uint64_t slot, std::uint64_t bits) {
  const Mapping mapping = testing::must(map_segment(rig.ring_name(0), Access::read_write));
  reinterpret_cast<Slot*>(mapping.data() + sizeof(RingHeader))[slot].word.store(bits);
}

TEST(Ring, WordsThatNobodyMakesAreReported) {
  Rig rig({tiny(3)}, 1, 6);
  Ring ring = rig.ring(0);
  ring.set_end_seq(9);
  EXPECT_EQ(ring.unsound_words(), "");
  const auto is_reported = [&](std::uint64_t slot, SlotWord word) {
    const std::uint64_t before = ring.word(slot).bits();
    smash(rig, slot, word.bits());
    const std::string report = ring.unsound_words();
    smash(rig, slot, before);
    return report.find("slot " + std::to_string(slot) + " holds " + std::to_string(word.bits())) !=
           std::string::npos;
  };
  EXPECT_TRUE(is_reported(0, SlotWord(6u << 16 | 3)));       // state 3
  EXPECT_TRUE(is_reported(0, SlotWord::claimed(6, 0)));      // nobody's claim
  EXPECT_TRUE(is_reported(0, SlotWord(6u << 16 | 4 << 2)));  // an owner of a free slot
  EXPECT_TRUE(is_reported(0, SlotWord::full(7)));            // a frame of another slot
  EXPECT_TRUE(is_reported(0, SlotWord::free(3)));            // before the first
  EXPECT_TRUE(is_reported(0, SlotWord::full(9)));            // behind the end
  EXPECT_FALSE(is_reported(0, SlotWord::free(9)));
  EXPECT_FALSE(is_reported(2, SlotWord::claimed(8, 1)));
}

}  // namespace
}  // namespace datagen::ipc
