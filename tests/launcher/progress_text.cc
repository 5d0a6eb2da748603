// What a person reads while a run runs.
#include "launcher/progress_text.h"

#include <gmock/gmock.h>
#include <simdjson.h>

#include "launcher/text_table.h"

namespace datagen::launcher {
namespace {

using testing::ElementsAre;

ProgressView half_way() {
  ProgressView view;
  view.pipeline = "clean";
  view.ids = {"source", "score"};
  view.time = std::chrono::seconds(72);
  view.read = 1'234'567;
  view.written = 1'200'000;
  view.dead = 3;
  view.share = 0.5;
  view.left = std::chrono::seconds(71);
  view.stages.resize(2);
  view.stages[0].share = 0.5;
  view.stages[0].load = {61'204.4, 112e6, 1, 0, 0};
  view.stages[0].sums.workers = view.stages[0].sums.alive = 1;
  view.stages[1].share = 0.25;
  view.stages[1].fill = 0.93;
  view.stages[1].load = {2.5, 4e3, 1, 0, 0};
  view.stages[1].sums.workers = 4;
  view.stages[1].sums.alive = 3;
  view.stages[1].sums.dead = 3;
  view.stages[1].spent.paid = {7, 1000, 20, 1'500'000'000};
  view.stages[1].spent.wasted.calls = 2;
  view.stages[1].restarts = 1;
  return view;
}

TEST(ProgressText, HasALineForEachStageOnATerminal) {
  EXPECT_THAT(
      progress_lines(half_way(), 200),
      ElementsAre(
          "clean 1m12s: read 1,234,567, wrote 1,200,000, dead 3, about 50 %, ETA 1m11s",
          "  source  [########........]  61,204/s  112.0 MB/s             workers 1/1",
          "  score   [####............]  2.5/s     0.0 MB/s    ring 93 %  workers 3/4  restarts 1  dead 3  "
          "tokens 1,000 in, 20 out, cost 1.50, 2 wasted"));
}

TEST(ProgressText, IsNeverWiderThanTheTerminal) {
  for (const std::size_t columns : {0, 1, 7, 40, 80}) {
    for (const std::string& line : progress_lines(half_way(), columns))
      EXPECT_LE(width_of(line), columns) << line;
  }
}

TEST(ProgressText, ShowsNoShareThatIsNotKnown) {
  ProgressView view = half_way();
  view.share.reset();
  view.left.reset();
  view.stages[1].share.reset();
  EXPECT_EQ(progress_line(view),
            "clean: read 1,234,567, wrote 1,200,000, dead 3, 61,204/s, 112.0 MB/s, restarts 1");
  EXPECT_EQ(progress_lines(view, 200)[2].find('['), std::string::npos);
}

TEST(ProgressText, IsJsonForPrograms) {
  ProgressView view = half_way();
  view.notes = {"worker 0 of 'score' is hung"};
  simdjson::dom::parser parser;
  const auto root = parser.parse(progress_json(view));
  EXPECT_EQ(root["event"].get_string().value(), "progress");
  EXPECT_EQ(root["read"].get_uint64().value(), 1'234'567u);
  EXPECT_EQ(root["eta_s"].get_double().value(), 71);
  EXPECT_EQ(root["stages"].at(1)["alive"].get_uint64().value(), 3u);
  EXPECT_TRUE(root["stages"].at(0)["ring_fill"].is_null());
  EXPECT_EQ(root["notes"].at(0).get_string().value(), "worker 0 of 'score' is hung");
}

TEST(TextTable, CutsBetweenCharacters) {
  EXPECT_EQ(cut_to("→→→", 3), "→→→");
  EXPECT_EQ(cut_to("→→→", 2), "→…");
  EXPECT_EQ(cut_to("→→→", 0), "");
}

}  // namespace
}  // namespace datagen::launcher
