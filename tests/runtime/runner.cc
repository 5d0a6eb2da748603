// Operators over frames: what becomes of each record when they return, throw, retry, drop and emit.
#include "operator_runner.h"

#include <gtest/gtest.h>

#include <simdjson.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "datagen/testing.h"
#include "json_write.h"
#include "tests/temporary_folder.h"

namespace datagen {
namespace {

using std::chrono::milliseconds;

struct Ran {
  std::vector<std::string> records;
  std::vector<std::string> ids;
  std::vector<bool> are_validated;
  std::vector<std::string> dead_letters;
  StageNotes notes;
};

RunnerOptions options(int threads = 1, int retries = 0, OnError on_error = OnError::dead_letter) {
  RunnerOptions made;
  made.threads = threads;
  made.retries = retries;
  made.backoff = milliseconds(1);
  made.on_error = on_error;
  return made;
}

class Runner {
 public:
  Runner(detail::StageDefinition definition, RunnerOptions with = options())
      : definition_(std::move(definition)), runner_(definition_, context_, {"stage", {"in.jsonl"}}, with) {
    runner_.open();
  }

  Ran run(const std::vector<std::string>& records, const Suspicions& suspicions = {}) {
    std::vector<std::byte> space(1 << 20);
    FrameOrigin origin;
    origin.first_line = 1;
    FrameWriter in;
    in.begin(space, origin);
    for (std::size_t row = 0; row < records.size(); ++row) {
      in.add(records[row], "", {row, row + 1, row * 10, 0}, Tag::json, 0);
    }
    std::vector<std::byte> bytes(in.finish({}).begin(), in.finish({}).end());
    const std::size_t size = bytes.size();
    bytes.resize(size + simdjson::SIMDJSON_PADDING);
    const auto frame = FrameReader::open(std::span(bytes).first(size));
    Ran ran;
    std::vector<std::byte> out_space(1 << 16);
    FrameWriter out;
    out.begin(out_space, origin);
    const FrameReader& reader = frame.value();
    runner_.run(FrameRecords({&reader, 1}), out, ran.notes, suspicions);
    take(out, ran);
    return ran;
  }

  void check_untouched() { runner_.check_untouched(true); }

  Ran finish() {
    Ran ran;
    std::vector<std::byte> out_space(1 << 16);
    FrameWriter out;
    out.begin(out_space, {});
    runner_.finish(out, ran.notes);
    take(out, ran);
    return ran;
  }

  detail::ContextState context_{"stage", 0, {}};

 private:
  static void take(FrameWriter& out, Ran& ran) {
    const auto made = FrameReader::open(out.finish({}));
    for (std::size_t index = 0; index < made.value().size(); ++index) {
      ByteBuffer line;
      append_record(line, made.value()[index], Ids::off);
      ran.records.emplace_back(line.view());
      ran.are_validated.push_back((made.value()[index].flags & kValidated) != 0);
      ran.ids.push_back(lineage_id(made.value()[index].origin.row, made.value()[index].path));
    }
    ran.dead_letters = ran.notes.dead_letters;
    EXPECT_TRUE(ran.notes.counts.is_balanced());
    EXPECT_EQ(ran.notes.counts.out, ran.records.size());
    EXPECT_EQ(ran.notes.counts.dead, ran.dead_letters.size());
  }

