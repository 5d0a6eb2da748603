// `datagen-ring stat` and `top`: what they say is what is in the segments.
#include <pty.h>
#include <signal.h>
#include <simdjson.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "launcher/values.h"
#include "made_run.h"

#include <string>

namespace datagen::tools::testing {
namespace {

class RingStat : public MadeRun {
 protected:
  // Frame 0 was consumed, 1 is claimed by cell 2, 2 is full; the source waits for no room, the sink for
  // input.
  void make_scene() {
    make_all();
    for (std::uint64_t seq = 0; seq < 3; ++seq) publish(0, seq, {R"({"a":1})", R"({"a":2})"}, seq * 2);
    ipc::Ring first = ring(0);
    first.claim(0, 2);
    first.free(0);
    first.claim(1, 3);
    first.set_end_seq(9);
    const ipc::Control cells = control();
    for (std::uint32_t index = 0; index < 4; ++index) {
      ipc::Cell& cell = cells.cell(index);
      cell.pid = static_cast<std::uint32_t>(getpid());
      cell.start_ticks = start_ticks_of(getpid());
      cell.state = ipc::WorkerState::running;
    }
    cells.cell(3).state = ipc::WorkerState::waiting_for_input;
    cells.cell(2).current_frame = 1;
    cells.cell(2).counters.records_in = 17;
    cells.cell(2).counters.dead = 4;
    cells.in_flight(2, 0).record = 5;
    cells.in_flight(2, 0).frame = 1;
  }
  simdjson::dom::element json(const Answer& answer) {
    EXPECT_EQ(answer.code, 0) << answer.err;
    simdjson::dom::element root;
    EXPECT_EQ(parser_.parse(answer.out).get(root), simdjson::SUCCESS) << answer.out;
    return root;
  }
  // The line of the table that begins with `word`, its columns joined by one space.
  static std::string row(const std::string& table, const std::string& word) {
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(word + " ")) continue;
      std::istringstream words(line);
      std::string joined;
      for (std::string next; words >> next;) joined += (joined.empty() ? "" : " ") + next;
      return joined;
    }
    return "no line '" + word + "' in\n" + table;
  }
  simdjson::dom::parser parser_;
};

