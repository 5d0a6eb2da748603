// Results of paid calls: what is found after any death, any cut and any damage, and by whom.
#include "datagen/ledger.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "../temporary_folder.h"
#include "runtime/durable_file.h"
#include "runtime/ledger_files.h"

namespace datagen {

namespace fs = std::filesystem;
using detail::LedgerFiles;
using detail::LedgerPlace;

namespace {

CallKey key_of(int number, std::uint32_t attempt = 0, const std::string& request = "what?") {
  return {std::to_string(number) + ":", attempt, hash_request(request)};
}
std::string result_of(int number) { return "the answer to " + std::to_string(number); }

class LedgerTest : public testing::Test {
 protected:
  LedgerPlace place(int worker = 0, std::uint64_t generation = 1, const std::string& stage = "chat") const {
    LedgerPlace made;
    made.folder = folder();
    made.owner = {stage, worker, generation};
    made.claims = &claims_;
    return made;
  }
  std::string folder() const { return folder_.path() + "/ledger"; }
  static std::unique_ptr<Ledger> open(LedgerPlace where) {
    return std::make_unique<Ledger>(std::make_unique<LedgerFiles>(std::move(where)));
  }
  std::unique_ptr<Ledger> open(int worker = 0, std::uint64_t generation = 1) const {
    return open(place(worker, generation));
  }
  void claim_a_frame() { ++claims_; }

  static Result<void> store(Ledger& ledger, const CallKey& key, std::string_view result) {
    std::promise<Result<void>> stored;
    ledger.store(key, result, [&](Result<void> done) { stored.set_value(std::move(done)); });
    return stored.get_future().get();
  }
  void fill(int first, int last, int worker = 0, std::uint64_t generation = 1) const {
    const auto ledger = open(worker, generation);
    for (int number = first; number < last; ++number)
      ledger->store(key_of(number), result_of(number), [](Result<void> done) { EXPECT_TRUE(done); });
  }
  std::vector<std::string> files() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder())) found.insert(entry.path());
    return {found.begin(), found.end()};
  }
  std::string only_file() const {
    EXPECT_EQ(files().size(), 1u);
    return files().front();
  }
  static std::string read(const std::string& path) { return read_file(path).value(); }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  TemporaryFolder folder_{"/dev/shm"};
  std::atomic<std::uint64_t> claims_{0};
};

}  // namespace

TEST_F(LedgerTest, WhatWasStoredIsFoundByItsWholeKey) {
  const auto ledger = open();
  EXPECT_FALSE(ledger->find(key_of(1)));
  ASSERT_TRUE(store(*ledger, key_of(1), result_of(1)));
  ASSERT_TRUE(store(*ledger, key_of(1, 1), "again"));
  ASSERT_TRUE(store(*ledger, key_of(2), ""));
  EXPECT_EQ(ledger->find(key_of(1)), result_of(1));
  EXPECT_EQ(ledger->find(key_of(1, 1)), "again");
  EXPECT_EQ(ledger->find(key_of(2)), "");
  EXPECT_FALSE(ledger->find(key_of(1, 2)));
  EXPECT_FALSE(ledger->find(key_of(3)));
  EXPECT_FALSE(ledger->find(key_of(1, 0, "who?")));
}

TEST_F(LedgerTest, ALaterProcessFindsAll) {
  fill(0, 1000);
  fill(1000, 2000, 1);
  const auto ledger = open(0, 2);
  for (int number = 0; number < 2000; ++number) EXPECT_EQ(ledger->find(key_of(number)), result_of(number));
  EXPECT_FALSE(ledger->find(key_of(2000)));
  const auto other = open(place(0, 2, "judge"));
  EXPECT_FALSE(other->find(key_of(7))) << "another stage's";
}

TEST_F(LedgerTest, ManyThreadsStoreAndWaitTogether) {
  const auto ledger = open();
  std::atomic<int> stored{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = thread * 100; number < thread * 100 + 100; ++number) {
        ASSERT_TRUE(store(*ledger, key_of(number), result_of(number)));
        ++stored;
        EXPECT_EQ(ledger->find(key_of(number)), result_of(number));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 800);
}