  detail::StageDefinition definition_;
  OperatorRunner runner_;
};

template <class F>
Ran run(F function, const std::vector<std::string>& records, RunnerOptions with = options()) {
  return Runner(detail::define_item_stage(std::move(function)), with).run(records);
}

template <class F>
Ran run_batch(F function, const std::vector<std::string>& records, RunnerOptions with = options()) {
  return Runner(detail::define_batch_stage(std::move(function)), with).run(records);
}

// A member of a dead letter as JSON; the whole line must be valid.
std::string member(const std::string& letter, const char* pointer) {
  simdjson::dom::parser parser;
  simdjson::dom::element found;
  const simdjson::padded_string padded(letter);
  simdjson::dom::element root;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return "not JSON: " + letter;
  if (root.at_pointer(pointer).get(found) != simdjson::SUCCESS) return "missing";
  return simdjson::minify(found);
}

std::vector<std::string> numbered(int count) {
  std::vector<std::string> records;
  for (int index = 0; index < count; ++index) records.push_back("{\"n\":" + std::to_string(index) + "}");
  return records;
}

std::int64_t n_of(Item& item) { return std::stoll(std::string(item.get("n").raw())); }

TEST(Runner, PassesRewritesDropsAndExpands) {
  const Ran ran = run(
      [](Item& item, Context& context) {
        switch (n_of(item)) {
          case 0:
            return;
          case 1:
            return item.set("x", "y");
          case 2:
            return item.drop("short");
          case 3:
            item.emit({{"c", 0}});
            return item.emit_copy({{"c", 1}});
          default:
            context.count("other");
        }
      },
      {R"( {"n": 0 } )", R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})"});
  EXPECT_EQ(ran.records, (std::vector<std::string>{R"({"n": 0 })", R"({"n":1,"x":"y"})", R"({"c":0})",
                                                   R"({"n":3,"c":1})", R"({"n":4})"}));
  EXPECT_EQ(ran.ids, (std::vector<std::string>{"0", "1", "3_0", "3_1", "4"}));
  EXPECT_EQ(ran.notes.counts, (StageCounts{5, 5, 1, 0, 1, 2}));
  EXPECT_EQ(ran.notes.drop_reasons.at("short"), 1u);
  EXPECT_EQ(ran.notes.counters.at("other"), 1);
}

TEST(Runner, ChecksUntouchedRecordsWhereThatIsWantedAndLeavesBadOnesToTheSink) {
  const std::vector<std::string> records = {R"({"n":1})", R"({"n":2,})", "[3]", R"({"n":4e999})",
                                            R"({"n":5})"};
  const auto pass = [](Item&, Context&) {};
  for (const int threads : {1, 3}) {
    Runner runner(detail::define_item_stage(pass), options(threads));
    const Ran as_ever = runner.run(records);
    EXPECT_EQ(as_ever.records, records);
    EXPECT_EQ(as_ever.are_validated, std::vector<bool>(5, false));
    runner.check_untouched();
    const Ran checked = runner.run(records);
    EXPECT_EQ(checked.records, records);
    EXPECT_EQ(checked.are_validated, (std::vector<bool>{true, false, false, true, true}));
    EXPECT_TRUE(checked.dead_letters.empty());
  }
}

TEST(Runner, ChildrenOfChildrenHaveLongerIds) {
  std::vector<std::byte> in_space(4096), middle_space(4096), out_space(4096);
  FrameWriter in;
  in.begin(in_space, {});
  in.add("{}", "2_7", {5, 0, 0, 0}, Tag::json, 0);
  detail::StageDefinition twice = detail::define_item_stage([](Item& item, Context&) {
    item.emit({{"a", 1}});
    item.emit({{"id", item.id()}});
  });
  detail::ContextState context("s", 0, {});
  OperatorRunner runner(twice, context, {}, options());
  StageNotes notes;
  FrameWriter middle, out;
  middle.begin(middle_space, {});
  runner.run(FrameReader::open(in.finish({})).value(), middle, notes);
  out.begin(out_space, {});
  runner.run(FrameReader::open(middle.finish({})).value(), out, notes);
  const auto made = FrameReader::open(out.finish({}));
  ASSERT_EQ(made.value().size(), 4u);
  EXPECT_EQ(made.value()[0].path, "2_7_0_0");
  EXPECT_EQ(made.value()[1].path, "2_7_0_1");
  EXPECT_EQ(made.value()[2].path, "2_7_1_0");
  EXPECT_EQ(made.value()[3].path, "2_7_1_1");
  EXPECT_TRUE(notes.counts.is_balanced());
}

TEST(Runner, ExceptionsBecomeDeadLetters) {
  const Ran ran = run(
      [](Item& item, Context&) {
        if (n_of(item) == 1) throw std::runtime_error("the \"message\"\n");
        if (n_of(item) == 2) throw 42;
        if (n_of(item) == 3) throw BadRecord("too_odd", "three");
        if (n_of(item) == 4) throw BadRecord("four");
        if (n_of(item) == 5) throw Retry(milliseconds(0), "five");
      },
      numbered(7));
  EXPECT_EQ(ran.ids, (std::vector<std::string>{"0", "6"}));
  ASSERT_EQ(ran.dead_letters.size(), 5u);
  EXPECT_EQ(ran.dead_letters[0],
            R"({"id":1,"stage":"stage","reason":"exception","message":"the \"message\"\n","attempts":1,)"
            R"("source":{"uri":"in.jsonl","line":2,"offset":10},"record":{"n":1}})");
  const char* reasons[] = {"\"exception\"", "\"exception\"", "\"too_odd\"", "\"bad_record\"",
                           "\"retries_exhausted\""};
  for (std::size_t index = 0; index < 5; ++index)
    EXPECT_EQ(member(ran.dead_letters[index], "/reason"), reasons[index]);
  EXPECT_EQ(member(ran.dead_letters[3], "/message"), "\"four\"");
}

TEST(Runner, ADeadLetterHoldsTheRecordAsItCame) {
  const Ran ran = run(
      [](Item& item, Context&) {
        item.set("n", "changed");
        item.emit({{"child", 1}});
        throw std::runtime_error("x");
      },
      {R"({"n":1.0,"s":"\u00e9"})"});
  ASSERT_EQ(ran.dead_letters.size(), 1u);
  EXPECT_NE(ran.dead_letters[0].find(R"("record":{"n":1.0,"s":"\u00e9"})"), std::string::npos);
  EXPECT_TRUE(ran.records.empty());
  EXPECT_EQ(ran.notes.counts, (StageCounts{1, 0, 0, 1, 0, 0}));
}

TEST(Runner, BadLinesBecomeDeadLettersWithTheirText) {
  const Ran ran =
      run([](Item& item, Context&) { item.has("a"); }, {"{\"a\":1,}", "[1]", "{\"a\":\"\xff\"}", "{}"});
  ASSERT_EQ(ran.dead_letters.size(), 3u);
  EXPECT_EQ(member(ran.dead_letters[0], "/reason"), "\"bad_json\"");
  EXPECT_EQ(member(ran.dead_letters[0], "/record_text"), R"("{\"a\":1,}")");
  EXPECT_EQ(member(ran.dead_letters[1], "/reason"), "\"not_an_object\"");
  EXPECT_EQ(member(ran.dead_letters[1], "/record_text"), "\"[1]\"");
  EXPECT_EQ(member(ran.dead_letters[2], "/reason"), "\"invalid_utf8\"");
  EXPECT_EQ(member(ran.dead_letters[2], "/record_base64"), "\"eyJhIjoi/yJ9\"");
}

TEST(Runner, ADeadLetterIsValidJsonWhateverWasThrown) {
  const Ran ran = run([](Item&, Context&) { throw std::runtime_error("bytes \xff\xc3 and \x01"); }, {"{}"});
  ASSERT_EQ(ran.dead_letters.size(), 1u);
  EXPECT_EQ(member(ran.dead_letters[0], "/reason"), "\"exception\"");
  const Ran bad_key = run([](Item& item, Context&) { item.text("\xff"); }, {"{}"});
  ASSERT_EQ(bad_key.dead_letters.size(), 1u);
  EXPECT_EQ(member(bad_key.dead_letters[0], "/reason"), "\"missing_field\"");
}

TEST(Runner, ADeadLetterIsOneLine) {
  const Ran ran = run([](Item&, Context&) { throw std::runtime_error("a\nb"); }, {"{\n\"a\":\r\n1}"});
  ASSERT_EQ(ran.dead_letters.size(), 1u);
  EXPECT_EQ(ran.dead_letters[0].find('\n'), std::string::npos) << ran.dead_letters[0];
}

// ---- attempts

TEST(Runner, BadRecordsAreNotTriedAgain) {
  int calls = 0;
  const Ran ran = run(
      [&](Item&, Context&) {
        ++calls;
        throw BadRecord("x");
      },
      {"{}"}, options(1, 5));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(member(ran.dead_letters.at(0), "/attempts"), "1");
}

TEST(Runner, OtherExceptionsUseTheRetries) {
  for (const int retries : {0, 1, 3}) {
    int calls = 0;
    const Ran ran = run(
        [&](Item&, Context&) {
          ++calls;
          throw std::runtime_error("x");
        },
        {"{}"}, options(1, retries));
    EXPECT_EQ(calls, retries + 1);
    EXPECT_EQ(member(ran.dead_letters.at(0), "/attempts"), std::to_string(retries + 1));
  }
}

TEST(Runner, TheItemIsRestoredBeforeEachAttempt) {
  int calls = 0;
  const Ran ran = run(
      [&](Item& item, Context&) {
        EXPECT_EQ(item.json(), R"({"n":1.0})");
        ++calls;
        if (calls == 1) {
          item.set("n", 5);
          item.emit({{"child", calls}});
          throw std::runtime_error("first");
        }
        if (calls == 2) {
          item.drop("gone");
          throw Retry(milliseconds(1));
        }
        item.set("done", true);
      },
      {R"({"n":1.0})"}, options(1, 2));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(ran.records, (std::vector<std::string>{R"({"n":1.0,"done":true})"}));
  EXPECT_EQ(ran.notes.counts, (StageCounts{1, 1, 0, 0, 0, 0}));
}

TEST(Runner, RetryWaitsAsLongAsAskedFor) {
  const auto begin = std::chrono::steady_clock::now();
  int calls = 0;
  run(
      [&](Item&, Context&) {
        if (++calls == 1) throw Retry(milliseconds(60));
      },
      {"{}"}, options(1, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(60));
  EXPECT_EQ(calls, 2);
}

TEST(Runner, BackoffDoublesLessARandomPart) {
  RunnerOptions given = options(1, 3);
  given.backoff = milliseconds(40);
  std::vector<std::chrono::steady_clock::time_point> calls;
  run(
      [&](Item&, Context&) {
        calls.push_back(std::chrono::steady_clock::now());
        throw std::runtime_error("x");
      },
      {"{}"}, given);
  ASSERT_EQ(calls.size(), 4u);
  for (std::size_t call = 1; call < calls.size(); ++call) {
    const auto least = milliseconds(20 << (call - 1));  // a loaded machine may take longer
    EXPECT_GE(calls[call] - calls[call - 1], least) << call;
  }
}

TEST(Runner, ErrorsAndRetriesAreCounted) {
  int calls = 0;
  const Ran ran = run(
      [&](Item& item, Context&) {
        if (n_of(item) == 1) throw std::runtime_error("always");
        if (++calls == 1) throw std::runtime_error("once");
      },
      {R"({"n":0})", R"({"n":1})"}, options(1, 2));
  EXPECT_EQ(ran.notes.errors, 4u);
  EXPECT_EQ(ran.notes.retries, 3u);
}

TEST(Runner, DroppedRecordsAreKeptAsTheyCame) {
  RunnerOptions given = options(1, 0);
  given.keeps_exclusions = true;
  const Ran ran = run(
      [&](Item& item, Context&) {
        item.set("more", true);
        if (n_of(item) == 1) return item.drop("odd");
      },
      {R"({"n":0})", R"({"n":1})"}, given);
  EXPECT_NE(ran.notes.exclusions.find(R"({"id":1,)"), std::string::npos) << ran.notes.exclusions;
  EXPECT_NE(ran.notes.exclusions.find(R"("reason":"odd",)"), std::string::npos);
  EXPECT_NE(ran.notes.exclusions.find(R"("record":{"n":1}})"
                                      "\n"),
            std::string::npos);
  EXPECT_EQ(ran.notes.counts.exclusion_bytes, ran.notes.exclusions.size());
}

TEST(Runner, CancelledEndsTheAttempts) {
  std::atomic<std::uint32_t> cancel{1};
  int calls = 0;
  Runner runner(detail::define_item_stage([&](Item&, Context&) {
                  ++calls;
                  throw std::runtime_error("x");
                }),
                options(1, 50));
  runner.context_.cancel = &cancel;
  runner.run({"{}"});
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(runner.context_.was_told_to_stop) << "else its frame would be published";
}

TEST(Runner, OnErrorDropCountsAndOnErrorFailStops) {
  const auto bad = [](Item& item, Context&) {
    if (n_of(item) == 1) throw BadRecord("odd", "one is odd");
  };
  const Ran dropped = run(bad, numbered(3), options(1, 0, OnError::drop));
  EXPECT_EQ(dropped.ids, (std::vector<std::string>{"0", "2"}));
  EXPECT_EQ(dropped.notes.counts, (StageCounts{3, 2, 1, 0, 0, 0}));
  EXPECT_EQ(dropped.notes.drop_reasons.at("error: odd"), 1u);
  for (const int threads : {1, 4}) {
    try {
      run(bad, numbered(3), options(threads, 0, OnError::fail));
      FAIL() << "the stage went on";
    } catch (const StageFailed& failed) {
      EXPECT_STREQ(failed.what(), "record 1: odd: one is odd");
    }
  }
}

TEST(Runner, MistakesInTheOperatorAreDeadLettersToo) {
  const Ran ran = run(
      [](Item& item, Context&) {
        item.drop("x");
        item.set("a", 1);
      },
      {"{}"});
  EXPECT_EQ(member(ran.dead_letters.at(0), "/message"), "\"set after drop\"");
}

// ---- threads

TEST(Runner, EightThreadsKeepOrderAndCounts) {
  const auto work = [](Item& item, Context& context) {
    const std::int64_t n = n_of(item);
    if (n % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    context.count("calls");
    if (n % 11 == 3) throw BadRecord("odd", "eleven");
    if (n % 5 == 0) return;
    if (n % 5 == 1) return item.drop("one");
    if (n % 5 == 2) {
      for (int child = 0; child < 3; ++child) item.emit_copy({{"child", child}, {"id", item.id()}});
      return;
    }
    item.set("text", std::string(static_cast<std::size_t>(n % 100), 'x'));
  };
  const Ran one = run(work, numbered(3000), options(1));
  for (int round = 0; round < 3; ++round) {
    const Ran eight = run(work, numbered(3000), options(8));
    EXPECT_EQ(eight.records, one.records);
    EXPECT_EQ(eight.ids, one.ids);
    EXPECT_EQ(eight.dead_letters, one.dead_letters);
    EXPECT_EQ(eight.notes.counts, one.notes.counts);
    EXPECT_EQ(eight.notes.drop_reasons, one.notes.drop_reasons);
    EXPECT_EQ(eight.notes.counters.at("calls"), 3000);
  }
}

TEST(Runner, ThreadsReallyWorkAtTheSameTime) {
  std::atomic<int> inside{0}, most{0};
  run(
      [&](Item&, Context&) {
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(milliseconds(20));
        --inside;
      },
      numbered(16), options(8));
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 8);
}

TEST(Runner, WhatIsTriedAgainRunsBeforeTheOthersAndKeepsItsPlace) {
  Suspicions suspicions;
  suspicions.firsts = {2, 1, 99};  // no frame has a record 99
  suspicions.skips = {{1, 0, {"crash", "given up", 3, {}}}};
  for (const int threads : {1, 3}) {
    std::mutex mutex;
    std::vector<std::int64_t> seen;
    Runner runner(detail::define_item_stage([&](Item& item, Context&) {
                    const std::lock_guard lock(mutex);
                    seen.push_back(n_of(item));
                    if (seen.back() == 3) item.drop("three");
                  }),
                  options(threads));
    const Ran ran = runner.run({R"({"n":0})", R"({"n":1})", R"({"n":2})", R"({"n":3})"}, suspicions);
    EXPECT_EQ(ran.records, (std::vector<std::string>{R"({"n":0})", R"({"n":2})"}));
    EXPECT_EQ(ran.notes.counts.dropped, 1u);
    EXPECT_EQ(ran.dead_letters.size(), 1u);
    EXPECT_EQ(seen.front(), 2);
    std::ranges::sort(seen);
    EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 2, 3}));
  }
}

