// Hooks whose readers are slow, gone, or somebody else's descriptor.
#include "launcher/hooks.h"

#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/temporary_folder.h"

namespace datagen::launcher {
namespace {

struct Told {
  std::string event;
  std::uint64_t n = 0;
  std::uint64_t count = 0;  // of events_lost
};

std::vector<Told> parse(const std::string& lines) {
  std::vector<Told> told;
  simdjson::dom::parser parser;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    const simdjson::dom::element line = parser.parse(lines.substr(begin, end - begin));
    Told& one = told.emplace_back();
    one.event = std::string(line["event"].get_string().value());
    one.n = line["n"].get_uint64();
    if (one.event == "events_lost") one.count = line["count"].get_uint64();
    begin = end + 1;
  }
  return told;
}

std::string read_what_is_there(int fd) {
  std::string text(4 << 20, '\0');
  std::size_t size = 0;
  for (ssize_t got = 0; (got = read(fd, text.data() + size, text.size() - size)) > 0;)
    size += static_cast<std::size_t>(got);
  text.resize(size);
  return text;
}

Plan plan_with(HookSpec hook) {
  Plan plan;
  plan.pipeline = "p";
  plan.hooks.push_back(std::move(hook));
  return plan;
}

HookEvent large_event() { return HookEvent("progress").text("text", std::string(1000, 'x')); }

// Tells more than a hook keeps, reads all, tells once more: n goes on behind what was lost.
void expect_losses_are_told(int ours, int theirs) {
  fcntl(ours, F_SETFL, O_NONBLOCK);
  HookSpec spec;
  spec.fd = theirs;
  auto hooks = Hooks::open(plan_with(spec), "0123456789ab", "/tmp");
  ASSERT_TRUE(hooks) << hooks.error().message();
  EXPECT_EQ(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0) << "the descriptor is shared with others";
  for (int event = 0; event < 3000; ++event) hooks.value().tell(large_event());
  std::string text;
  for (std::string more; !(more = read_what_is_there(ours)).empty(); hooks.value().flush()) text += more;
  hooks.value().tell(large_event());
  text += read_what_is_there(ours);
  const std::vector<Told> told = parse(text);
  ASSERT_GT(told.size(), 900u);
  const Told& lost = told[told.size() - 2];
  EXPECT_EQ(lost.event, "events_lost");
  EXPECT_EQ(lost.count + told.size() - 1, 3001u);
  EXPECT_EQ(told.back().n, 3002u);
  EXPECT_EQ(lost.n, told[told.size() - 3].n + lost.count + 1);
  for (std::size_t index = 0; index + 2 < told.size(); ++index) ASSERT_EQ(told[index].n, index + 1);
  const auto endings = hooks.value().close(std::chrono::milliseconds(0));
  ASSERT_EQ(endings.size(), 1u);
  EXPECT_NE(endings[0].find("was too slow; " + std::to_string(lost.count) + " of 3002 events were lost"),
            std::string::npos)
      << endings[0];
}

TEST(Hooks, APipeThatIsNotReadLosesEventsAndIsToldHowMany) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  expect_losses_are_told(ends[0], ends[1]);
  close(ends[0]);
  close(ends[1]);
}

TEST(Hooks, ASocketIsAsGood) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  expect_losses_are_told(ends[0], ends[1]);
  close(ends[0]);
  close(ends[1]);
}

TEST(Hooks, AReaderThatIsGoneIsAnEndingNotASignal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  HookSpec spec;
  spec.fd = ends[1];
  auto hooks = Hooks::open(plan_with(spec), "0123456789ab", "/tmp");
  ASSERT_TRUE(hooks);
  close(ends[0]);
  for (int event = 0; event < 5; ++event) hooks.value().tell(large_event());
  const auto endings = hooks.value().close(std::chrono::seconds(1));
  ASSERT_EQ(endings.size(), 1u);
  EXPECT_NE(endings[0].find("reads no more; 5 of 5 events were lost"), std::string::npos) << endings[0];
  close(ends[1]);
}

TEST(Hooks, AreToldWhatTheyWantOnly) {
  const TemporaryFolder folder;
  HookSpec spec;
  spec.file = folder.path() + "/events.jsonl";
  spec.events = {"commit"};
  auto hooks = Hooks::open(plan_with(spec), "0123456789ab", folder.path());
  ASSERT_TRUE(hooks) << hooks.error().message();
  EXPECT_TRUE(hooks.value().want("commit"));
  EXPECT_FALSE(hooks.value().want("progress"));
  hooks.value().tell(HookEvent("progress"));
  hooks.value().tell(HookEvent("commit").number("mark", 7));
  EXPECT_TRUE(hooks.value().close(std::chrono::seconds(1)).empty());
  const int fd = open(spec.file.c_str(), O_RDONLY);
  const std::string text = read_what_is_there(fd);
  close(fd);
  EXPECT_TRUE(text.starts_with("{\"event\":\"commit\",\"n\":1,\"time\":\"20")) << text;
  EXPECT_NE(text.find("\"pipeline\":\"p\",\"run_id\":\"0123456789ab\",\"mark\":7}\n"), std::string::npos)
      << text;
}

TEST(Hooks, WhatCannotBeOpenedIsAnErrorBeforeTheRun) {
  HookSpec command;
  command.command = {"no-such-command-anywhere"};
  const auto started = Hooks::open(plan_with(command), "0123456789ab", "/tmp");
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message().find("no-such-command-anywhere"), std::string::npos);
  HookSpec closed;
  closed.fd = 999;
  const auto opened = Hooks::open(plan_with(closed), "0123456789ab", "/tmp");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message(), "hooks: descriptor 999 is not open");
}

}  // namespace
}  // namespace datagen::launcher
