// What people and programs are shown of a run at a moment: top, its JSON, the metrics, and the report page.
#include <gmock/gmock.h>
#include <simdjson.h>

#include "launcher/metrics_text.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "launcher/report_page.h"
#include "launcher/top_text.h"

namespace datagen::launcher {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kSecond = 1'000'000'000;

// source → score (2 workers) → sink
RunView view() {
  RunView view;
  view.directory = "/runs/essays";
  view.runtime.run_id = "5f1c0a9be21d";
  Plan& plan = view.runtime.plan;
  plan.pipeline = "essays";
  for (const char* id : {"source", "score", "sink"}) plan.stages.emplace_back().id = id;
  plan.stages[1].running.workers = 2;
  plan.edges = {{0, 1}, {1, 2}};
  plan.stages[0].out = {0};
  plan.stages[1].in = {0};
  plan.stages[1].out = {1};
  plan.stages[2].in = {1};
  for (std::uint32_t stage = 0, cell = 0; stage < 3; cell += plan.stages[stage++].workers())
    plan.stages[stage].first_cell = cell;
  return view;
}

WorkerState worker(std::uint32_t stage, std::uint32_t index, std::uint64_t records) {
  WorkerState state;
  state.cell = stage + (stage == 2 ? 1 : 0) + index;
  state.stage = stage;
  state.index = index;
  state.pid = 4000 + state.cell;
  state.alive = true;
  state.state = ipc::WorkerState::running;
  state.process_state = 'R';
  state.heartbeat_age = 0.1;
  state.records_in = state.records_out = records;
  state.rss_bytes = 10 << 20;
  return state;
}

// `score` is what all wait for: its ring is full, the sink's is empty.
RunState look(std::int64_t at, std::uint64_t records) {
  RunState state;
  state.epoch = "0000002a";
  state.launcher_pid = 3999;
  state.launcher_alive = true;
  state.taken_ns = at;
  state.workers = {worker(0, 0, 2 * records), worker(1, 0, records), worker(1, 1, records),
                   worker(2, 0, 2 * records)};
  state.workers[0].state = ipc::WorkerState::waiting_for_room;
  state.workers[0].wait_room_ns = static_cast<std::uint64_t>(at) * 9 / 10;
  state.workers[3].state = ipc::WorkerState::waiting_for_input;
  state.workers[3].wait_input_ns = static_cast<std::uint64_t>(at) * 9 / 10;
  state.workers[1].cpu_seconds = static_cast<double>(at) / kSecond;
  for (std::uint32_t edge = 0; edge < 2; ++edge) {
    EdgeState ring;
    ring.index = edge;
    ring.slots = 8;
    ring.full = edge == 0 ? 8 : 0;
    ring.free = 8 - ring.full;
    ring.oldest = records / 100;
    state.edges.push_back(ring);
  }
  state.edges[0].producers_wait = true;
  state.edges[0].wait_seconds = 1.5;
  return state;
}

// Of a run that has committed nothing.
UsageBooks no_books() {
  static const Plan plan = view().plan();
  return {"/nowhere", plan};
}

TEST(TopText, HasRatesAndNamesTheBottleneckFromTwoLooksOn) {
  const RunState first = look(10 * kSecond, 1000), second = look(12 * kSecond, 2000);
  const std::string text = top_text(view(), second, &first, no_books());
  EXPECT_THAT(text,
              HasSubstr("essays (/runs/essays), launcher 3999\nbottleneck: stage 'score' limits the run"));
  EXPECT_THAT(text, ContainsRegex("score +2/2 +1,000/s "));
  EXPECT_THAT(text, ContainsRegex("score.0 +4001 +running +100 %"));
  EXPECT_THAT(text, ContainsRegex("source → score +8 +8 +.*producers wait for room for 1.5 s"));
  const std::string alone = top_text(view(), second, nullptr, no_books());
  EXPECT_THAT(alone, Not(HasSubstr("bottleneck")));
  EXPECT_THAT(alone, ContainsRegex("score +2/2 +0/s "));
}

TEST(TopText, OfAnotherEpochHasNoRates) {
  RunState first = look(10 * kSecond, 1000);
  first.epoch = "00000029";
  EXPECT_THAT(top_text(view(), look(12 * kSecond, 2000), &first, no_books()), Not(HasSubstr("bottleneck")));
}

TEST(TopText, SaysWhoHangsWithWhatInItsHands) {
  RunState state = look(12 * kSecond, 2000);
  state.workers[2].process_state = 'T';
  InFlightState held;
  held.frame = 142;
  held.record = 380;
  held.seconds = 3.25;
  state.workers[2].in_flight = {held};
  const std::string words =
      "worker 1 of 'score' (process 4002) is hung: stopped; holds frame[record] 142[380] for 3.2 s";
  EXPECT_THAT(hung_lines(view(), state), testing::ElementsAre(words));
  EXPECT_THAT(top_text(view(), state, nullptr, no_books()), HasSubstr(words));
}

TEST(TopText, OfADeadRunTellsWhatItLeft) {
  RunState state = look(12 * kSecond, 2000);
  state.launcher_alive = false;
  EXPECT_THAT(top_text(view(), state, nullptr, no_books()),
              HasSubstr("launcher 3999 is gone: this is what it left"));
  state.epoch.clear();
  EXPECT_THAT(top_text(view(), state, nullptr, no_books()), HasSubstr("nothing in shared memory"));
}

TEST(TopJson, IsOneObjectWithLoadsAndBottleneck) {
  const RunState first = look(10 * kSecond, 1000), second = look(12 * kSecond, 2000);
  simdjson::dom::parser parser;
  const auto root = parser.parse(top_json(view(), second, &first, no_books()));
  ASSERT_EQ(root.error(), simdjson::SUCCESS);
  EXPECT_EQ(std::uint64_t(root["version"]), 1u);
  EXPECT_EQ(std::string_view(root["bottleneck"]["stage"]), "score");
  EXPECT_EQ(std::string_view(root["stages"].at(1)["id"]), "score");
  EXPECT_DOUBLE_EQ(double(root["stages"].at(1)["records_per_s"]), 1000);
  EXPECT_NEAR(double(root["stages"].at(0)["waits_for_room"]), 0.9, 0.001);
}

TEST(MetricsText, HasEachFamilyOnceAndASampleForEachStageAndRing) {
  RunView seen = view();
  seen.runtime.plan.pipeline = "a \"quoted\" \\ name";
  const RunState state = look(12 * kSecond, 2000);
  const std::vector<StageSums> sums = sum_stages(seen.plan(), state);
  History history(3, 2);
  history.look(12, sums, {1, 0});
  history.note_restart(1);
  const std::string text = metrics_text(seen, state, sums, history, no_books());
  EXPECT_THAT(
      text,
      HasSubstr("datagen_run_info{pipeline=\"a \\\"quoted\\\" \\\\ name\",run_id=\"5f1c0a9be21d\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("datagen_records_total{stage=\"score\",direction=\"in\"} 4000\n"));
  EXPECT_THAT(text, HasSubstr("datagen_worker_restarts_total{stage=\"score\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("datagen_ring_frames{from=\"source\",to=\"score\"} 8\n"));
  std::map<std::string, int> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) ++families[line.substr(7, line.find(' ', 7) - 7)];
  }
  EXPECT_GT(families.size(), 15u);
  for (const auto& [name, times] : families) EXPECT_EQ(times, 1) << name;
}

ReportData report() {
  ReportData data{view().runtime,
                  "/runs/essays",
                  "stopped",
                  "stage 'score': no <luck> & more",
                  {},
                  History(3, 2),
                  {},
                  true};
  for (const char* id : {"source", "score", "sink"}) data.audit.stages.emplace_back().id = id;
  data.audit.stages[1].drop_reasons["too <short>"] = 12'345;
  DeadLetterGroup group{"score", "bad_record", 2, {}};
  group.samples.push_back(
      {"7", "it's \"bad\"", "in.jsonl line 8", "{\"text\": \"<script>alert(1)</script>\"}"});
  data.dead_letters.push_back(group);
  return data;
}

TEST(ReportPage, EscapesWhatComesFromOutside) {
  const std::string page = report_page(report());
  EXPECT_THAT(page, HasSubstr("no &lt;luck&gt; &amp; more"));
  EXPECT_THAT(page, HasSubstr("<td>too &lt;short&gt;</td><td>12,345</td>"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
}

TEST(ReportPage, SaysWhetherTheBooksBalance) {
  ReportData data = report();
  EXPECT_THAT(report_page(data), HasSubstr("They balance"));
  data.audit.mismatches = {"stage 'score' took in 10 and passed on 9"};
  const std::string page = report_page(data);
  EXPECT_THAT(page, Not(HasSubstr("They balance")));
  EXPECT_THAT(page, HasSubstr("<p class=\"bad\">stage &#39;score&#39; took in 10 and passed on 9</p>"));
  EXPECT_THAT(report_text(data), HasSubstr("took in 10 and passed on 9"));
}

}  // namespace
}  // namespace datagen::launcher
