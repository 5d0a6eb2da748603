// Graphs that are right: every key, the short and the long forms, paths, and graphs of flags.
#include "launcher/graph.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "graph_text.h"

namespace datagen::launcher::testing {
namespace {

TEST(Graph, TheSmallestHasTwoEndsAndDefaults) {
  const Graph graph = must_read(graph_with(""));
  EXPECT_EQ(graph.file, "graphs/corpus.yaml");
  EXPECT_EQ(graph.folder, "/work/dir/graphs");
  EXPECT_EQ(graph.pipeline, "corpus");
  EXPECT_EQ(graph.ids, "add");
  EXPECT_EQ(graph.max_dead_letters.count, std::nullopt);
  EXPECT_DOUBLE_EQ(graph.max_dead_letters.share, 0.05);
  EXPECT_FALSE(graph.slots);
  EXPECT_FALSE(graph.block_bytes);
  EXPECT_EQ(graph.input.uri.text(), "jsonl:///work/dir/graphs/in.jsonl");
  EXPECT_EQ(graph.output.uri.text(), "jsonl:///work/dir/graphs/out.jsonl");
  EXPECT_TRUE(graph.stages.empty());
  EXPECT_TRUE(must_read(graph_with("stages:\n")).stages.empty());
  EXPECT_TRUE(must_read(graph_with("stages: []\n")).stages.empty());
}

TEST(Graph, EveryKeyAtTheTopIsRead) {
  const std::string folder = std::filesystem::temp_directory_path();
  const Graph graph =
      must_read("datagen: 1\npipeline: my_corpus-2.x\nids: keep\nmax_dead_letters: 0.5%\nstage_path: [" +
                folder + ", " + folder +
                "]\nrings: {slots: 8, block_bytes: 1MiB}\ninput: {uri: a.csv, max_record: 64MiB}\n"
                "output: {uri: jsonl://data/clean/, split: 1GiB, compress: zst}\nvars: {}\ndefaults: "
                "{}\nx-mine: [any, {thing: 1}]\nstages: []\n");
  EXPECT_EQ(graph.pipeline, "my_corpus-2.x");
  EXPECT_EQ(graph.ids, "keep");
  EXPECT_DOUBLE_EQ(graph.max_dead_letters.share, 0.005);
  EXPECT_EQ(graph.stage_path, std::vector<std::string>(2, folder));
  EXPECT_EQ(graph.slots, 8);
  EXPECT_EQ(graph.block_bytes, 1 << 20);
  EXPECT_EQ(graph.input.uri.text(), "csv:///work/dir/graphs/a.csv");
  EXPECT_EQ(texts(graph.input.params), (Texts{{"max_record", "64MiB"}}));
  EXPECT_EQ(graph.input.params[0].path, "input.max_record");
  EXPECT_EQ(texts(graph.output.params), (Texts{{"split", "1GiB"}, {"compress", "zst"}}));
  EXPECT_EQ(must_read(graph_with("ids: true\n")).ids, "add");
  EXPECT_EQ(must_read(graph_with("ids: false\n")).ids, "off");
  EXPECT_EQ(must_read(graph_with("max_dead_letters: 100\n")).max_dead_letters.count, 100);
  EXPECT_EQ(must_read(graph_with("stage_path: " + folder + "\n")).stage_path.size(), 1u);
}

TEST(Graph, AStageIsWrittenInThreeForms) {
  const Graph graph = must_read(graph_with(R"(stages:
  - clean_text
  - clean_text: {field: body}
    id: clean_body
    workers: 4
  - quality_filter:
  - use: split_text
    params: {max: 50, by: "chars"}
  - run: ./score.sh
    params: {max: 100}
  - run: /abs/bin/judge
)"));
  ASSERT_EQ(graph.stages.size(), 6u);
  EXPECT_EQ(graph.stages[0].name, "clean_text");
  EXPECT_EQ(graph.stages[0].id, "clean_text");
  EXPECT_EQ(graph.stages[0].path, "stages[0]");
  EXPECT_EQ(graph.stages[0].place.line, 5);
  EXPECT_EQ(graph.stages[1].name, "clean_text");
  EXPECT_EQ(graph.stages[1].id, "clean_body");
  EXPECT_EQ(graph.stages[1].running.workers, 4);
  EXPECT_EQ(graph.stages[1].running_places.at("workers").line, 8);
  EXPECT_EQ(texts(graph.stages[1].params), (Texts{{"field", "body"}}));
  EXPECT_EQ(graph.stages[1].params[0].path, "stages[1].clean_text.field");
  EXPECT_EQ(graph.stages[2].name, "quality_filter");
  EXPECT_TRUE(graph.stages[2].params.empty());
  EXPECT_EQ(graph.stages[3].name, "split_text");
  EXPECT_EQ(texts(graph.stages[3].params), (Texts{{"max", "50"}, {"by", "chars"}}));
  EXPECT_EQ(graph.stages[3].params[0].path, "stages[3].params.max");
  EXPECT_FALSE(graph.stages[3].params[0].quoted);
  EXPECT_TRUE(graph.stages[3].params[1].quoted);
  EXPECT_EQ(graph.stages[4].run, "/work/dir/graphs/score.sh");
  EXPECT_EQ(graph.stages[4].name, "");
  EXPECT_EQ(graph.stages[4].id, "score");
  EXPECT_EQ(graph.stages[5].run, "/abs/bin/judge");
  EXPECT_EQ(graph.stages[5].id, "judge");
}

TEST(Graph, OtherKeysMayStandBeforeTheName) {
  const Graph graph =
      must_read(graph_with("stages:\n  - workers: 2\n    clean_text: {field: a}\n    x-note: {b: c}\n"));
  EXPECT_EQ(graph.stages[0].name, "clean_text");
  EXPECT_EQ(graph.stages[0].running.workers, 2);
}

TEST(Graph, EveryRunningKeyIsRead) {
  const Graph graph = must_read(graph_with(R"(stages:
  - use: score
    workers: 4
    threads: 8
    batch_size: 64
    retries: 3
    backoff: 2s
    timeout: 30s
    memory_limit: 2GiB
    crash_attempts: 5
    on_error: drop
)"));
  const RunningKeys& keys = graph.stages[0].running;
  EXPECT_EQ(keys.workers, 4);
  EXPECT_EQ(keys.threads, 8);
  EXPECT_EQ(keys.batch_size, 64);
  EXPECT_EQ(keys.retries, 3);
  EXPECT_EQ(keys.backoff_ms, 2000);
  EXPECT_EQ(keys.timeout_ms, 30'000);
  EXPECT_EQ(keys.memory_limit_bytes, std::int64_t{2} << 30);
  EXPECT_EQ(keys.crash_attempts, 5);
  EXPECT_EQ(keys.on_error, "drop");
}

TEST(Graph, DefaultsAreForStagesThatSayNothing) {
  const Graph graph = must_read(graph_with(
      "defaults: {timeout: 60s, workers: 2, on_error: fail}\nstages:\n  - a\n  - b:\n    workers: 3\n"));
  EXPECT_EQ(graph.stages[0].running.timeout_ms, 60'000);
  EXPECT_EQ(graph.stages[0].running.workers, 2);
  EXPECT_EQ(graph.stages[0].running.on_error, "fail");
  EXPECT_EQ(graph.stages[0].running_places.at("workers").line, 4);
  EXPECT_EQ(graph.stages[1].running.workers, 3);
  EXPECT_EQ(graph.stages[1].running.timeout_ms, 60'000);
}

TEST(Graph, ExtensionKeysAreIgnoredEverywhereButInParameters) {
  const Graph graph = must_read(
      "x-a: 1\ndatagen: 1\ninput: {uri: a.jsonl, x-b: {c: 1}}\noutput: {uri: b.jsonl}\nvars: {x-d: "
      "[1]}\ndefaults: {x-e: 1}\n"
      "rings: {x-f: 1}\nstages:\n  - use: s\n    x-g: 1\n    params: {x-h: 1}\n");
  EXPECT_TRUE(graph.input.params.empty());
  EXPECT_EQ(texts(graph.stages[0].params), (Texts{{"x-h", "1"}}));
}

TEST(Graph, AQuotedNumberMayBeginWithZeros) {
  const Graph graph =
      must_read(graph_with("vars: {day: \"007\"}\nstages:\n  - a: {code: \"007\", day: \"${day}\"}\n"));
  EXPECT_EQ(texts(graph.stages[0].params), (Texts{{"code", "007"}, {"day", "007"}}));
}

TEST(Graph, StandardStreamsAndOtherTransportsStayAsTheyAre) {
  const Graph graph = must_read("datagen: 1\ninput: stdin://\noutput: jsonl+s3://bucket/x\n");
  EXPECT_EQ(graph.input.uri.text(), "stdin://");
  EXPECT_EQ(graph.output.uri.text(), "jsonl+s3://bucket/x");
}

TEST(Graph, JsonIsAGraphToo) {
  const Graph graph = must_read(
      R"({"datagen": 1, "input": "a.jsonl", "output": {"uri": "b.jsonl"}, "stages": ["x", {"y": {"z": 1}, "workers": 2}]})");
  EXPECT_EQ(graph.stages[1].running.workers, 2);
  EXPECT_EQ(texts(graph.stages[1].params), (Texts{{"z", "1"}}));
}

TEST(Graph, IsReadFromAFile) {
  char folder[] = "/tmp/datagen-test-graph-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::filesystem::path path = folder;
  GraphContext context = context_of({});
  context.working_directory = path;
  std::ofstream(path / "g.yaml") << graph_with("");
  std::ofstream(path / "large.yaml") << graph_with("#" + std::string(16 << 20, 'x'));
  std::ofstream(path / "latin.yaml") << graph_with("pipeline: \xe4\n");
  const auto graph = checked(read_graph_file("g.yaml", context));
  EXPECT_EQ(errors_of(graph), "read");
  if (graph) {
    EXPECT_EQ(graph.value().folder, path);
    EXPECT_EQ(graph.value().pipeline, "g");
  }
  EXPECT_EQ(errors_of(read_graph_file((path / "g.yaml").string(), context)), "read");
  EXPECT_EQ(errors_of(read_graph_file("none.yaml", context)),
            "cannot read the graph none.yaml: No such file or directory");
  EXPECT_EQ(errors_of(read_graph_file(".", context)), "cannot read the graph .: it is a folder");
  EXPECT_EQ(errors_of(read_graph_file("large.yaml", context)),
            "cannot read the graph large.yaml: it is larger than 16 MiB");
  EXPECT_EQ(errors_of(read_graph_file("latin.yaml", context)), "the graph is not UTF-8 at latin.yaml");
  std::filesystem::remove_all(path);
}

TEST(FlagGraph, NamesStagesAndExecutablesAndBeginsAtTheWorkingDirectory) {
  const auto read = checked(
      read_flag_graph({"data/in.jsonl", "jsonl://out.jsonl", {"clean_text", "./bin/score.sh", "/abs/judge"}},
                      context_of({})));
  ASSERT_EQ(errors_of(read), "read");
  const Graph& graph = read.value();
  EXPECT_EQ(graph.file, "");
  EXPECT_EQ(graph.folder, "/work/dir");
  EXPECT_EQ(graph.input.uri.text(), "jsonl:///work/dir/data/in.jsonl");
  EXPECT_EQ(graph.output.uri.text(), "jsonl:///work/dir/out.jsonl");
  ASSERT_EQ(graph.stages.size(), 3u);
  EXPECT_EQ(graph.stages[0].name, "clean_text");
  EXPECT_EQ(graph.stages[1].run, "/work/dir/bin/score.sh");
  EXPECT_EQ(graph.stages[1].id, "score");
  EXPECT_EQ(graph.stages[2].run, "/abs/judge");
  EXPECT_EQ(graph.pipeline, "clean_text+score+judge");
}

TEST(FlagGraph, ADashIsTheStandardStream) {
  const auto read = checked(read_flag_graph({"-", "-", {}}, context_of({})));
  ASSERT_EQ(errors_of(read), "read");
  EXPECT_EQ(read.value().input.uri.text(), "stdin://");
  EXPECT_EQ(read.value().output.uri.text(), "stdout://");
  EXPECT_EQ(read.value().pipeline, "copy");
}

TEST(FlagGraph, TakesSets) {
  const auto read = checked(read_flag_graph(
      {"a.jsonl", "b.jsonl", {"clean_text"}},
      context_of({{"clean_text.field=body", "clean_text.workers=3", "pipeline=mine", "rings.slots=4"}})));
  ASSERT_EQ(errors_of(read), "read");
  EXPECT_EQ(texts(read.value().stages[0].params), (Texts{{"field", "body"}}));
  EXPECT_EQ(read.value().stages[0].running.workers, 3);
  EXPECT_EQ(read.value().pipeline, "mine");
  EXPECT_EQ(read.value().slots, 4);
}

TEST(FlagGraph, LeavesDollarsToTheShell) {
  const auto read = checked(read_flag_graph({"$a/${b}$$.jsonl", "b.jsonl", {}}, context_of({})));
  ASSERT_EQ(errors_of(read), "read");
  EXPECT_EQ(read.value().input.uri.path, "/work/dir/$a/${b}$$.jsonl");
}

TEST(FlagGraph, ErrorsNameTheFlags) {
  EXPECT_EQ(errors_of(read_flag_graph({"", "", {}}, context_of({}))),
            "--input is missing; for example --input jsonl://data/input.jsonl at the command line\n"
            "--output is missing; for example --output jsonl://data/output.jsonl at the command line");
  EXPECT_EQ(errors_of(read_flag_graph({"a", "b.jsonl", {"x", "x", ""}}, context_of({}))),
            "input: cannot tell the format of 'a' from its name: write for example jsonl://a at --input a\n"
            "stages[2]: names no stage at --stage \n"
            "stages[1]: 'x' is the id of stages[0] already; in a graph file each can have an id of its own "
            "at --stage x");
  EXPECT_EQ(errors_of(read_flag_graph({"a.jsonl", "b.jsonl", {"\xff"}}, context_of({}))),
            "the command line is not UTF-8");
}

}  // namespace
}  // namespace datagen::launcher::testing