TEST(Runner, EmptyFramesPassWithAnyThreads) {
  for (const int threads : {1, 8})
    EXPECT_TRUE(run([](Item&, Context&) {}, {}, options(threads)).records.empty());
  EXPECT_TRUE(run_batch([](Batch&, Context&) {}, {}).records.empty());
}

// ---- batches

TEST(Runner, BatchesHaveTheirSize) {
  for (const std::size_t size : {0u, 1u, 3u, 10u, 100u}) {
    std::vector<std::size_t> sizes;
    RunnerOptions with = options();
    with.batch_size = size;
    const Ran ran = run_batch(
        [&](Batch& batch, Context&) {
          sizes.push_back(batch.size());
          for (Item& item : batch) item.set("of", batch.size());
        },
        numbered(10), with);
    EXPECT_EQ(ran.records.size(), 10u);
    std::size_t left = 10;
    for (const std::size_t seen : sizes) {
      EXPECT_EQ(seen, std::min(size == 0 ? 10 : size, left));
      left -= seen;
    }
    EXPECT_EQ(left, 0u);
  }
}

TEST(Runner, OneBadRecordDoesNotFailItsBatch) {
  const Ran ran = run_batch(
      [](Batch& batch, Context&) {
        for (Item& item : batch) {
          EXPECT_FALSE(item.has("seen"));
          item.set("seen", 1);
          if (n_of(item) == 2) throw BadRecord("odd", "two");
        }
      },
      numbered(5));
  EXPECT_EQ(ran.ids, (std::vector<std::string>{"0", "1", "3", "4"}));
  for (const std::string& record : ran.records) EXPECT_NE(record.find(",\"seen\":1}"), std::string::npos);
  ASSERT_EQ(ran.dead_letters.size(), 1u);
  EXPECT_EQ(member(ran.dead_letters[0], "/id"), "2");
  EXPECT_EQ(member(ran.dead_letters[0], "/reason"), "\"odd\"");
  EXPECT_EQ(ran.notes.counts, (StageCounts{5, 4, 0, 1, 0, 0}));
}

