// `datagen-ring cat`: frames and records without taking them.
#include <poll.h>

#include "made_run.h"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datagen::tools::testing {
namespace {

using RingCat = MadeRun;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_F(RingCat, WritesAFrameAndItsRecordsAsJsonLines) {
  make_all();
  publish(0, 0, {R"({"text": "a"})", "{\n  \"n\": 1.50\n}"}, 10);
  const std::string bytes = std::to_string(ring(0).read_block_header(0).frame_bytes);
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.err, "");
  EXPECT_EQ(answer.out, "{\"edge\":0,\"frame\":0,\"state\":\"full\",\"bytes\":" + bytes +
                            ",\"records\":2,\"first_row\":10,\"source\":0,\"mark\":0,\"side_bytes\":4}\n"
                            "{\"edge\":0,\"frame\":0,\"index\":0,\"id\":10,\"record\":{\"text\":\"a\"}}\n"
                            "{\"edge\":0,\"frame\":0,\"index\":1,\"id\":11,\"record\":{\"n\":1.50}}\n");
  EXPECT_TRUE(ring(0).word(0).is_full(0)) << "it is still there";
}

TEST_F(RingCat, ShowsClaimedFramesAndNotTheConsumed) {
  make_all();
  for (std::uint64_t seq = 0; seq < 3; ++seq) publish(0, seq, {"{}"}, seq);
  ipc::Ring first = ring(0);
  first.claim(0, 2);
  first.free(0);
  first.claim(1, 3);
  const auto lines = lines_of(ask({"cat"}).out);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[0].starts_with(R"({"edge":0,"frame":1,"state":"claimed","cell":2,)")) << lines[0];
  EXPECT_TRUE(lines[2].starts_with(R"({"edge":0,"frame":2,"state":"full",)")) << lines[2];
}

TEST_F(RingCat, ShowsAllEdgesOrTheOneThatIsNamed) {
  make_all();
  publish(0, 0, {"{}"}, 0);
  publish(1, 0, {"{}"}, 0);
  EXPECT_EQ(lines_of(ask({"cat"}).out).size(), 4u);
  for (const char* edge : {"1", "clean:sink"}) {
    const auto lines = lines_of(ask({"cat", "made", edge}).out);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(lines[0].starts_with("{\"edge\":1,"));
  }
}

TEST_F(RingCat, StopsAfterAsManyRecordsAsAsked) {
  make_all();
  publish(0, 0, {"{}", "{}"}, 0);
  publish(0, 1, {"{}", "{}"}, 2);
  const auto lines = lines_of(ask({"cat", "-n", "3"}).out);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[4], R"({"edge":0,"frame":1,"index":0,"id":2,"record":{}})");
}

TEST_F(RingCat, UnpacksWhatAnOperatorBuilt) {
  make_all();
  ByteBuffer packed;
  append_map_header(packed, 2);
  append_msgpack_text(packed, "text");
  append_msgpack_text(packed, "a\n\"ä\"");
  append_msgpack_text(packed, "n");
  append_raw_json(packed, "12345678901234567890123");
  publish(0, 0, {std::string(packed.view())}, 0, Tag::msgpack);
  EXPECT_EQ(
      lines_of(ask({"cat"}).out).at(1),
      R"({"edge":0,"frame":0,"index":0,"id":0,"record":{"text":"a\n\"ä\"","n":12345678901234567890123}})");
}

TEST_F(RingCat, ShowsWhatIsNoJsonAsBase64) {
  make_all();
  publish(0, 0, {"{\"a\": \xff}", "no json", ""}, 0);
  publish(0, 1, {"\xc1"}, 3, Tag::msgpack);
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 0) << "the frame is sound; its records are the operators' affair";
  const auto lines = lines_of(answer.out);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[1], R"({"edge":0,"frame":0,"index":0,"id":0,"record_base64":"eyJhIjog/30="})");
  EXPECT_EQ(lines[2], R"({"edge":0,"frame":0,"index":1,"id":1,"record_base64":"bm8ganNvbg=="})");
  EXPECT_EQ(lines[3], R"({"edge":0,"frame":0,"index":2,"id":2,"record_base64":""})");
  EXPECT_EQ(lines[5], R"({"edge":0,"frame":1,"index":0,"id":3,"record_base64":"wQ=="})");
}

