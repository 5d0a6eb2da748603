// "did you mean": near enough, and not too far.
#include "launcher/suggest.h"

#include <gtest/gtest.h>

namespace datagen::launcher {
namespace {

TEST(EditDistance, CountsLettersInsertedRemovedReplacedAndExchanged) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("workrs", "workers"), 1u);
  EXPECT_EQ(edit_distance("workerss", "workers"), 1u);
  EXPECT_EQ(edit_distance("wurkers", "workers"), 1u);
  EXPECT_EQ(edit_distance("wokrers", "workers"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Suggestion, IsTheNearestKnownWord) {
  const std::vector<std::string> known = {"workers", "threads", "timeout", "use"};
  EXPECT_EQ(suggestion("workrs", known), " (did you mean 'workers'?)");
  EXPECT_EQ(suggestion("thread", known), " (did you mean 'threads'?)");
  EXPECT_EQ(suggestion("timeuot", known), " (did you mean 'timeout'?)");
  EXPECT_EQ(suggestion("uses", known), " (did you mean 'use'?)");
}

TEST(Suggestion, IsNothingWhenAllWordsAreFar) {
  EXPECT_EQ(suggestion("memory", {"workers", "threads"}), "");
  EXPECT_EQ(suggestion("xyz", {"use"}), "");
  EXPECT_EQ(suggestion("a", {"b"}), "");
  EXPECT_EQ(suggestion("", {"workers"}), "");
  EXPECT_EQ(suggestion("workers", {}), "");
}

TEST(Suggestion, LeavesAVeryLongWordAlone) {
  EXPECT_EQ(suggestion(std::string(100'000, 'a'), {std::string(100'001, 'a')}), "");
  EXPECT_EQ(suggestion("workrs", {std::string(100'000, 'w'), "workers"}), " (did you mean 'workers'?)");
}

}  // namespace
}  // namespace datagen::launcher
