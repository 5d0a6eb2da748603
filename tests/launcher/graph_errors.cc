// Graphs that are wrong: all that is wrong at once, each with its place and what to do.
#include "graph_text.h"

#include <string>

namespace datagen::launcher::testing {
namespace {

// The one error of a graph whose lines 4 and on are `rest`.
std::string error_in(const std::string& rest, const Given& given = {}) {
  return errors_in(graph_with(rest), given);
}

TEST(GraphErrors, AreAllReportedAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(
      errors_in(
          "datagen: 2\ninput: data.txt\noutput: jsonl://out.jsonl\npipelin: x\nstages:\n  - clean_text\n  - "
          "clean_text:\n"
          "    workrs: 4\n    timeout: 30\n  - use: a\n    params: {max: 007}\n    params: {}\nids: yes\n"),
      "datagen: format 2 is newer than this program, which reads format 1 at graphs/corpus.yaml:1:10\n"
      "input: cannot tell the format of 'data.txt' from its name: write for example jsonl://data.txt at "
      "graphs/corpus.yaml:2:8\n"
      "pipelin: unknown key (did you mean 'pipeline'?) at graphs/corpus.yaml:4:1\n"
      "stages[1]: 'clean_text' is the id of stages[0] already; give this one an id of its own (id: "
      "clean_text_2) at graphs/corpus.yaml:7:5\n"
      "stages[1].workrs: unknown key (did you mean 'workers'?) at graphs/corpus.yaml:8:5\n"
      "stages[1].timeout: '30' has no unit: write 30s for seconds (ms, s, m, h, d) at "
      "graphs/corpus.yaml:9:14\n"
      "stages[2].params.max: 007 has leading zeros: write \"007\" if it is a text, else leave them out at "
      "graphs/corpus.yaml:11:19\n"
      "'params' stands here a second time (first in line 11) at graphs/corpus.yaml:12:5\n"
      "ids: expected true or false or keep, got 'yes' at graphs/corpus.yaml:13:6");
}

TEST(GraphErrors, AGraphIsAMap) {
  EXPECT_EQ(errors_in("[a, b]"),
            "the graph: expected a map (KEY: VALUE), got a list at graphs/corpus.yaml:1:1");
  EXPECT_EQ(errors_in("hello"),
            "the graph: expected a map (KEY: VALUE), got a text at graphs/corpus.yaml:1:1");
  EXPECT_EQ(errors_in("---\n").substr(0, 52), "the graph: expected a map (KEY: VALUE), got nothing ");
  EXPECT_EQ(errors_in("\xff"), "the graph is not UTF-8 at graphs/corpus.yaml");
}

TEST(GraphErrors, TheFormatVersionIsNeeded) {
  EXPECT_EQ(errors_in("input: a.jsonl\noutput: b.jsonl\n"),
            "datagen: is missing; begin the graph with 'datagen: 1', the version of its format at "
            "graphs/corpus.yaml:1:1");
  EXPECT_EQ(errors_in("datagen: 0\ninput: a.jsonl\noutput: b.jsonl\n"),
            "datagen: there is no format 0; the first is 1 at graphs/corpus.yaml:1:10");
  EXPECT_EQ(errors_in("datagen: one\ninput: a.jsonl\noutput: b.jsonl\n"),
            "datagen: expected a whole number, got 'one' at graphs/corpus.yaml:1:10");
  EXPECT_EQ(errors_in("datagen:\ninput: a.jsonl\noutput: b.jsonl\n"),
            "datagen: has no value at graphs/corpus.yaml:1:1");
}

TEST(GraphErrors, BothEndsAreNeeded) {
  EXPECT_EQ(errors_in("datagen: 1\n"),
            "input: is missing; for example input: jsonl://data/input.jsonl at graphs/corpus.yaml:1:1\n"
            "output: is missing; for example output: jsonl://data/output.jsonl at graphs/corpus.yaml:1:1");
  EXPECT_EQ(errors_in("datagen: 1\ninput: {url: a.jsonl}\noutput: [b]\n"),
            "input.uri: is missing; for example {uri: jsonl://data/input.jsonl} (instead of 'url'?) at "
            "graphs/corpus.yaml:2:8\n"
            "output: expected one value, got a list at graphs/corpus.yaml:3:9");
  EXPECT_EQ(errors_in("datagen: 1\ninput: {uri: jsonl:x, a: [1]}\noutput:\n"),
            "input: 'jsonl:x' needs two slashes: jsonl://x at graphs/corpus.yaml:2:14\n"
            "output: has no value at graphs/corpus.yaml:3:1");
}

TEST(GraphErrors, UnknownKeysSayWhereTheyBelong) {
  EXPECT_EQ(error_in("workers: 4\n"),
            "workers: unknown key (a key of a stage; for all stages: defaults: {workers: …}) at "
            "graphs/corpus.yaml:4:1");
  EXPECT_EQ(error_in("params: {}\n"), "params: unknown key (a key of a stage) at graphs/corpus.yaml:4:1");
  EXPECT_EQ(error_in("stages:\n  - use: a\n    max_dead_letters: 3\n"),
            "stages[0].max_dead_letters: unknown key (it stands at the top of the graph) at "
            "graphs/corpus.yaml:6:5");
  EXPECT_EQ(error_in("rings: {slot: 4}\n"),
            "rings.slot: unknown key (did you mean 'slots'?) at graphs/corpus.yaml:4:9");
  EXPECT_EQ(error_in("defaults: {timout: 1s}\n"),
            "defaults.timout: unknown key (did you mean 'timeout'?) at graphs/corpus.yaml:4:12");
  EXPECT_EQ(error_in("defaults: {id: x}\n"),
            "defaults.id: belongs to one stage; defaults are keys such as workers or timeout at "
            "graphs/corpus.yaml:4:12");
  EXPECT_EQ(error_in("zzz: 1\n"), "zzz: unknown key at graphs/corpus.yaml:4:1");
  EXPECT_EQ(error_in("stages: [{use: a, X-b: 1}]\n"),
            "stages[0].X-b: unknown key at graphs/corpus.yaml:4:19");
}

TEST(GraphErrors, ProgramsAndConditions) {
  EXPECT_EQ(error_in("stages:\n  - exec: jq -c\n"),
            "stages[0].exec: expected a list, [PROGRAM, ARGUMENT, …] at graphs/corpus.yaml:5:11");
  EXPECT_EQ(error_in("stages:\n  - exec: [jq]\n    mode: stream\n"),
            "stages[0].mode: expected frame or line, got 'stream' at graphs/corpus.yaml:6:11");
  EXPECT_EQ(error_in("stages:\n  - {use: a, mode: line}\n"),
            "stages[0].mode: goes with 'exec' at graphs/corpus.yaml:5:20");
  EXPECT_EQ(error_in("stages:\n  - {use: a, exec: [jq]}\n"),
            "stages[0]: has 'use' and 'exec'; a stage is one of them at graphs/corpus.yaml:5:5");
  EXPECT_EQ(
      error_in("stages:\n  - {use: a, from: [input, b], when: .x}\n  - {use: b, from: input}\n"),
      "stages[0].when: a stage that joins branches gets all their records; put it on a stage of one branch, "
      "or behind the join at graphs/corpus.yaml:5:38");
}

TEST(GraphErrors, ValuesOfTheWrongKind) {
  EXPECT_EQ(error_in("pipeline: [a]\n"),
            "pipeline: expected one value, got a list at graphs/corpus.yaml:4:11");
  EXPECT_EQ(error_in("vars: [a]\n"),
            "vars: expected a map (KEY: VALUE), got a list at graphs/corpus.yaml:4:7");
  EXPECT_EQ(error_in("vars: {a: [1]}\n"),
            "vars.a: expected one value, got a list at graphs/corpus.yaml:4:11");
  EXPECT_EQ(error_in("vars: {a: 01}\n"),
            "vars.a: 01 has leading zeros: write \"01\" if it is a text, else leave them out at "
            "graphs/corpus.yaml:4:11");
  EXPECT_EQ(error_in("defaults: 5\n"),
            "defaults: expected a map (KEY: VALUE), got a text at graphs/corpus.yaml:4:11");
  EXPECT_EQ(error_in("rings: x\n"),
            "rings: expected a map (KEY: VALUE), got a text at graphs/corpus.yaml:4:8");
  EXPECT_EQ(error_in("stages: {a: b}\n"),
            "stages: expected a list (- NAME), got a map at graphs/corpus.yaml:4:9");
  EXPECT_EQ(error_in("stages: [[a]]\n"),
            "stages[0]: expected a stage's name or a map, got a list at graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages:\n  -\n  - b\n").substr(0, 59),
            "stages[0]: expected a stage's name or a map, got nothing at");
  EXPECT_EQ(error_in("stages: [{use: a, workers: [1]}]\n"),
            "stages[0].workers: expected one value, got a list at graphs/corpus.yaml:4:28");
  EXPECT_EQ(error_in("stages: [{use: a, workers: \"4\"}]\n"),
            "stages[0].workers: expected a whole number, got the text \"4\" (remove the quotes) at "
            "graphs/corpus.yaml:4:28");
  EXPECT_EQ(error_in("stages: [{use: a, workers: 4.0}]\n"),
            "stages[0].workers: expected a whole number, got '4.0' at graphs/corpus.yaml:4:28");
  EXPECT_EQ(error_in("stages: [{use: a, workers: 0}]\n"),
            "stages[0].workers: 0 is too small: at least 1 at graphs/corpus.yaml:4:28");
  EXPECT_EQ(
      error_in("stages: [{use: a, on_error: ignore}]\n"),
      "stages[0].on_error: expected dead_letter or drop or fail, got 'ignore' at graphs/corpus.yaml:4:29");
  EXPECT_EQ(error_in("stages: [{use: a, params: {b: }}]\n").substr(0, 38),
            "stages[0].params.b: has no value at gr");
  EXPECT_EQ(error_in("max_dead_letters: 5 %\n"),
            "max_dead_letters: expected a count or a share such as 5%, got '5 %' at graphs/corpus.yaml:4:19");
  EXPECT_EQ(error_in("rings: {block_bytes: 5000}\n"),
            "rings.block_bytes: 5000 is no multiple of a page of 4096 bytes (the next is 8192) at "
            "graphs/corpus.yaml:4:22");
  EXPECT_EQ(error_in("stage_path: /no/such/folder\n"),
            "stage_path: there is no folder /no/such/folder at graphs/corpus.yaml:4:13");
  EXPECT_EQ(error_in("stage_path: [\"/tmp\\0x\"]\n"),
            "stage_path[0]: a path cannot have a NUL byte at graphs/corpus.yaml:4:14");
}

TEST(GraphErrors, AStageSaysWhatItIsExactlyOnce) {
  EXPECT_EQ(error_in("stages: [{workers: 2}]\n"),
            "stages[0]: names no stage; write a name, use: NAME, run: PATH or exec: [PROGRAM] at "
            "graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages: [{use: a, run: ./a}]\n"),
            "stages[0]: has 'use' and 'run'; a stage is one of them at graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages: [{a: {}, b: {}}]\n"), "stages[0].b: unknown key at graphs/corpus.yaml:4:18");
  EXPECT_EQ(
      error_in("stages: [{a: {}, params: {c: 1}}]\n"),
      "stages[0].params: goes with 'use' or 'run'; write the parameters under a at graphs/corpus.yaml:4:26");
  EXPECT_EQ(error_in("stages: [{a: text}]\n"),
            "stages[0].a: expected a map (KEY: VALUE), got a text at graphs/corpus.yaml:4:14");
  EXPECT_EQ(error_in("stages: [./score]\n"),
            "stages[0]: './score' is a path; write run: ./score at graphs/corpus.yaml:4:10\n"
            "stages[0].id: './score' cannot be an id: use letters, digits, _ and - (give it one with id: …) "
            "at graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages: [\"\"]\n"), "stages[0]: names no stage at graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages: [{use: \"\"}]\n"), "stages[0].use: names no stage at graphs/corpus.yaml:4:16");
  EXPECT_EQ(error_in("stages: [{run: \"\"}]\n"), "stages[0].run: has no value at graphs/corpus.yaml:4:16");
  EXPECT_EQ(error_in("stages: [{run: \"a\\0b\", id: c}]\n"),
            "stages[0].run: a path cannot have a NUL byte at graphs/corpus.yaml:4:16");
  EXPECT_EQ(error_in("stages: [{run: ./}]\n"),
            "stages[0].run: names a folder, not an executable at graphs/corpus.yaml:4:16");
  EXPECT_EQ(error_in("stages: [{run: [a]}]\n"),
            "stages[0].run: expected one value, got a list at graphs/corpus.yaml:4:16");
}