TEST_F(RingCat, FollowsAFrameIntoItsOverflow) {
  make_all();
  publish(0, 0, {"{\"a\":\"" + std::string(20'000, 'x') + "\"}"}, 0);
  const auto lines = lines_of(ask({"cat"}).out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[1].find(std::string(20'000, 'x')), std::string::npos);
}

TEST_F(RingCat, AnOverflowThatItsConsumerHasRemovedIsNoDamage) {
  make_all();
  publish(0, 0, {"{\"a\":\"" + std::string(20'000, 'x') + "\"}"}, 0);
  ring(0).claim(0, 2);
  ipc::remove_overflow(ring(0), 0, {run() + "/overflow"});
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(answer.out, "");
}

TEST_F(RingCat, ADamagedFrameIsToldAndTheOthersAreShown) {
  make_all();
  publish(0, 0, {"{}"}, 0);
  publish(0, 1, {"{}"}, 1);
  damage(ring_name(0), block_offset(0) + sizeof(ipc::BlockHeader) + 20, "\x7f");
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 4);
  EXPECT_EQ(answer.err, "datagen-ring: ring " + ring_name(0) + ", frame 0: wrong checksum\n");
  EXPECT_EQ(lines_of(answer.out).size(), 2u);
}

TEST_F(RingCat, AForeignFrameWithItsChecksumIsToldToo) {
  make_all();
  ipc::Ring first = ring(0);
  const std::string foreign(2000, 'x');
  place(first, 0, std::as_bytes(std::span(foreign)));
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 4);
  EXPECT_NE(answer.err.find("a frame begins with foreign bytes"), std::string::npos) << answer.err;
}

TEST_F(RingCat, SaysWhenThereIsNothing) {
  const Answer answer = ask({"cat"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err, "datagen-ring: " + run() + " has nothing in shared memory\n");
}

class RingFollow : public MadeRun {
 protected:
  // The program with its stdout in a pipe.
  void start() {
    const std::string fifo = scratch_.directory() / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    // Both ends, so that neither open waits.
    const int both = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
    out_ = open(fifo.c_str(), O_RDONLY | O_CLOEXEC);
    auto started = launcher::Process::spawn({command({"cat", "made", "0", "--follow"}), fifo});
    close(both);
    ASSERT_TRUE(started);
    process_.emplace(std::move(started).value());
  }
  ~RingFollow() override {
    if (out_ >= 0) close(out_);
  }
  // The next line; empty at the end.
  std::string line() {
    std::string text;
    for (char c = 0; read(out_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }
  int out_ = -1;
  std::optional<launcher::Process> process_;
};

TEST_F(RingFollow, ShowsFramesInOrderAsTheyComeUntilTheStreamEnds) {
  make_all();
  publish(0, 0, {R"({"n":0})"}, 0);
  start();
  EXPECT_NE(line().find("\"frame\":0,"), std::string::npos);
  EXPECT_NE(line().find("\"record\":{\"n\":0}"), std::string::npos);
  // 2 before 1, as by two workers.
  publish(0, 2, {R"({"n":2})"}, 2);
  publish(0, 1, {R"({"n":1})"}, 1);
  EXPECT_NE(line().find("\"frame\":1,"), std::string::npos);
  EXPECT_NE(line().find("\"record\":{\"n\":1}"), std::string::npos);
  EXPECT_NE(line().find("\"frame\":2,"), std::string::npos);
  EXPECT_NE(line().find("\"record\":{\"n\":2}"), std::string::npos);
  ipc::Ring first = ring(0);
  first.set_end_seq(3);
  for (std::uint64_t seq = 0; seq < 3; ++seq) {
    first.claim(seq, 2);
    first.free(seq);
  }
  EXPECT_EQ(line(), "") << "the end";
  EXPECT_EQ(process_->wait().code, 0);
  EXPECT_EQ(file_text(scratch_.directory() / "err"), "");
}

TEST_F(RingFollow, SaysHowManyFramesItMissed) {
  make_all();
  publish(0, 0, {"{}"}, 0);
  start();
  line();
  line();
  // Frame 1 is there and gone while the program cannot look.
  process_->signal(SIGSTOP);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process_->pid()), &info, WSTOPPED), 0);
  ipc::Ring first = ring(0);
  publish(0, 1, {"{}"}, 1);
  first.set_end_seq(2);
  for (std::uint64_t seq = 0; seq < 2; ++seq) {
    first.claim(seq, 2);
    first.free(seq);
  }
  process_->signal(SIGCONT);
  EXPECT_EQ(line(), "");
  EXPECT_EQ(process_->wait().code, 0);
  EXPECT_EQ(file_text(scratch_.directory() / "err"), "edge 0: 1 frames went by between two looks\n");
}

TEST_F(RingFollow, EndsWithTheLauncher) {
  make_rings();
  make_control_of_the_dead();
  publish(0, 0, {"{}"}, 0);
  start();
  line();
  line();
  EXPECT_EQ(line(), "");
  EXPECT_EQ(process_->wait().code, 0);
}

TEST_F(RingFollow, EndsWhenTheRingIsRemoved) {
  make_all();
  publish(0, 0, {"{}"}, 0);
  start();
  line();
  line();
  ipc::remove_segment(ring_name(0));
  EXPECT_EQ(line(), "");
  EXPECT_EQ(process_->wait().code, 0);
}

}  // namespace
}  // namespace datagen::tools::testing
