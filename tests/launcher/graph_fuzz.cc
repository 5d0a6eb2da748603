// Graphs that something went over: never a crash, always a graph or errors with their places.
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph_text.h"
#include "launcher/planner.h"
#include "made_up_world.h"
#include "tests/ipc/rig.h"

namespace datagen::launcher::testing {
namespace {

const std::vector<std::string> kSeeds = {
    graph_with("vars: {lang: en, model: \"${MODEL:-q}\"}\ndefaults: {timeout: 60s}\nstages:\n  - "
               "clean_text\n  - clean_text: {field: body}\n"
               "    id: clean_body\n    workers: 4\n  - use: quality\n    params: {min: 50, l: "
               "\"${lang}\"}\n  - run: ./score\n    memory_limit: 2GiB\n"),
    "datagen: 1\npipeline: p\nids: keep\nmax_dead_letters: 0.5%\nrings: {slots: 8, block_bytes: "
    "1MiB}\ninput: {uri: \"a/**/*.jsonl.zst\", n: 1}\n"
    "output: &o {uri: jsonl://b/, split: 1GiB}\nx-o: *o\nx-text: |\n  many\n  lines\nstages: [a, {b: {}, "
    "retries: 3}]\n",
    R"({"datagen": 1, "input": "stdin://", "output": "stdout://", "stages": ["x", {"y": {"z": 1.5}, "threads": 2, "on_error": "drop"}]})",
};

const std::vector<std::string> kPieces = {":",
                                          ": ",
                                          "- ",
                                          "-",
                                          "\n",
                                          "\n  ",
                                          "\n    ",
                                          "\t",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          "\"",
                                          "'",
                                          "*",
                                          "&a ",
                                          "*a",
                                          "!",
                                          "!!str ",
                                          "%",
                                          "@",
                                          "`",
                                          "|",
                                          ">",
                                          "#",
                                          "? ",
                                          "---\n",
                                          "...\n",
                                          "<<: ",
                                          "~",
                                          "null",
                                          "007",
                                          "-1",
                                          "1e999",
                                          "99999999999999999999",
                                          "${",
                                          "${X}",
                                          "${X:-",
                                          "$$",
                                          "\xff",
                                          "\xc3\xa4",
                                          std::string(1, '\0'),
                                          "stages:",
                                          "workers: ",
                                          "use: ",
                                          "run: ",
                                          "id: ",
                                          "params: ",
                                          "vars: ",
                                          "input: ",
                                          "jsonl://",
                                          "x-a: ",
                                          "defaults: ",
                                          "rings: ",
                                          "\r\n",
                                          "\\",
                                          "datagen: ",
                                          "\\0"};

class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : random_(seed) {}

  std::string next() {
    std::string text = pick(kSeeds);
    for (std::size_t steps = 1 + below(3); steps > 0; --steps) step(text);
    return text;
  }
  std::vector<std::string> sets() {
    static const std::vector<std::string> kSets = {"vars.lang=zh",
                                                   "clean_text.field=x",
                                                   "clean_body.workers=2",
                                                   "input=-",
                                                   "input.n=2",
                                                   "b.params.q=1",
                                                   "y.threads=0",
                                                   "rings.slots=4",
                                                   "defaults.retries=1",
                                                   "stages=1",
                                                   "x=1",
                                                   "pipeline=a",
                                                   "score.",
                                                   "=",
                                                   "a.b.c.d=e"};
    std::vector<std::string> sets;
    for (std::size_t count = below(3) * below(2); count > 0; --count) {
      sets.push_back(pick(kSets));
      if (below(3) == 0) step(sets.back());
    }
    return sets;
  }

 private:
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  void step(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(below(12), text.size() - at);
    switch (below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pick(kPieces));
        break;
      case 2:
        text.replace(at, length, pick(kPieces));
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, length * 4));
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
    }
  }

  std::mt19937_64 random_;
};

void expect_sane(const Checked<Graph>& graph, const std::string& text) {
  if (!graph) {
    ASSERT_FALSE(graph.error().empty()) << text;
    const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) +
                      static_cast<int>(std::count(text.begin(), text.end(), '\r'));
    for (const GraphError& error : graph.error()) {
      ASSERT_FALSE(error.message.empty()) << text;
      ASSERT_FALSE(error.file.empty()) << error.message << "\n" << text;
      const bool is_in_file = error.file == "graphs/corpus.yaml" && error.line != 0;
      ASSERT_TRUE(!is_in_file || (error.line > 0 && error.column > 0)) << error.text() << "\n" << text;
      ASSERT_LE(error.line, lines + 2) << error.text() << "\n" << text;
    }
    return;
  }
  std::set<std::string> ids;
  for (const StageSpec& stage : graph.value().stages) {
    ASSERT_TRUE(ids.insert(stage.id).second) << text;
    ASSERT_FALSE(stage.id.empty()) << text;
    ASSERT_NE(stage.name.empty(), stage.run.empty()) << text;
    ASSERT_TRUE(stage.run.empty() || stage.run.front() == '/') << text;
    ASSERT_GE(stage.running.workers, 1) << text;
  }
  for (const EndSpec* end : {&graph.value().input, &graph.value().output}) {
    ASSERT_FALSE(end->uri.scheme.empty()) << text;
    ASSERT_TRUE(!end->uri.names_files() || end->uri.path.front() == '/') << text;
  }
  ASSERT_FALSE(graph.value().pipeline.empty()) << text;
}

TEST(GraphFuzz, AMutatedGraphIsReadOrRefusedWithPlaces) {
  const std::uint64_t seed = ipc::testing::seed();
  for (const std::string& text : kSeeds) ASSERT_EQ(errors_in(text), "read");
  Mutation mutation(seed);
  int read_count = 0;
  const int rounds = ipc::testing::kIsInstrumented ? 4'000 : 30'000;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = mutation.next();
    auto reading = read_graph(text, "graphs/corpus.yaml", context_of({mutation.sets(), {{"X", "1"}}}));
    MadeUpWorld world;
    const auto plan = make_plan(reading, world);  // also of what was read with errors
    EXPECT_TRUE(reading.errors.empty() || !plan) << text;
    const auto graph = checked(std::move(reading));
    expect_sane(graph, text);
    if (HasFatalFailure()) return;
    read_count += graph ? 1 : 0;
  }
  // Enough of both, or the mutations have lost their edge.
  EXPECT_GT(read_count, rounds / 50);
  EXPECT_LT(read_count, rounds / 2);
}

}  // namespace
}  // namespace datagen::launcher::testing
