// Lines of batch files, and what the ledger tells of batches that were begun.
#include <gtest/gtest.h>

#include <datagen/testing.h>

#include "llm/batch_file.h"
#include "llm/batch_notes.h"

namespace datagen::llm {
namespace {

TEST(BatchFile, ARequestIsALine) {
  EXPECT_EQ(batch_request("3:#0-a", R"("messages":[])", "m\"x", false),
            R"({"custom_id":"3:#0-a","method":"POST","url":"/v1/chat/completions",)"
            R"("body":{"model":"m\"x","messages":[]}})");
}

TEST(BatchFile, AnIdTellsRecordAttemptAndQuestion) {
  const CallKey key{"7:1", 2, hash_request("a")};
  EXPECT_TRUE(custom_id(key).starts_with("7:1#2-"));
  EXPECT_EQ(custom_id(key), custom_id({"7:1", 2, hash_request("a")}));
  EXPECT_NE(custom_id(key), custom_id({"7:1", 2, hash_request("b")}));
}

TEST(BatchFile, ResultsAreReadWithWhatWentWrong) {
  const auto good = parse_batch_result(
      R"({"custom_id":"x","response":{"status_code":200,"body":{"a":[1.0]}},"error":null})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good.value().status, 200);
  EXPECT_EQ(good.value().body, R"({"a":[1.0]})");
  EXPECT_EQ(good.value().error, "");
  const auto refused = parse_batch_result(
      R"({"custom_id":"x","response":{"status_code":400,"body":{"error":{"message":"too long"}}}})");
  EXPECT_EQ(refused.value().error, "too long");
  const auto expired =
      parse_batch_result(R"({"custom_id":"x","response":null,"error":{"code":"batch_expired"}})");
  EXPECT_EQ(expired.value().status, 0);
  EXPECT_EQ(expired.value().error, "batch_expired");
  EXPECT_FALSE(parse_batch_result("{"));
  EXPECT_FALSE(parse_batch_result(R"({"response":null})"));
}

TEST(BatchNotes, TellWhereAQuestionIs) {
  const auto r = test(
      [](Item& item, Context& context) {
        Ledger& ledger = context.ledger();
        BatchNotes notes(ledger);
        const CallKey key{item.identity(), 0, hash_request("q")};
        QuestionTrail trail = notes.trail(key);
        EXPECT_EQ(trail.batch, "");
        notes.note_batch(key, trail, "first", "id 1");
        notes.note_file("first", "file-1");
        ASSERT_TRUE(notes.wait());
        trail = notes.trail(key);
        EXPECT_EQ(trail.batch, "first");
        EXPECT_EQ(trail.custom_id, "id 1");
        EXPECT_EQ(notes.file("first"), "file-1");
        EXPECT_FALSE(notes.id("first"));
        notes.note_miss(key, trail, kNeverBegun, "a crash");
        EXPECT_EQ(notes.trail(key).misses, 0U);
        notes.note_batch(key, trail, "second", "id 2");
        notes.note_miss(key, trail, 500, "no luck");
        trail = notes.trail(key);
        EXPECT_EQ(trail.batch, "");
        EXPECT_EQ(trail.misses, 1U);
        EXPECT_EQ(trail.last_miss, "no luck");
        EXPECT_FALSE(trail.gives_up(1));
        EXPECT_TRUE(trail.gives_up(0));
        notes.note_batch(key, trail, "third", "id 3");
        notes.note_miss(key, trail, 400, "too long");
        EXPECT_TRUE(notes.trail(key).is_refused());
        // Another attempt, and another record, know nothing of it.
        EXPECT_EQ(notes.trail({key.record, 1, key.request}).notes, 0U);
        EXPECT_EQ(notes.trail({"9:", 0, key.request}).notes, 0U);
      },
      {"{}"});
  EXPECT_EQ(r.records.size(), 1U);
}

}  // namespace
}  // namespace datagen::llm
