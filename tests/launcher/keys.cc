// The table of keys: whole, and read as it says.
#include "launcher/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace datagen::launcher {
namespace {

std::string refusal(const Key& key, const char* text) {
  const auto value = parse_number(key, text);
  return value ? "accepted" : value.error().message();
}

TEST(Keys, StandOnceInTheirScope) {
  std::set<std::pair<Scope, std::string_view>> seen;
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(seen.emplace(key.scope, key.name).second) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_EQ(find_key(key.scope, key.name), &key);
  }
  EXPECT_EQ(find_key(Scope::stage, "pipeline"), nullptr);
  EXPECT_EQ(find_key(Scope::graph, "Pipeline"), nullptr);
}

TEST(Keys, DefaultsInTheTableAreThoseOfTheRunningKeys) {
  const RunningKeys defaults;
  for (const Key& key : all_keys()) {
    if (key.number == nullptr) continue;
    ASSERT_TRUE(parse_number(key, key.default_text)) << key.name;
    EXPECT_EQ(parse_number(key, key.default_text).value(), defaults.*key.number) << key.name;
  }
  EXPECT_EQ(find_key(Scope::stage, "on_error")->default_text, defaults.on_error);
}

TEST(Keys, EveryRunningKeyOfAStageHasItsOwnPlace) {
  std::set<std::int64_t RunningKeys::*, decltype([](auto left, auto right) {
             static const RunningKeys keys;
             return &(keys.*left) < &(keys.*right);
           })>
      places;
  for (const Key& key : all_keys()) {
    if (key.scope != Scope::stage || key.kind != KeyKind::running || key.name == "on_error") continue;
    ASSERT_NE(key.number, nullptr) << key.name;
    EXPECT_TRUE(places.insert(key.number).second) << key.name;
  }
  EXPECT_EQ(places.size(), 9u);
}

TEST(Keys, BoundsAreKeptAndNamedInTheWordsOfTheType) {
  EXPECT_EQ(refusal(*find_key(Scope::stage, "workers"), "0"), "0 is too small: at least 1");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "workers"), "4097"), "4097 is too large: at most 4096");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "workers"), "-1"), "-1 is too small: at least 1");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "retries"), "1001"), "1001 is too large: at most 1000");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "timeout"), "31d"), "31d is too large: at most 30d");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "crash_attempts"), "0"), "0 is too small: at least 1");
  EXPECT_EQ(refusal(*find_key(Scope::rings, "slots"), "1"), "1 is too small: at least 2");
  EXPECT_EQ(refusal(*find_key(Scope::rings, "slots"), "65537"), "65537 is too large: at most 65536");
  EXPECT_EQ(refusal(*find_key(Scope::rings, "block_bytes"), "2GiB"), "2GiB is too large: at most 1 GiB");
  EXPECT_EQ(refusal(*find_key(Scope::rings, "block_bytes"), "4095"), "4095 is too small: at least 4 KiB");
  EXPECT_EQ(refusal(*find_key(Scope::stage, "memory_limit"), "8000TiB"), "accepted");
}

TEST(Keys, AChoiceIsOneOfItsWords) {
  const Key& key = *find_key(Scope::stage, "on_error");
  EXPECT_EQ(parse_choice(key, "fail").value(), "fail");
  EXPECT_EQ(parse_choice(key, "dead_leter").error().message(),
            "expected dead_letter or drop or fail, got 'dead_leter' (did you mean 'dead_letter'?)");
  EXPECT_EQ(parse_choice(key, "").error().message(), "expected dead_letter or drop or fail, got ''");
  EXPECT_EQ(parse_choice(key, "drop|fail").error().message(),
            "expected dead_letter or drop or fail, got 'drop|fail'");
}

}  // namespace
}  // namespace datagen::launcher
