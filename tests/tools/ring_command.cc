// The command line of datagen-ring: wrong calls, help, exit codes.
#include "made_run.h"

#include <string>
#include <vector>

namespace datagen::tools::testing {
namespace {

class RingCommand : public MadeRun {
 protected:
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& words) {
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.code, 2) << answer.out << answer.err;
    EXPECT_EQ(answer.out, "");
    EXPECT_NE(answer.err.find(words), std::string::npos) << answer.err;
  }
};

TEST_F(RingCommand, EveryHelpEndsWithTwoExamplesAndTheExitCodes) {
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{}, {"stat"}, {"top"}, {"cat"}, {"check"}}) {
    std::vector<std::string> arguments = verb;
    arguments.emplace_back("--help");
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.code, 0);
    const std::size_t examples = answer.out.find("Examples:\n  datagen-ring ");
    ASSERT_NE(examples, std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("\n  datagen-ring ", examples + 12), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("Exit codes: 0 ", examples), std::string::npos) << answer.out;
  }
}

TEST_F(RingCommand, AMistypedWordGetsASuggestion) {
  expect_refusal({"stats"}, "there is no verb 'stats' (did you mean 'stat'?) (all: datagen-ring --help)");
  expect_refusal({"check", "--remove-stael"},
                 "(did you mean '--remove-stale'?) (see datagen-ring check --help)");
  expect_refusal({"stat", "mad"}, "there is no run 'mad', neither as a directory nor in " +
                                      (scratch_.directory() / "runs").string() + " (did you mean 'made'?)");
}

TEST_F(RingCommand, WrongCallsAreRefused) {
  expect_refusal({}, "Looks into the rings");
  expect_refusal({"cat", "made", "2"}, "there is no edge '2'; there are: 0 (source:clean), 1 (clean:sink)");
  expect_refusal({"cat", "made", "sink:clean"}, "there is no edge 'sink:clean'");
  expect_refusal({"cat", "-n", "0"}, "-n");
  expect_refusal({"stat", "made", "0", "more"}, "more");
  expect_refusal({"top", "--interval", "5"}, "--interval: '5' has no unit: write 5s for seconds");
  expect_refusal({"top", "--interval", "1ms"}, "--interval: from 10ms to 1h");
}

TEST_F(RingCommand, ABrokenPlanIsToldWithItsFile) {
  std::ofstream(run() + "/runtime.json") << "{\"version\": 1";
  expect_refusal({"stat"}, run() + "/runtime.json");
}

TEST_F(RingCommand, AFullDiskBehindStdoutIsAnError) {
  make_all();
  auto process = launcher::Process::spawn({command({"stat"}), "/dev/full"});
  ASSERT_TRUE(process);
  EXPECT_EQ(process.value().wait().code, 1);
  EXPECT_EQ(file_text(scratch_.directory() / "err"), "datagen-ring: cannot write to stdout\n");
}

}  // namespace
}  // namespace datagen::tools::testing