TEST(Runner, ARejectedRecordIsADeadLetterAndItsBatchIsNotCalledAgain) {
  int calls = 0;
  const Ran ran = run_batch(
      [&](Batch& batch, Context&) {
        ++calls;
        for (Item& item : batch) {
          item.set("seen", true);
          if (n_of(item) == 1) item.reject("no_good", "it is one");
        }
      },
      numbered(3));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ran.ids, (std::vector<std::string>{"0", "2"}));
  ASSERT_EQ(ran.dead_letters.size(), 1u);
  EXPECT_EQ(member(ran.dead_letters[0], "/reason"), "\"no_good\"");
  EXPECT_EQ(member(ran.dead_letters[0], "/message"), "\"it is one\"");
  EXPECT_EQ(member(ran.dead_letters[0], "/record"), "{\"n\":1}") << "as it came";
}

TEST(Runner, ARejectedRecordIsADeadLetterInThreadsToo) {
  const Ran ran = run(
      [](Item& item, Context&) {
        if (n_of(item) % 2 == 1) item.reject("odd", "it is odd");
      },
      numbered(10), options(4));
  EXPECT_EQ(ran.records.size(), 5u);
  EXPECT_EQ(ran.dead_letters.size(), 5u);
}

TEST(Runner, StopRunStopsItWithTheMessageWhateverTheRetries) {
  const auto stop = [](auto&, Context&) { throw StopRun("nobody answers"); };
  const auto message = [](auto call) {
    try {
      call();
    } catch (const StageFailed& failed) {
      return std::string(failed.what());
    }
    return std::string("it went on");
  };
  EXPECT_EQ(message([&] { run([&](Item& item, Context& c) { stop(item, c); }, numbered(1), options(1, 5)); }),
            "nobody answers");
  EXPECT_EQ(message([&] { run([&](Item& item, Context& c) { stop(item, c); }, numbered(4), options(4)); }),
            "nobody answers");
  EXPECT_EQ(message([&] { run_batch([&](Batch& batch, Context& c) { stop(batch, c); }, numbered(4)); }),
            "nobody answers");
}