TEST(GraphErrors, IdsBecomeFileNames) {
  for (const char* id : {"a/b", "a.b", "-a", "ä", "a b", "..", "\"\""}) {
    EXPECT_NE(error_in("stages: [{use: a, id: " + std::string(id) + "}]\n"), "read") << id;
  }
  EXPECT_EQ(error_in("stages: [{use: a, id: a.b}]\n"),
            "stages[0].id: 'a.b' cannot be an id: use letters, digits, _ and - at graphs/corpus.yaml:4:23");
  EXPECT_NE(error_in("stages: [{use: a, id: " + std::string(101, 'x') + "}]\n"), "read");
  EXPECT_EQ(error_in("stages: [{use: a, id: " + std::string(100, 'x') + "}]\n"), "read");
  EXPECT_EQ(error_in("stages: [{use: a, id: source}]\n"),
            "stages[0].id: 'source' is reserved; give the stage another id at graphs/corpus.yaml:4:23");
  EXPECT_EQ(error_in("stages: [sink]\n"),
            "stages[0].id: 'sink' is reserved; give the stage another id at graphs/corpus.yaml:4:10");
  EXPECT_EQ(error_in("stages: [{use: a, id: [x]}]\n"),
            "stages[0].id: expected one value, got a list at graphs/corpus.yaml:4:23");
}

