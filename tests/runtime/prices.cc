#include "datagen/prices.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "../temporary_folder.h"

namespace datagen {

TEST(Prices, AreForAMillionTokens) {
  const Prices prices = Prices::parse(R"({"large": {"prompt": 2.5, "completion": 10}, "free": {}})");
  EXPECT_DOUBLE_EQ(prices.cost_of("large", 1'000'000, 100'000), 3.5);
  EXPECT_DOUBLE_EQ(prices.cost_of("free", 1000, 1000), 0);
  EXPECT_FALSE(prices.has("small"));
  EXPECT_DOUBLE_EQ(prices.cost_of("small", 1000, 1000), 0);
}

TEST(Prices, OfABeginningHoldForAllThatBeginSo) {
  const Prices prices =
      Prices::parse(R"({"qwen*": {"prompt": 1}, "qwen3-8b*": {"prompt": 2}, "qwen3-8b-x": {"prompt": 3}})");
  EXPECT_DOUBLE_EQ(prices.cost_of("qwen2", 1'000'000, 0), 1);
  EXPECT_DOUBLE_EQ(prices.cost_of("qwen3-8b-y", 1'000'000, 0), 2);
  EXPECT_DOUBLE_EQ(prices.cost_of("qwen3-8b-x", 1'000'000, 0), 3);
  EXPECT_FALSE(prices.has("llama"));
}

TEST(Prices, MayStandInAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/prices.json";
  std::ofstream(path) << R"( {"m": {"completion": 4}})";
  EXPECT_DOUBLE_EQ(Prices::parse(path).cost_of("m", 10, 500'000), 2);
  EXPECT_TRUE(Prices::parse("").empty());
}

TEST(Prices, ThatAreNoneAreRefused) {
  for (const char* text : {"{", "{\"m\": 3}", "{\"m\": {\"prompt\": -1}}", "{\"m\": {\"prompt\": \"x\"}}",
                           "{\"m\": {\"promt\": 1}}", "/nowhere/prices.json", " "})
    EXPECT_THROW(Prices::parse(text), std::invalid_argument) << text;
}

}  // namespace datagen
