// What embedding servers answer, and how a request's tokens are shared out.
#include "llm/embedding.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace datagen::llm {
namespace {

std::string data(const std::string& list) {
  return R"({"model":"m-1","data":[)" + list + R"(],"usage":{"prompt_tokens":10,"total_tokens":10}})";
}

TEST(Embeddings, AreReadByIndexWithTheirDigits) {
  auto body = data(R"({"index":1,"embedding":[1.50,2e-3]},{"embedding":"AAAA","index":0})");
  const auto answers = parse_embeddings(body, {3, 1});
  ASSERT_TRUE(answers) << answers.error().message();
  EXPECT_EQ(answers.value().at(0).value, "\"AAAA\"");
  EXPECT_EQ(answers.value().at(1).value, "[1.50,2e-3]");
  EXPECT_EQ(answers.value().at(0).model, "m-1");
  EXPECT_EQ(answers.value().at(0).prompt_tokens, 7);
  EXPECT_EQ(answers.value().at(1).prompt_tokens, 3);
}

TEST(Embeddings, WithoutIndexesTheirOrderCounts) {
  auto body = data(R"({"embedding":[1]},{"embedding":[2]})");
  const auto answers = parse_embeddings(body, {1, 1});
  ASSERT_TRUE(answers) << answers.error().message();
  EXPECT_EQ(answers.value().at(0).value, "[1]");
  EXPECT_EQ(answers.value().at(1).value, "[2]");
}

TEST(Embeddings, WhatIsNoAnswerIsAnErrorThatSaysWhy) {
  const std::pair<std::string, std::string> cases[] = {
      {"<html>", "is no JSON"},
      {data(R"({"index":0,"embedding":[1]})"), "has no embedding for input 1 of 2"},
      {data(R"({"index":7,"embedding":[1]},{"index":0,"embedding":[1]})"), "holds no list of embeddings"},
      {data(R"({"index":0,"embedding":7},{"index":1,"embedding":[1]})"), "holds no list of embeddings"},
      {R"({"data":5})", "holds no list of embeddings"}};
  for (const auto& [text, why] : cases) {
    std::string body = text;
    const auto answers = parse_embeddings(body, {1, 1});
    ASSERT_FALSE(answers) << text;
    EXPECT_NE(answers.error().message().find(why), std::string::npos) << answers.error().message();
  }
}

TEST(Embeddings, SharesAddUpToTheTotal) {
  EXPECT_EQ(shares(10, {1, 1, 2}), (std::vector<std::int64_t>{2, 3, 5}));
  EXPECT_EQ(shares(7, {0, 0}), (std::vector<std::int64_t>{7, 0}));
  const std::vector<std::size_t> weights{13, 1, 999, 7, 7, 7, 31};
  for (const std::int64_t total : {0, 1, 5, 1000, 123'457}) {
    const auto given = shares(total, weights);
    EXPECT_EQ(std::accumulate(given.begin(), given.end(), std::int64_t{0}), total);
    for (const std::int64_t share : given) EXPECT_GE(share, 0);
  }
}

TEST(Embeddings, AnEntryOfTheLedgerIsReadAsItWasWritten) {
  const EmbeddingAnswer answer{"m", "host:1", 12, 1, "[1.0,\"\\n\"]", ""};
  const auto read = EmbeddingAnswer::decode(answer.encode());
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().value, answer.value);
  EXPECT_EQ(read.value().endpoint, "host:1");
  EXPECT_EQ(read.value().prompt_tokens, 12);
  EXPECT_EQ(read.value().calls, 1);
  const EmbeddingAnswer useless{"m", "e", 1, 0, "", "no\nsense"};
  EXPECT_EQ(EmbeddingAnswer::decode(useless.encode()).value().defect, "no\nsense");
  EXPECT_FALSE(EmbeddingAnswer::decode("{}"));
}

}  // namespace
}  // namespace datagen::llm