TEST_F(LedgerTest, ACallbackMayStoreTheNext) {
  std::promise<void> done;
  const auto ledger = open();
  ledger->store(key_of(1), "a", [&](Result<void>) {
    ledger->store(key_of(1, 1), "b", [&](Result<void>) { done.set_value(); });
  });
  done.get_future().get();
  EXPECT_EQ(ledger->find(key_of(1, 1)), "b");
}

TEST_F(LedgerTest, WhoTakesAFrameOverFindsWhatItsOwnerAppended) {
  const auto successor = open(1);
  EXPECT_FALSE(successor->find(key_of(0)));
  int appended[2];
  ASSERT_EQ(pipe(appended), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto ledger = open(0);
    for (int number = 0; number < 50; ++number)
      ledger->store(key_of(number), result_of(number), [](Result<void>) {});
    static_cast<void>(::write(appended[1], "x", 1));
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(appended[0], &byte, 1), 1);
  kill(owner, SIGKILL);
  ASSERT_EQ(waitpid(owner, nullptr, 0), owner);
  EXPECT_FALSE(successor->find(key_of(0))) << "the same frame: nothing of it can be another's";
  claim_a_frame();
  for (int number = 0; number < 50; ++number) EXPECT_EQ(successor->find(key_of(number)), result_of(number));
  close(appended[0]);
  close(appended[1]);
}

TEST_F(LedgerTest, ALivingNeighboursTailIsReadAgainWhenItHasGrown) {
  const auto left = open(0);
  const auto right = open(1);
  for (int number = 0; number < 20; ++number) {
    ASSERT_TRUE(store(*left, key_of(number), result_of(number)));
    claim_a_frame();
    EXPECT_EQ(right->find(key_of(number)), result_of(number));
  }
}

TEST_F(LedgerTest, EveryTruncationKeepsWhatIsWhole) {
  fill(0, 6);
  const std::string path = only_file();
  const std::string whole = read(path);
  const std::size_t entry = whole.size() / 6;
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    write(path, whole.substr(0, bytes));
    const auto ledger = open(0, 2);
    for (int number = 0; number < 6; ++number) {
      const bool is_whole = (static_cast<std::size_t>(number) + 1) * entry <= bytes;
      ASSERT_EQ(ledger->find(key_of(number)), is_whole ? std::optional(result_of(number)) : std::nullopt)
          << bytes;
    }
  }
}

TEST_F(LedgerTest, AFlippedBitCostsOneResultAndChangesNone) {
  fill(0, 5);
  const std::string path = only_file();
  const std::string whole = read(path);
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write(path, damaged);
    const auto ledger = open(0, 2);
    int lost = 0;
    for (int number = 0; number < 5; ++number) {
      const auto found = ledger->find(key_of(number));
      if (!found) ++lost;
      EXPECT_EQ(found.value_or(result_of(number)), result_of(number)) << bit;
    }
    ASSERT_EQ(lost, 1) << bit;
  }
}