TEST(Runner, BatchesDropAndEmitEachForItself) {
  const Ran ran = run_batch(
      [](Batch& batch, Context&) {
        for (std::size_t index = batch.size(); index-- > 0;) {
          if (index == 0) batch[index].drop("first");
          if (index == 1) batch[index].emit({{"c", "of 1"}});
        }
      },
      numbered(3));
  EXPECT_EQ(ran.ids, (std::vector<std::string>{"1_0", "2"}));
  EXPECT_EQ(ran.notes.counts, (StageCounts{3, 2, 1, 0, 1, 1}));
}

// ---- stateful operators

struct Summing : Operator {
  void process_item(Item& item, Context&) override {
    sum += n_of(item);
    item.drop("summed");
  }
  void finish(Emitter& out, Context&) override {
    out.emit({{"sum", sum}});
    out.emit(object({{"twice", 2 * sum}}));
  }
  void save(std::ostream& out) const override { out << sum; }
  void load(std::istream& in) override { in >> sum; }
  std::int64_t sum = 0;
};

TEST(Runner, FinishEmitsAtTheEnd) {
  Runner runner(detail::define_stage<Summing>());
  EXPECT_TRUE(runner.run(numbered(5)).records.empty());
  EXPECT_TRUE(runner.run(numbered(5)).records.empty());
  const Ran end = runner.finish();
  EXPECT_EQ(end.records, (std::vector<std::string>{R"({"sum":20})", R"({"twice":40})"}));
  EXPECT_EQ(end.ids, (std::vector<std::string>{"end_0", "end_1"}));
  EXPECT_EQ(end.notes.counts, (StageCounts{0, 2, 0, 0, 0, 2}));
}

