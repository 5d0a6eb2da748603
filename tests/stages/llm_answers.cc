// What is asked, and how answers are read: whole, as streams, damaged.
#include "llm/chat_answer.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <datagen/testing.h>

#include "llm/chat_request.h"
#include "llm/template.h"

namespace datagen::llm {
namespace {

std::string filled(const std::string& text, const std::string& record) {
  const auto r = test(
      [&](Item& item, Context&) {
        item.assign({{"out", Template(text).fill(item)}});
      },
      {record});
  return r.records.empty() ? "dead: " + r.dead.at(0).reason : r.records[0];
}

TEST(Template, PutsFieldsIn) {
  EXPECT_EQ(filled("a {x} b {y.z} {{not}} {n} {l}", R"({"x":"1","y":{"z":"é"},"n":1.50,"l":[1, 2]})"),
            R"({"out":"a 1 b é {not} 1.50 [1, 2]"})");
  EXPECT_EQ(filled("{x}", R"({"y":1})"), "dead: missing_field");
  EXPECT_EQ(filled("{y.z}", R"({"y":{}})"), "dead: missing_field");
}

TEST(Template, RefusesBracesThatDoNotMatch) {
  for (const char* wrong : {"{", "a } b", "{a {b}}", "{}", "{a.}", "{.a}"})
    EXPECT_THROW(Template{wrong}, std::invalid_argument) << wrong;
}

std::string body(std::string text) { return text; }

TEST(ChatAnswer, IsRead) {
  auto text = body(
      R"({"model":"m-1","choices":[{"message":{"content":"hi","reasoning_content":"hm"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}})");
  const auto answer = parse_answer(text);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer.value().model, "m-1");
  EXPECT_EQ(answer.value().choices.at(0).text, "hi");
  EXPECT_EQ(answer.value().choices.at(0).reasoning, "hm");
  EXPECT_EQ(answer.value().prompt_tokens, 5);
  EXPECT_EQ(answer.value().completion_tokens, 2);
}

TEST(ChatAnswer, WhatIsNoneIsAnErrorThatShowsIt) {
  for (const char* wrong : {"<html>", R"({"choices":[]})", R"({"a":)", "[]", "\xff\xfe"}) {
    auto text = body(wrong);
    EXPECT_FALSE(parse_answer(text)) << wrong;
  }
}

TEST(ChatAnswer, ABodyThatIsNotQuiteJsonIsMended) {
  auto text = body(R"({"choices":[{"message":{"content":"a\vb\x41"}}],"usage":{"prompt_tokens":5}})");
  const auto answer = parse_answer(text);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer.value().choices.at(0).text.front(), 'a');
  EXPECT_EQ(answer.value().prompt_tokens, 5);
  for (const char* cut : {R"({"choices":[{"message":{"content":"a\vb"}}],"usage":{)",
                          R"({"choices":[{"message":{"content":"a\vb"}}]} and more)"}) {
    auto damaged = body(cut);
    EXPECT_FALSE(parse_answer(damaged)) << cut;
  }
}

TEST(ChatAnswer, WrongUsageCountsAsNone) {
  auto text = body(
      R"({"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":-5,"completion_tokens":"many"}})");
  const auto answer = parse_answer(text);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.value().prompt_tokens, 0);
  EXPECT_EQ(answer.value().completion_tokens, 0);
}

TEST(ChatAnswer, AStreamIsPutTogether) {
  const auto answer = parse_stream(
      ": comment\r\ndata: "
      "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Gr\"}}]}"
      "\r\n\r\n"
      "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"B\"}}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"üß\"},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer.value().choices.at(0).text, "Grüß");
  EXPECT_EQ(answer.value().choices.at(0).finish_reason, "stop");
  EXPECT_EQ(answer.value().choices.at(1).text, "B");
  EXPECT_EQ(answer.value().completion_tokens, 4);
}

TEST(ChatAnswer, AStreamThatEndsEarlyIsAnError) {
  EXPECT_FALSE(parse_stream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\"}}]}\n\n"));
  EXPECT_FALSE(parse_stream(""));
  EXPECT_FALSE(parse_stream("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"));
}

TEST(ChatAnswer, TheLedgerGivesBackWhatItWasGiven) {
  ChatAnswer answer;
  answer.model = "m\"1";
  answer.endpoint = "host:1";
  answer.prompt_tokens = 12;
  answer.completion_tokens = 34;
  answer.choices = {{"a\nb", "", "stop"}, {"é", "why", "length"}};
  const auto again = ChatAnswer::decode(answer.encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value().encode(), answer.encode());
  EXPECT_EQ(again.value().choices.at(1).reasoning, "why");
  EXPECT_FALSE(ChatAnswer::decode("{"));
}

TEST(ErrorMessage, IsWhatTheServerSays) {
  EXPECT_EQ(error_message(R"({"error":{"message":"no such model"}})"), "no such model");
  EXPECT_EQ(error_message(R"({"error":"busy"})"), "busy");
  EXPECT_EQ(error_message(R"({"detail":"not here"})"), "not here");
  EXPECT_EQ(error_message("plain"), "plain");
  EXPECT_EQ(error_message("bad \xff byte"), "bad ? byte");
}

}  // namespace
}  // namespace datagen::llm