TEST_F(RingStat, ShowsRingsAndWorkersAsTables) {
  make_scene();
  const Answer answer = ask({"stat"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.err, "");
  const std::string bytes = launcher::show_bytes(2 * ring(0).read_block_header(1).frame_bytes);
  EXPECT_EQ(row(answer.out, "0"), "0 source → clean 2 1 1 1 3 9 " + bytes + " 1/1 2/2 -");
  EXPECT_EQ(row(answer.out, "1"), "1 clean → sink 4 0 0 0 0 - 0 bytes 2/2 1/1 consumers");
  const std::string pid = std::to_string(getpid());
  EXPECT_EQ(row(answer.out, "source.0"), "source.0 " + pid + " running 0 - - 0 0 0 0 0 0");
  EXPECT_EQ(row(answer.out, "clean.1"), "clean.1 " + pid + " running 1 1[5] - 17 0 0 4 0 0");
  EXPECT_EQ(row(answer.out, "sink.0"), "sink.0 " + pid + " waiting for input 0 - - 0 0 0 0 0 0");
  EXPECT_NE(answer.out.find("run made (" + run() + "), id " + run_id_ + ", epoch 1a2b3c4d, launcher " + pid),
            std::string::npos)
      << answer.out;
}

TEST_F(RingStat, ShowsThemAsJson) {
  make_scene();
  const auto root = json(ask({"stat", "made", "--json"}));
  EXPECT_EQ(root["version"].get_uint64().value(), 1u);
  EXPECT_EQ(root["run"]["run_id"].get_string().value(), run_id_);
  EXPECT_EQ(root["epoch"].get_string().value(), "1a2b3c4d");
  const auto edge = root["edges"].at(0);
  EXPECT_EQ(edge["from"].get_string().value(), "source");
  EXPECT_EQ(edge["to"].get_string().value(), "clean");
  EXPECT_EQ(edge["free"].get_uint64().value(), 2u);
  EXPECT_EQ(edge["full"].get_uint64().value(), 1u);
  EXPECT_EQ(edge["claimed"].get_uint64().value(), 1u);
  EXPECT_EQ(edge["first_seq"].get_uint64().value(), 1u);
  EXPECT_EQ(edge["next_seq"].get_uint64().value(), 3u);
  EXPECT_EQ(edge["end_seq"].get_uint64().value(), 9u);
  EXPECT_TRUE(root["edges"].at(1)["end_seq"].is_null());
  EXPECT_EQ(edge["consumers"]["workers"].get_uint64().value(), 2u);
  EXPECT_EQ(edge["consumers"]["alive"].get_uint64().value(), 2u);
  EXPECT_TRUE(root["edges"].at(1)["consumers"]["waiting"].get_bool().value());
  const auto worker = root["workers"].at(2);
  EXPECT_EQ(worker["stage"].get_string().value(), "clean");
  EXPECT_EQ(worker["worker"].get_uint64().value(), 1u);
  EXPECT_EQ(worker["state"].get_string().value(), "running");
  EXPECT_TRUE(worker["alive"].get_bool().value());
  EXPECT_TRUE(worker["heartbeat_age_s"].is_null());
  EXPECT_EQ(worker["in_flight"].at(0)["record"].get_uint64().value(), 5u);
  EXPECT_EQ(worker["counters"]["records_in"].get_uint64().value(), 17u);
}

TEST_F(RingStat, ShowsOneEdgeWhenItIsNamed) {
  make_scene();
  for (const char* name : {"1", "clean:sink"}) {
    const auto root = json(ask({"stat", "made", name, "--json"}));
    EXPECT_EQ(root["edges"].get_array().value().size(), 1u);
    EXPECT_EQ(root["edges"].at(0)["edge"].get_uint64().value(), 1u);
  }
  EXPECT_EQ(json(ask({"stat", "1", "--json"}))["edges"].at(0)["edge"].get_uint64().value(), 1u)
      << "of the newest run";
}

TEST_F(RingStat, TellsAProcessFromALaterOneOfItsNumber) {
  make_scene();
  const ipc::Control cells = control();
  cells.cell(1).start_ticks = start_ticks_of(getpid()) + 1;
  Child gone([] { return 0; });
  cells.cell(2).pid = static_cast<std::uint32_t>(gone.pid());
  cells.cell(2).start_ticks = 0;
  gone.wait();
  const Answer answer = ask({"stat"});
  EXPECT_NE(answer.out.find(std::to_string(getpid()) + " gone"), std::string::npos) << answer.out;
  EXPECT_EQ(row(answer.out, "0").substr(row(answer.out, "0").size() - 9), "1/1 0/2 -");
}

TEST_F(RingStat, AnUnreapedProcessIsNotAlive) {
  make_scene();
  Child zombie([] { return 0; });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(zombie.pid()), &info, WEXITED | WNOWAIT), 0);
  control().cell(0).pid = static_cast<std::uint32_t>(zombie.pid());
  control().cell(0).start_ticks = 0;
  EXPECT_NE(ask({"stat"}).out.find(std::to_string(zombie.pid()) + " gone"), std::string::npos);
}