TEST_F(LedgerTest, WhatOneCallBroughtIsThereAsAWholeOrNotAtAll) {
  {
    const auto ledger = open();
    ASSERT_TRUE(store(*ledger, key_of(0), result_of(0)));
    for (const int first : {1, 4}) {
      std::vector<PaidOutcome> outcomes;
      for (int number = first; number < first + 3; ++number)
        outcomes.push_back({key_of(number), result_of(number), {number == first ? "gpt" : "", 1, 0}});
      std::promise<Result<void>> stored;
      ledger->store(outcomes, [&](Result<void> done) { stored.set_value(std::move(done)); });
      ASSERT_TRUE(stored.get_future().get());
      for (int number = first; number < first + 3; ++number)
        EXPECT_EQ(ledger->find(key_of(number)), result_of(number));
    }
    ASSERT_TRUE(store(*ledger, key_of(7), result_of(7)));
  }
  const std::string path = only_file();
  const std::string whole = read(path);
  const auto found_in = [&](const std::string& bytes) {
    write(path, bytes);
    const auto ledger = open(0, 2);
    std::string found;
    for (int number = 0; number < 8; ++number) {
      const auto result = ledger->find(key_of(number));
      EXPECT_EQ(result.value_or(result_of(number)), result_of(number));
      if (result) found += std::to_string(number);
    }
    return found;
  };
  std::set<std::string> cut, damaged;
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) cut.insert(found_in(whole.substr(0, bytes)));
  EXPECT_EQ(cut, (std::set<std::string>{"", "0", "0123", "0123456", "01234567"}));
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    std::string bytes = whole;
    bytes[byte] = static_cast<char>(bytes[byte] ^ 4);
    damaged.insert(found_in(bytes));
  }
  EXPECT_EQ(damaged, (std::set<std::string>{"1234567", "04567", "01237", "0123456"}));
  EXPECT_EQ(found_in(whole), "01234567");
  const auto sums = sum_ledger(folder(), [](const LedgerOwner&) { return true; });
  EXPECT_EQ(sums.value().front().requests, 2u);
}

TEST_F(LedgerTest, AnEntryWithinAnAnswerIsNoEntry) {
  fill(0, 1);
  const std::string forged = read(only_file());
  fs::remove_all(folder());
  {
    const auto ledger = open();
    ASSERT_TRUE(store(*ledger, key_of(1), forged + forged));
  }
  std::string bytes = read(only_file());
  bytes[5] = static_cast<char>(bytes[5] ^ 1);  // its own head is damaged
  write(only_file(), bytes);
  EXPECT_FALSE(open(0, 2)->find(key_of(0)));
}

TEST_F(LedgerTest, LongFilesAreSealedAndTheirIndexCanBeMadeAnew) {
  const std::string large(1 << 20, 'x');
  {
    const auto ledger = open();
    for (int number = 0; number < 100; ++number)
      ASSERT_TRUE(store(*ledger, key_of(number), large + result_of(number)));
    for (int number = 0; number < 100; ++number)
      EXPECT_EQ(ledger->find(key_of(number)), large + result_of(number));
  }
  std::vector<std::string> indexes;
  for (const std::string& path : files()) {
    if (path.ends_with(".index")) indexes.push_back(path);
  }
  EXPECT_EQ(indexes.size(), 3u);
  const auto check = [&] {
    const auto ledger = open(0, 2);
    for (int number = 0; number < 100; ++number)
      ASSERT_EQ(ledger->find(key_of(number)), large + result_of(number));
  };
  check();
  std::string damaged = read(indexes[0]);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  write(indexes[0], damaged);
  write(indexes[1], read(indexes[1]).substr(0, 100));
  fs::remove(indexes[2]);
  check();
  for (const std::string& path : indexes)
    EXPECT_GT(fs::file_size(path), 100u) << "made anew by who read the file";
}

TEST_F(LedgerTest, ManySmallResultsAreSealedToo) {
  constexpr int kMany = 150'000;
  fill(0, kMany);
  const auto ledger = open(0, 2);
  for (int number = 0; number < kMany; number += 97)
    ASSERT_EQ(ledger->find(key_of(number)), result_of(number));
  EXPECT_FALSE(ledger->find(key_of(kMany)));
}