TEST(GraphErrors, IdsAreDifferent) {
  EXPECT_EQ(error_in("stages: [a, {use: b, id: a}]\n").substr(0, 59),
            "stages[1]: 'a' is the id of stages[0] already; give this on");
  EXPECT_EQ(error_in("stages: [a, {use: a, id: b}]\n"), "read");
}

TEST(GraphErrors, APipelineIsTheNameOfAFolder) {
  EXPECT_EQ(error_in("pipeline: a/b\n"),
            "pipeline: 'a/b' cannot be the name of a folder: use letters, digits, _ - . at "
            "graphs/corpus.yaml:4:11");
  EXPECT_NE(error_in("pipeline: ..\n"), "read");
  EXPECT_EQ(errors_of(read_graph(graph_with(""), "my graph.yaml", context_of({}))),
            "pipeline: 'my graph' cannot be the name of a folder: use letters, digits, _ - . (give it one "
            "with pipeline: NAME) at my graph.yaml");
  EXPECT_EQ(errors_of(read_graph(graph_with("pipeline: mine\n"), "my graph.yaml", context_of({}))), "read");
}

TEST(GraphErrors, NumbersWithLeadingZerosAreRefusedEverywhere) {
  for (const char* rest : {"pipeline: 007\n", "stages: [{use: a, workers: 02}]\n",
                           "stages: [{use: a, id: 01}]\n", "stages: [001]\n", "rings: {slots: 08}\n",
                           "max_dead_letters: 05\n", "stages: [{a: {b: -01}}]\n", "vars: {x: 00.5}\n"}) {
    EXPECT_NE(error_in(rest).find("has leading zeros"), std::string::npos) << rest;
  }
}

}  // namespace
}  // namespace datagen::launcher::testing