TEST_F(RingStat, ALauncherLivesWhenItHoldsTheLock) {
  make_scene();
  EXPECT_FALSE(json(ask({"stat", "--json"}))["launcher"]["alive"].get_bool().value());
  const int lock = open((run() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(json(ask({"stat", "--json"}))["launcher"]["alive"].get_bool().value());
  EXPECT_NE(ask({"stat"}).out.find("launcher " + std::to_string(getpid()) + "\n"), std::string::npos);
  close(lock);
  EXPECT_NE(ask({"stat"}).out.find("launcher " + std::to_string(getpid()) + " (gone)\n"), std::string::npos);
}

TEST_F(RingStat, ShowsTheNewestEpochAndNamesTheOlder) {
  make_scene();
  make_rings(0x77, 5);
  make_control(0x77);
  const auto root = json(ask({"stat", "--json"}));
  EXPECT_EQ(root["epoch"].get_string().value(), "00000077");
  EXPECT_EQ(root["older_epochs"].at(0).get_string().value(), "1a2b3c4d");
  EXPECT_EQ(root["edges"].at(0)["first_seq"].get_uint64().value(), 5u);
  EXPECT_NE(ask({"stat"}).out.find("older epochs left behind: 1a2b3c4d\n"), std::string::npos);
}

TEST_F(RingStat, ARingThatCannotBeReadDoesNotHideTheOthers) {
  make_scene();
  ipc::remove_segment(ring_name(0));
  damage(ring_name(1), 0, "x");
  const Answer answer = ask({"stat"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(
      answer.out.find("edge 0: cannot open shared memory " + ring_name(0) + ": No such file or directory"),
      std::string::npos)
      << answer.out;
  EXPECT_NE(answer.out.find("edge 1: shared memory " + ring_name(1) + " is not a ring"), std::string::npos)
      << answer.out;
  EXPECT_NE(row(answer.out, "sink.0").find("waiting for input"), std::string::npos);
  ipc::remove_segment(ipc::control_name(run_id_, kEpoch));
  EXPECT_NE(ask({"stat", "--json"}).out.find("\"control_error\":\"cannot open shared memory"),
            std::string::npos);
}

TEST_F(RingStat, SaysWhenThereIsNothing) {
  const Answer answer = ask({"stat"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("nothing in shared memory"), std::string::npos);
  EXPECT_TRUE(json(ask({"stat", "--json"}))["epoch"].is_null());
}

TEST_F(RingStat, ChangesNothing) {
  make_scene();
  const auto bytes = [&] {
    std::string all;
    for (const std::string& name : {ring_name(0), ring_name(1), ipc::control_name(run_id_, kEpoch)})
      all += file_text("/dev/shm/" + name);
    return all;
  };
  const std::string before = bytes();
  for (const char* verb : {"stat", "cat", "check"}) ask({verb});
  EXPECT_TRUE(bytes() == before);
}

using RingTop = RingStat;

TEST_F(RingTop, WithoutATerminalWritesOneTableBelowTheOther) {
  make_scene();
  const Answer answer = ask({"top", "--count", "3", "--interval", "10ms"});
  EXPECT_EQ(answer.code, 0);
  std::size_t tables = 0;
  for (std::size_t at = answer.out.find("run made"); at != std::string::npos;
       at = answer.out.find("run made", at + 1))
    ++tables;
  EXPECT_EQ(tables, 3u);
  EXPECT_NE(answer.out.find("out/s"), std::string::npos);
  EXPECT_EQ(answer.out.find('\x1b'), std::string::npos);
}

// The program in a terminal of its own: `keys` are typed when `after` has appeared. Its wait status, and the
// screen.
struct Terminal {
  int status = -1;
  std::string screen;
};
Terminal in_terminal(const std::string& folder, const char* term, const char* keys,
                     const std::string& after) {
  Terminal result;
  int master = -1;
  winsize size{40, 160, 0, 0};
  const pid_t pid = forkpty(&master, nullptr, nullptr, &size);
  if (pid == 0) {
    setenv("TERM", term, 1);
    if (chdir(folder.c_str()) == 0) execl(DATAGEN_RING, DATAGEN_RING, "top", "--interval", "50ms", nullptr);
    _exit(99);
  }
  bool is_typed = false;
  char chunk[4096];
  for (ssize_t got = 0; (got = read(master, chunk, sizeof chunk)) > 0;) {
    result.screen.append(chunk, static_cast<std::size_t>(got));
    if (is_typed || result.screen.find(after) == std::string::npos) continue;
    is_typed = write(master, keys, std::strlen(keys)) > 0;
  }
  waitpid(pid, &result.status, 0);
  close(master);
  return result;
}

TEST_F(RingTop, FillsATerminalUntilQ) {
  make_scene();
  const Terminal terminal = in_terminal(scratch_.directory(), "xterm", "q", "sink.0");
  EXPECT_TRUE(WIFEXITED(terminal.status) && WEXITSTATUS(terminal.status) == 0) << terminal.status;
  EXPECT_NE(terminal.screen.find("\x1b["), std::string::npos);
  EXPECT_NE(terminal.screen.find("q: quit"), std::string::npos);
}

TEST_F(RingTop, EndsWithCtrlC) {
  make_scene();
  const Terminal terminal = in_terminal(scratch_.directory(), "xterm", "\x03", "sink.0");
  EXPECT_TRUE(WIFEXITED(terminal.status) && WEXITSTATUS(terminal.status) == 130) << terminal.status;
}

TEST_F(RingTop, UsesPlainCodesInATerminalThatIsNotKnown) {
  make_scene();
  const Terminal terminal = in_terminal(scratch_.directory(), "no-such-terminal", "\x03", "sink.0");
  EXPECT_TRUE(WIFEXITED(terminal.status) && WEXITSTATUS(terminal.status) == 130) << terminal.status;
  EXPECT_NE(terminal.screen.find("\x1b[H\x1b[2J"), std::string::npos);
}

}  // namespace
}  // namespace datagen::tools::testing