TEST_F(LedgerTest, EarlierRunsAnswerByRecordAndElseByRequest) {
  {
    const auto ledger = open();
    ASSERT_TRUE(store(*ledger, key_of(1), "of 1"));
    ASSERT_TRUE(store(*ledger, key_of(2), "of 2"));
    ASSERT_TRUE(store(*ledger, key_of(3, 0, "other"), "of 3"));
  }
  LedgerPlace fresh = place();
  fresh.folder = folder_.path() + "/fresh";
  fresh.earlier = {folder_.path() + "/gone", folder()};
  const auto ledger = open(fresh);
  bool elsewhere = false;
  EXPECT_EQ(ledger->find(key_of(2), &elsewhere), "of 2");
  EXPECT_TRUE(elsewhere);
  EXPECT_EQ(ledger->find(key_of(8, 0, "other"), &elsewhere), "of 3") << "its row has moved";
  EXPECT_TRUE(elsewhere);
  EXPECT_FALSE(ledger->find(key_of(8, 1, "other"), &elsewhere)) << "a further attempt";
  ASSERT_TRUE(store(*ledger, key_of(4, 0, "new"), "of 4"));
  EXPECT_EQ(ledger->find(key_of(4, 0, "new"), &elsewhere), "of 4");
  EXPECT_FALSE(elsewhere);
  EXPECT_FALSE(ledger->find(key_of(5, 0, "new"))) << "within a run each record has an answer of its own";
}

TEST_F(LedgerTest, ACacheIsSharedByRequestBetweenRuns) {
  LedgerPlace one = place();
  one.cache = folder_.path() + "/cache";
  LedgerPlace two = one;
  two.folder = folder_.path() + "/two";
  two.owner.stage = "another";
  const auto first = open(one);
  const auto second = open(two);
  ASSERT_TRUE(store(*first, key_of(1), "answer"));
  claim_a_frame();
  bool elsewhere = false;
  EXPECT_EQ(second->find(key_of(77), &elsewhere), "answer");
  EXPECT_TRUE(elsewhere);
  EXPECT_EQ(first->find(key_of(1), &elsewhere), "answer");
  EXPECT_FALSE(elsewhere);
}

TEST_F(LedgerTest, AFolderThatCannotBeWrittenFailsEveryStoreOnce) {
  write(folder(), "a file is in the way");
  LedgerPlace where = place();
  std::atomic<int> told{0};
  where.on_failure = [&](const std::string& message) {
    ++told;
    EXPECT_NE(message.find("the ledger of paid calls has failed"), std::string::npos) << message;
  };
  const auto ledger = open(where);
  for (int number = 0; number < 3; ++number) {
    const auto stored = store(*ledger, key_of(number), "x");
    ASSERT_FALSE(stored);
    EXPECT_NE(stored.error().message().find(folder()), std::string::npos) << stored.error().message();
  }
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(ledger->find(key_of(0)));
}

TEST_F(LedgerTest, NamesTellTheOwner) {
  const auto owner = LedgerOwner::of_file(LedgerOwner{"a.b", 3, 12}.new_file_name());
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->stage, "a.b");
  EXPECT_EQ(owner->worker, 3);
  EXPECT_EQ(owner->generation, 12u);
  const std::string name = LedgerOwner{"chat", 0, 1}.new_file_name();
  for (const std::string& other :
       {name + ".index", "." + name, std::string("chat.0.1"), std::string("notes")})
    EXPECT_FALSE(LedgerOwner::of_file(other)) << other;
}

TEST_F(LedgerTest, WhatWasSpentIsAddedUpFromWhatWasStored) {
  {
    const auto one = open(0);
    const auto two = open(1);
    for (int number = 0; number < 70'000; ++number)
      one->store(key_of(number), "x", [](Result<void>) {}, {"gpt", 3, 0.5});
    ASSERT_TRUE(store(*two, key_of(70'000), "not counted"));
    two->store(key_of(70'001), "x", [](Result<void>) {}, {"gpt", 100, 2});
  }
  const auto spent = [&](int worker) {
    LedgerSum all;
    const auto sums = sum_ledger(folder(), [&](const LedgerOwner& owner) { return owner.worker == worker; });
    for (const LedgerSum& sum : sums.value()) {
      EXPECT_EQ(sum.limits, hash_of_limits("gpt"));
      all.requests += sum.requests;
      all.tokens += sum.tokens;
      all.cost += sum.cost;
    }
    return all;
  };
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(spent(0).requests, 70'000u);
    EXPECT_EQ(spent(0).tokens, 210'000);
    EXPECT_DOUBLE_EQ(spent(0).cost, 35'000);
    EXPECT_EQ(spent(1).tokens, 100);
  }
}

}  // namespace datagen