TEST(Testing, StateSurvivesBeingSavedAndLoaded) {
  const TestResult plain = test<Summing>({}, {"{\"n\":1}", "{\"n\":2}", "{\"n\":39}"});
  EXPECT_EQ(plain.records, (std::vector<std::string>{R"({"sum":42})", R"({"twice":84})"}));
  EXPECT_EQ(plain.save_and_reload().records, plain.records);
  EXPECT_EQ(plain.dropped.size(), 3u);
  EXPECT_EQ(plain.dropped[1].id, "1");
  EXPECT_EQ(plain.dropped[1].reason, "summed");
}

TEST(Testing, WhatSaveForgetsIsNoticed) {
  struct Forgetful : Summing {
    void load(std::istream&) override {}
  };
  const TestResult plain = test<Forgetful>({}, {"{\"n\":1}", "{\"n\":2}"});
  EXPECT_EQ(plain.records[0], R"({"sum":3})");
  EXPECT_EQ(plain.save_and_reload().records[0], R"({"sum":2})");
}

struct Limited : Operator {
  static void describe(Parameters& p) { p.integer("max", 10).min(1); }
  void open(Context& c) override { max = c.param<std::int64_t>("max"); }
  void process_item(Item& item, Context& c) override {
    if (n_of(item) <= max) return;
    c.count("above");
    item.drop("above");
  }
  std::int64_t max = 0;
};

