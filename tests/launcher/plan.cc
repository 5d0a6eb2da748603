// From a graph to a plan, in a world that the test makes up: all that is wrong in one round, nothing twice.
#include "launcher/planner.h"

#include <fmt/format.h>

#include "graph_text.h"
#include "made_up_world.h"

namespace datagen::launcher::testing {
namespace {

Checked<Plan> plan_of(const std::string& text) {
  MadeUpWorld world;
  return make_plan(read_graph(text, "graphs/corpus.yaml", context_of({})), world);
}

std::string errors_against(const std::string& text) {
  const auto plan = plan_of(text);
  if (plan) return "planned";
  std::string shown = show(plan.error());
  if (!shown.empty()) shown.pop_back();
  return shown;
}

TEST(Plan, ErrorsOfTheFileAndOfTheWorldComeTogetherInTheOrderOfTheFile) {
  EXPECT_EQ(
      errors_against("datagen: 1\ninput: gone.jsonl\noutput: out.txt\nstages:\n- clean: {max: many, mx: 1}\n"
                     "  workrs: 4\n- {use: cleen, timeout: 30}\n- {run: ./missing, from: cleen}\n"),
      "input: /work/dir/graphs/gone.jsonl: no such file at graphs/corpus.yaml:2:8\n"
      "output: cannot tell the format of 'out.txt' from its name: write for example jsonl://out.txt at "
      "graphs/corpus.yaml:3:9\n"
      "stages[0].clean.max: expected a whole number, got 'many' at graphs/corpus.yaml:5:16\n"
      "stages[0].clean.mx: clean has no such parameter (did you mean 'max'?) at graphs/corpus.yaml:5:22\n"
      "stages[0].workrs: unknown key (did you mean 'workers'?) at graphs/corpus.yaml:6:3\n"
      "stages[1]: there is no stage 'cleen' at graphs/corpus.yaml:7:9\n"
      "stages[1].timeout: '30' has no unit: write 30s for seconds (ms, s, m, h, d) at "
      "graphs/corpus.yaml:7:25\n"
      "stages[2]: /work/dir/graphs/missing: no such file at graphs/corpus.yaml:8:9");
}

TEST(Plan, RelativePathsInParametersBeginAtTheGraph) {
  const auto params_of = [](const std::string& params) {
    const auto plan = plan_of("datagen: 1\ninput: in.jsonl\noutput: out.jsonl\nstages:\n- clean: {max: 1, " +
                              params + "}\n");
    std::string all;
    for (const PlannedParameter& param : plan.value().stages[1].params) {
      if (param.name != "max") all += param.name + "=" + param.json + " ";
    }
    return all;
  };
  EXPECT_EQ(params_of("more: a.json, key: 'env:KEY', files: ../a.json"),
            "more=\"a.json\" key=\"env:KEY\" files=\"/work/dir/a.json\" ");
  EXPECT_EQ(params_of("key: 'file:k', files: [a, /b]"),
            R"(key="file:/work/dir/graphs/k" files=["/work/dir/graphs/a","/b"] )");
  EXPECT_EQ(
      params_of("files: [{name: a, ca_file: c, api_key: 'file:k', n: 1}]"),
      R"(files=[{"name":"a","ca_file":"/work/dir/graphs/c","api_key":"file:/work/dir/graphs/k","n":1}] )");
}

// What could not be read is reported as that, and not a second time as what is missing then.
TEST(Plan, AnErrorIsNotReportedTwice) {
  const auto with = [](const std::string& rest) {
    return errors_against("datagen: 1\ninput: in.jsonl\noutput: out.jsonl\n" + rest);
  };
  EXPECT_EQ(with("stages:\n- clean: {max: [1]}\n"),
            "stages[0].clean.max: expected one value, got a list at graphs/corpus.yaml:5:16");
  EXPECT_EQ(with("stages:\n- {use: tally, id: a}\n- {use: tally, id: b, from: [[a]]}\n"),
            "stages[1].from[0]: expected one value, got a list at graphs/corpus.yaml:6:30");
  EXPECT_EQ(with("stages:\n- {use: tally, id: a}\n- {use: tally, id: a}\n- {use: tally, id: b, from: a}\n"),
            "stages[1]: 'a' is the id of stages[0] already; give this one an id of its own (id: a_2) at "
            "graphs/corpus.yaml:6:9");
  EXPECT_EQ(with("stages:\n- {use: sub/tally, id: a}\n"),
            "stages[0]: 'sub/tally' is a path; write run: sub/tally at graphs/corpus.yaml:5:9");
  EXPECT_EQ(with("stages: [[]]\n"),
            "stages[0]: expected a stage's name or a map, got a list at graphs/corpus.yaml:4:10");
  EXPECT_EQ(errors_against("datagen: 1\nstages: []\n"),
            "input: is missing; for example input: jsonl://data/input.jsonl at graphs/corpus.yaml:1:1\n"
            "output: is missing; for example output: jsonl://data/output.jsonl at graphs/corpus.yaml:1:1");
  EXPECT_EQ(errors_against("a: [\n").substr(0, 14), "not valid YAML");
}

TEST(Plan, AParameterOfJsonTakesListsMapsAndSingleValues) {
  const auto with = [](const std::string& value) {
    const auto plan = plan_of(
        "datagen: 1\ninput: in.jsonl\noutput: out.jsonl\nstages:\n- clean: {max: 1, more: " + value + "}\n");
    return plan ? plan.value().stages[1].params[1].json : show(plan.error());
  };
  EXPECT_EQ(with("[1, two, '3', null, true, 1.50]"), R"([1,"two","3",null,true,1.50])");
  EXPECT_EQ(with(R"({a: {b: ["x\n"]}, c: 007})"), R"({"a":{"b":["x\n"]},"c":"007"})");
  EXPECT_EQ(with("one"), "\"one\"");
  EXPECT_NE(with("{a: 1, a: 2}").find("second time"), std::string::npos);
}

TEST(Plan, EndsAreCheckedAlsoWhereTheStagesBetweenThemAreWrong) {
  EXPECT_EQ(
      errors_against("datagen: 1\ninput: gone.jsonl\noutput: out.jsonl\nstages:\n"
                     "- {use: tally, id: a, from: b, output: out.jsonl}\n- {use: tally, id: b, from: a}\n"),
      "input: /work/dir/graphs/gone.jsonl: no such file at graphs/corpus.yaml:2:8\n"
      "output: /work/dir/graphs/out.jsonl is written by another end too at graphs/corpus.yaml:3:9\n"
      "stages[0]: reads its own records in a circle: a -> b -> a at graphs/corpus.yaml:5:9");
}

// As "SLOTS x KiB" of the edge before the sink, for an input of so many bytes.
std::string rings_of(const std::string& rings, const std::string& stage, std::uint64_t bytes) {
  struct World : MadeUpWorld {
    Result<std::vector<FrozenInput>> freeze(const std::string&, const std::string& path,
                                            const std::vector<std::string>&) override {
      return std::vector<FrozenInput>{{path, size}};
    }
    std::uint64_t size = 0;
  } world;
  world.size = bytes;
  const auto plan = make_plan(read_graph("datagen: 1\ninput: in.jsonl\noutput: out.jsonl\n" + rings +
                                             "stages:\n- {clean: {max: 3}" + stage + "}\n",
                                         "graphs/corpus.yaml", context_of({})),
                              world);
  if (!plan) return show(plan.error());
  const PlannedEdge& edge = plan.value().edges.back();
  return fmt::format("{} x {}", edge.slots, edge.block_bytes >> 10);
}

TEST(Plan, BlocksFitASmallInputUnlessTheyAreGiven) {
  EXPECT_EQ(rings_of("", "", 10), "16 x 16");
  EXPECT_EQ(rings_of("", "", 20'000), "16 x 80");
  EXPECT_EQ(rings_of("", "", 64 << 10), "16 x 256");
  EXPECT_EQ(rings_of("", "", 2 << 20), "16 x 256");
  EXPECT_EQ(rings_of("", "", 4 << 20), "16 x 512") << "eight frames at least";
  EXPECT_EQ(rings_of("", "", std::uint64_t{1} << 40), "16 x 768");
  EXPECT_EQ(rings_of("", "", 0), "16 x 768") << "of a pipe nobody knows the size";
  EXPECT_EQ(rings_of("rings: {block_bytes: 1MiB}\n", "", 10), "64 x 1024");
  EXPECT_EQ(rings_of("rings: {slots: 8}\n", "", 10), "8 x 16");
  EXPECT_EQ(rings_of("rings: {slots: 8}\n", "", std::uint64_t{1} << 40), "8 x 256");
}

TEST(Plan, RingsHoldFramesForAllWorkers) {
  const auto slots = [](const std::string& stage) { return rings_of("", stage, 0); };
  EXPECT_EQ(slots(", workers: 3"), "16 x 768");
  EXPECT_EQ(slots(", workers: 4"), "32 x 384");
  EXPECT_EQ(slots(", workers: 8"), "64 x 256");
  EXPECT_EQ(slots(", workers: 64"), "64 x 256");
  EXPECT_EQ(slots(", workers: 2, frames: 50"), "200 x 256");
  EXPECT_EQ(rings_of("rings: {slots: 2}\n", ", workers: 4", 0), "2 x 256") << "as the user wants it";
  EXPECT_EQ(rings_of("rings: {slots: 2}\n", ", workers: 2, frames: 5", 0), "20 x 256");
}

TEST(Plan, AllThatWillBeAskedIsToldBeforeTheFirstQuestion) {
  struct World : MadeUpWorld {
    void expect_describe(const std::string& executable) override { told.push_back(executable); }
    void expect_freeze(const std::string&, const std::string& path) override { told.push_back(path); }
    void expect_outputs(const std::string&, const std::string& path) override { told.push_back(path); }
    Result<StageDescription> describe(const std::string& executable) override {
      told_at_first = std::max(told_at_first, told.size());
      return MadeUpWorld::describe(executable);
    }
    std::vector<std::string> told;
    std::size_t told_at_first = 0;
  } world;
  const auto plan = make_plan(read_graph("datagen: 1\ninput: in.jsonl\noutput: {uri: out.jsonl, compress: "
                                         "zstd}\nstages:\n- clean: {max: 3}\n",
                                         "graphs/corpus.yaml", context_of({})),
                              world);
  // Not the output's files: they depend on its parameters.
  EXPECT_EQ(world.told, (std::vector<std::string>{"/stages/source-jsonl", "/work/dir/graphs/in.jsonl",
                                                  "/stages/clean", "/stages/sink-jsonl"}));
  EXPECT_EQ(world.told_at_first, world.told.size());
}

TEST(Plan, AGraphWithoutErrorsIsPlanned) {
  const auto plan = plan_of("datagen: 1\ninput: in.jsonl\noutput: out.jsonl\nstages:\n- clean: {max: 3}\n");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan.value().stage_names(), (std::vector<std::string>{"source", "clean", "sink"}));
  EXPECT_EQ(plan.value().inputs, (std::vector<FrozenInput>{{"/work/dir/graphs/in.jsonl", 10}}));
  EXPECT_EQ(plan.value().outputs, (std::vector<std::string>{"/work/dir/graphs/out.jsonl"}));
}

}  // namespace
}  // namespace datagen::launcher::testing
