// What a program's answers make of the records that it was asked about.
#include "program/answers.h"

#include <datagen/testing.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace datagen {
namespace {

using Texts = std::vector<std::string>;

// One record, and what becomes of it when the program says `answer`.
TestResult answered(const std::string& answer, const std::string& record = R"({"n":1})") {
  return test([&](Item& item, Context&) { apply_answer(item, answer); }, {record});
}

// A batch, and what the program wrote for all of it.
TestResult all_answered(const std::string& output,
                        const Texts& records = {R"({"n":0})", R"({"n":1})", R"({"n":2})"}) {
  return test_batch([&](Batch& batch, Context&) { apply_answers(batch, output); }, records);
}

std::string only_message(const TestResult& result) {
  if (result.dead.size() != 1) return std::to_string(result.dead.size()) + " are dead";
  return result.dead[0].reason + ": " + result.dead[0].message;
}

Texts dropped_ids(const TestResult& result) {
  Texts ids;
  for (const auto& dropped : result.dropped) ids.push_back(dropped.id + " " + dropped.reason);
  return ids;
}

TEST(LineFor, TheIdIsTheLastField) {
  Texts lines;
  test([&](Item& item, Context&) { lines.push_back(line_for(item)); },
       {R"({"n":1})", "{}", R"({ "a" : [1.0, 12345678901234567890] })", R"({"_i":"old"})", " {  } "});
  EXPECT_EQ(lines,
            (Texts{R"({"n":1,"_i":0})", R"({"_i":1})", R"({ "a" : [1.0, 12345678901234567890] ,"_i":2})",
                   R"({"_i":"old","_i":3})", R"({  "_i":4})"}));
}

TEST(LineFor, ARecordThatIsNotValidIsNotSent) {
  bool was_sent = false;
  const auto result = test([&](Item& item, Context&) { was_sent = !line_for(item).empty(); }, {"{broken"});
  EXPECT_FALSE(was_sent);
  EXPECT_EQ(result.dead.size(), 1u);
}

TEST(ApplyAnswer, AnObjectReplacesTheRecordAndItsIdGoes) {
  EXPECT_EQ(answered(R"({"m":2,"_i":0})").records, (Texts{R"({"m":2})"}));
  EXPECT_EQ(answered(R"({"m":1.50,"big":12345678901234567890})").records,
            (Texts{R"({"m":1.50,"big":12345678901234567890})"}));
}

TEST(ApplyAnswer, AnArrayIsItsChildren) {
  const auto result = answered(R"([{"m":1.0,"_i":0},{"m":2}])");
  EXPECT_EQ(result.records, (Texts{R"({"m":1.0})", R"({"m":2})"}));
  EXPECT_EQ(result.ids, (Texts{"0_0", "0_1"}));
}

TEST(ApplyAnswer, NullAndAnEmptyArrayDropIt) {
  EXPECT_EQ(dropped_ids(answered("null")), (Texts{"0 dropped by the program"}));
  EXPECT_EQ(dropped_ids(answered("[]")), (Texts{"0 dropped by the program"}));
}

TEST(ApplyAnswer, WhatIsNoAnswerKillsTheRecordWithTheText) {
  EXPECT_EQ(only_message(answered("oops")), "bad_answer: the program's answer is not JSON: oops");
  EXPECT_EQ(only_message(answered("7")),
            "bad_answer: the program's answer is no object, array of objects or null: 7");
  EXPECT_EQ(only_message(answered("\"\xff\"")), "bad_answer: the program's answer is not UTF-8");
  EXPECT_NE(only_message(answered(R"([{"a":1},2])")).find("has an element that is no object"),
            std::string::npos);
}

TEST(ApplyAnswer, AnAnswerToAnotherRecordIsNotTaken) {
  EXPECT_NE(
      only_message(answered(R"({"m":1,"_i":4})")).find("answered to record 4 when it was asked about 0"),
      std::string::npos);
  EXPECT_NE(only_message(answered(R"({"m":1,"_i":"0_0"})")).find("answered to record 0_0"),
            std::string::npos);
}

TEST(ApplyAnswer, ALongAnswerIsShownUpToAWholeCharacter) {
  std::string text(199, 'x');
  const std::string message = only_message(answered(text + "\xc3\xa9 and more"));
  EXPECT_TRUE(message.ends_with(text + " …")) << message;
}

TEST(ApplyAnswers, LinesWithoutIdsArePairedInOrder) {
  const auto result = all_answered("{\"m\":0}\nnull\n\n  \r\n[{\"m\":2},{\"m\":3}]\n");
  EXPECT_EQ(result.records, (Texts{R"({"m":0})", R"({"m":2})", R"({"m":3})"}));
  EXPECT_EQ(result.ids, (Texts{"0", "2_0", "2_1"}));
  EXPECT_EQ(dropped_ids(result), (Texts{"1 dropped by the program"}));
}

TEST(ApplyAnswers, WithoutIdsThereMustBeOneForEachRecord) {
  // Halved until each record is alone: then two lines for one record are refused.
  const auto result = all_answered("{\"m\":0}\n{\"m\":1}\n");
  EXPECT_EQ(result.dead.size() + result.records.size(), 3u);
  ASSERT_FALSE(result.dead.empty());
  EXPECT_NE(result.dead[0].message.find("2 lines for 1 records"), std::string::npos)
      << result.dead[0].message;
}

TEST(ApplyAnswers, LinesWithIdsFindTheirRecordsInAnyOrder) {
  const auto result = all_answered("{\"m\":2,\"_i\":2}\n{\"m\":\"a\",\"_i\":0}\n{\"m\":\"b\",\"_i\":0}");
  EXPECT_EQ(result.records, (Texts{R"({"m":"a"})", R"({"m":"b"})", R"({"m":2})"}));
  EXPECT_EQ(result.ids, (Texts{"0_0", "0_1", "2"}));
  EXPECT_EQ(dropped_ids(result), (Texts{"1 dropped by the program"}));
}

TEST(ApplyAnswers, NothingAtAllDropsAll) {
  EXPECT_EQ(all_answered("").dropped.size(), 3u);
  EXPECT_EQ(all_answered("\n \n").dropped.size(), 3u);
}

TEST(ApplyAnswers, SomeIdsAndAnIdOfNobodyAreRefused) {
  const auto mixed = all_answered("{\"m\":0,\"_i\":0}\n{\"m\":1}\n");
  ASSERT_FALSE(mixed.dead.empty());
  EXPECT_NE(mixed.dead[0].message.find("some of the program's lines have \"_i\""), std::string::npos);
  const auto foreign = all_answered("{\"m\":0,\"_i\":9}\n");
  EXPECT_EQ(foreign.dead.size(), 3u);
  EXPECT_NE(foreign.dead[0].message.find("names record 9, which it was not given"), std::string::npos);
}

}  // namespace
}  // namespace datagen