TEST(Testing, ParametersAreGivenAndChecked) {
  EXPECT_EQ(test<Limited>({{"max", 1}}, numbered(4)).ids, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(test<Limited>({}, numbered(4)).records.size(), 4u);
  EXPECT_EQ(test<Limited>({{"max", 1}}, numbered(4)).counters.at("above"), 2);
  EXPECT_THROW(test<Limited>({{"max", 0}}, {}), std::invalid_argument);
  EXPECT_THROW(test<Limited>({{"max", "many"}}, {}), std::invalid_argument);
  EXPECT_THROW(test<Limited>({{"mox", 1}}, {}), std::invalid_argument);
}

TEST(Testing, ABatchNamesEachRecordThatIsLost) {
  const TestResult result = test_batch(
      [](auto& batch, auto&) {
        for (Item& item : batch) {
          if (n_of(item) == 1 || n_of(item) == 3) item.drop("odd");
          if (n_of(item) == 2) throw BadRecord("two");
        }
      },
      numbered(5));
  EXPECT_EQ(result.ids, (std::vector<std::string>{"0", "4"}));
  ASSERT_EQ(result.dead.size(), 1u);
  EXPECT_EQ(result.dead[0].id, "2");
  ASSERT_EQ(result.dropped.size(), 2u);
  EXPECT_EQ(result.dropped[0].id, "1");
  EXPECT_EQ(result.dropped[1].id, "3");
}

// ---- a whole main()

class MainTest : public testing::Test {
 protected:
  template <class F>
  int main(F function, const std::string& input) {
    std::ofstream(folder_ + "/in") << input;
    std::string words[] = {"stage", "--in", folder_ + "/in", "--out", folder_ + "/out"};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(),
                    words[3].data(), words[4].data(), nullptr};
    return function(5, argv);
  }
  std::string output() const {
    std::stringstream text;
    text << std::ifstream(folder_ + "/out").rdbuf();
    return text.str();
  }
  TemporaryFolder own_;
  std::string folder_ = own_.path();
};

TEST_F(MainTest, RunStageTakesAGenericLambda) {
  const int code = main(
      [](int argc, char** argv) {
        return run_stage(argc, argv,
                         [](auto& item, auto&) { item.set("len", count_code_points(item.text("text"))); });
      },
      "{\"text\":\"é\"}\n\n{\"text\":\"\"}\n");
  EXPECT_EQ(code, 0);
  EXPECT_EQ(output(), "{\"text\":\"é\",\"len\":1}\n{\"text\":\"\",\"len\":0}\n");
}

TEST_F(MainTest, RunBatchStageTakesAGenericLambda) {
  const int code = main(
      [](int argc, char** argv) {
        return run_batch_stage(argc, argv, [](auto& batch, auto&) {
          for (auto& item : batch) item.set("of", batch.size());
        });
      },
      "{}\n{}\n");
  EXPECT_EQ(code, 0);
  EXPECT_EQ(output(), "{\"of\":2}\n{\"of\":2}\n");
}

TEST_F(MainTest, RunStageTakesAnOperator) {
  EXPECT_EQ(
      main([](int argc, char** argv) { return run_stage<Summing>(argc, argv); }, "{\"n\":1}\n{\"n\":2}"), 0);
  EXPECT_EQ(output(), "{\"sum\":3}\n{\"twice\":6}\n");
}

TEST_F(MainTest, DeadLettersMakeItsExitCode) {
  testing::internal::CaptureStderr();
  const int code = main([](int argc, char** argv) { return run_stage(argc, argv, [](auto&, auto&) {}); },
                        "{}\n{\"a\":}\n");
  EXPECT_EQ(code, 1);
  EXPECT_EQ(member(testing::internal::GetCapturedStderr(), "/reason"), "\"bad_json\"");
  EXPECT_EQ(output(), "{}\n");
}

}  // namespace
}  // namespace datagen
