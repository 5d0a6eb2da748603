// --set PATH=VALUE and ${NAME}.
#include "launcher/settings.h"

#include <map>

#include "graph_text.h"

namespace datagen::launcher::testing {
namespace {

const std::string kGraph = graph_with(
    "vars: {lang: en}\ndefaults: {timeout: 60s}\nstages:\n  - clean_text\n  - score: {max: 1}\n    threads: "
    "2\n  - use: judge\n    params: {model: a}\n"
    "  - run: ./rank\n");

Graph with(const std::vector<std::string>& sets) { return must_read(kGraph, {sets, {}}); }
std::string refusal(const std::string& set) { return errors_in(kGraph, {{set}, {}}); }

TEST(Sets, ChangeRunningKeysOfAStageInEveryForm) {
  const Graph graph =
      with({"clean_text.workers=8", "score.threads=3", "judge.timeout=120s", "rank.memory_limit=1GiB"});
  EXPECT_EQ(graph.stages[0].name, "clean_text");
  EXPECT_EQ(graph.stages[0].running.workers, 8);
  EXPECT_EQ(graph.stages[1].running.threads, 3);
  EXPECT_EQ(graph.stages[2].running.timeout_ms, 120'000);
  EXPECT_EQ(graph.stages[3].running.memory_limit_bytes, 1 << 30);
}

TEST(Sets, ChangeAndAddParametersOfAStageInEveryForm) {
  const Graph graph = with({"clean_text.field=body", "score.max=9", "score.params.min=2", "judge.model=b=c",
                            "judge.params.top=", "rank.by=x"});
  EXPECT_EQ(texts(graph.stages[0].params), (Texts{{"field", "body"}}));
  EXPECT_EQ(texts(graph.stages[1].params), (Texts{{"max", "9"}, {"min", "2"}}));
  EXPECT_EQ(texts(graph.stages[2].params), (Texts{{"model", "b=c"}, {"top", ""}}));
  EXPECT_EQ(texts(graph.stages[3].params), (Texts{{"by", "x"}}));
  EXPECT_FALSE(graph.stages[0].params[0].quoted);
  EXPECT_EQ(graph.stages[0].params[0].place.file, "--set clean_text.field=body");
}

TEST(Sets, FindAStageByItsOwnId) {
  const std::string text = graph_with("stages:\n  - a: {}\n    id: first\n  - a: {}\n    id: second\n");
  const Graph graph = must_read(text, {{"second.workers=2", "first.x=1"}, {}});
  EXPECT_EQ(graph.stages[1].running.workers, 2);
  EXPECT_EQ(texts(graph.stages[0].params), (Texts{{"x", "1"}}));
}

TEST(Sets, FindAStageWhoseNameIsAVariable) {
  const std::string text =
      graph_with("vars: {which: score, id: mine}\nstages:\n  - ${which}\n  - {use: b, id: \"${id}\"}\n");
  const Graph graph = must_read(text, {{"vars.which=judge", "judge.workers=2", "mine.threads=3"}, {}});
  EXPECT_EQ(graph.stages[0].name, "judge");
  EXPECT_EQ(graph.stages[0].running.workers, 2);
  EXPECT_EQ(graph.stages[1].running.threads, 3);
}

TEST(Sets, ChangeKeysAtTheTop) {
  const Graph graph = with({"pipeline=other", "ids=false", "max_dead_letters=7", "rings.slots=8",
                            "defaults.workers=3", "defaults.timeout=5s"});
  EXPECT_EQ(graph.pipeline, "other");
  EXPECT_EQ(graph.ids, "off");
  EXPECT_EQ(graph.max_dead_letters.count, 7);
  EXPECT_EQ(graph.slots, 8);
  EXPECT_EQ(graph.stages[0].running.workers, 3);
  EXPECT_EQ(graph.stages[0].running.timeout_ms, 5'000);
}

TEST(Sets, ChangeVariablesThatTheGraphHas) {
  const std::string text =
      graph_with("vars: {lang: en, file: \"x-${lang}\"}\nstages: [{a: {l: \"${lang}\", f: \"${file}\"}}]\n");
  EXPECT_EQ(texts(must_read(text, {{"vars.lang=zh"}, {}}).stages[0].params),
            (Texts{{"l", "zh"}, {"f", "x-zh"}}));
  EXPECT_EQ(refusal("vars.lan=zh"),
            "vars.lan: the graph has no such variable (did you mean 'lang'?) at --set vars.lan=zh");
}

TEST(Sets, ChangeAnEndAndKeepItsParameters) {
  const std::string text = "datagen: 1\ninput: {uri: a.jsonl, max_record: 1MiB}\noutput: b.jsonl\n";
  const Graph graph = must_read(text, {{"input=other/c.jsonl", "output.compress=zst", "input.skip=1"}, {}});
  EXPECT_EQ(graph.input.uri.path, "/work/dir/other/c.jsonl")
      << "a path on a flag begins at the working directory";
  EXPECT_EQ(texts(graph.input.params), (Texts{{"max_record", "1MiB"}, {"skip", "1"}}));
  EXPECT_EQ(graph.output.uri.path, "/work/dir/graphs/b.jsonl");
  EXPECT_EQ(texts(graph.output.params), (Texts{{"compress", "zst"}}));
  EXPECT_EQ(must_read(text, {{"input.uri=c.jsonl"}, {}}).input.uri.path, "/work/dir/c.jsonl");
  EXPECT_EQ(must_read(text, {{"input=-", "output=-"}, {}}).input.uri.text(), "stdin://");
  EXPECT_EQ(must_read(text, {{"output.uri=-"}, {}}).output.uri.text(), "stdout://");
}

TEST(Sets, MayGiveAnEndThatTheFileLeavesOpen) {
  const Graph graph = must_read("datagen: 1\n", {{"input=a.jsonl", "output.uri=b.jsonl"}, {}});
  EXPECT_EQ(graph.input.uri.path, "/work/dir/a.jsonl");
  EXPECT_EQ(graph.output.uri.path, "/work/dir/b.jsonl");
  EXPECT_NE(
      errors_in("datagen: 1\n", {{"input.max=1"}, {}}).find("the graph has no input at --set input.max=1"),
      std::string::npos);
}

TEST(Sets, TheLastOneCounts) {
  EXPECT_EQ(with({"score.threads=3", "score.threads=4"}).stages[1].running.threads, 4);
}

TEST(Sets, AreTakenAsTheyAre) {
  const Graph graph = with({"score.max=${HOME}$$", "judge.model=007", "vars.lang=$${x}"});
  EXPECT_EQ(texts(graph.stages[1].params), (Texts{{"max", "${HOME}$$"}}));
  EXPECT_EQ(texts(graph.stages[2].params), (Texts{{"model", "007"}})) << "the parameter's type decides";
}

TEST(Sets, ReplaceAValueBeforeItIsLookedAt) {
  const std::string text = graph_with("stages: [{a: {b: \"${UNSET}\"}, timeout: \"${UNSET}\"}]\n");
  const Graph graph = must_read(text, {{"a.b=1", "a.timeout=2s"}, {}});
  EXPECT_EQ(graph.stages[0].running.timeout_ms, 2'000);
}

TEST(Sets, UnknownPathsAreErrorsWithASuggestion) {
  EXPECT_EQ(refusal("scor.workers=2"),
            "scor.workers: the graph has no stage 'scor' (did you mean 'score'?) at --set scor.workers=2");
  EXPECT_EQ(refusal("pipelin=x"), "pipelin: unknown path (did you mean 'pipeline'?) at --set pipelin=x");
  EXPECT_EQ(refusal("defaults.workrs=2"),
            "defaults.workrs: unknown key (did you mean 'workers'?) at --set defaults.workrs=2");
  EXPECT_EQ(refusal("rings.slot=2"), "rings.slot: unknown key (did you mean 'slots'?) at --set rings.slot=2");
  EXPECT_EQ(refusal("defaults.id=x").substr(0, 37), "defaults.id: belongs to one stage; de");
  EXPECT_EQ(refusal(".x=1"), ".x: the graph has no stage '' at --set .x=1");
}

TEST(Sets, PathsThatHaveNoValueAreErrors) {
  EXPECT_EQ(refusal("score=3"), "'score' has no value of its own: write score.KEY=VALUE at --set score=3");
  EXPECT_EQ(refusal("stages=a"),
            "'stages' has no value of its own: write stages.KEY=VALUE at --set stages=a");
  EXPECT_EQ(refusal("datagen=1"),
            "'datagen' has no value of its own: write datagen.KEY=VALUE at --set datagen=1");
  EXPECT_EQ(refusal("score.=3"), "'score.' names no key at --set score.=3");
  EXPECT_EQ(refusal("score.use=other"),
            "score.use: 'use' cannot be set from outside the graph at --set score.use=other");
  EXPECT_EQ(refusal("score.id=other"),
            "score.id: 'id' cannot be set from outside the graph at --set score.id=other");
  EXPECT_EQ(refusal("score.params=x"),
            "score.params: 'params' cannot be set from outside the graph at --set score.params=x");
  for (const char* set : {"score.workers", "=3", "", "score"}) {
    EXPECT_EQ(refusal(set), "expected PATH=VALUE, for example score.workers=8 at --set " + std::string(set));
  }
  EXPECT_EQ(refusal("score.max=\xff").substr(0, 15), "is not UTF-8 at");
}

TEST(Sets, WrongValuesAreReportedWithTheFlag) {
  EXPECT_EQ(refusal("score.workers=many"),
            "stages[1].workers: expected a whole number, got 'many' at --set score.workers=many");
  EXPECT_EQ(refusal("score.workers=04"),
            "stages[1].workers: '04' has leading zeros at --set score.workers=04");
  EXPECT_EQ(refusal("input=x.txt").substr(0, 40), "input: cannot tell the format of 'x.txt'");
}

std::string param(const std::string& value, const std::map<std::string, std::string>& environment = {},
                  const std::string& vars = "") {
  const auto graph = read(graph_with(vars + "stages: [{a: {p: " + value + "}}]\n"), {{}, environment});
  return graph ? graph.value().stages[0].params[0].text : errors_of(graph);
}

TEST(References, AreVariablesThenTheEnvironmentThenTheDefault) {
  EXPECT_EQ(param("\"${X}\"", {{"X", "env"}}), "env");
  EXPECT_EQ(param("\"${X}\"", {{"X", "env"}}, "vars: {X: var}\n"), "var");
  EXPECT_EQ(param("\"${X:-def}\"", {{"X", "env"}}), "env");
  EXPECT_EQ(param("\"${X:-def}\""), "def");
  EXPECT_EQ(param("\"${X:-def}\"", {{"X", ""}}), "def");
  EXPECT_EQ(param("\"${X:-}\""), "");
  EXPECT_EQ(param("\"${X:-a:-b}\""), "a:-b");
  EXPECT_EQ(param("\"${X}\"", {{"X", ""}}), "");
  EXPECT_EQ(param("\"a${X}b${Y}c\"", {{"X", "1"}, {"Y", "2"}}), "a1b2c");
}

TEST(References, ADollarIsWrittenTwice) {
  EXPECT_EQ(param("$$"), "$");
  EXPECT_EQ(param("\"$${X}\""), "${X}");
  EXPECT_EQ(param("\"$$$${X}\""), "$${X}");
  EXPECT_EQ(param("\"$$${X}\"", {{"X", "1"}}), "$1");
}

TEST(References, ADollarAloneIsItself) {
  EXPECT_EQ(param("^a$"), "^a$");
  EXPECT_EQ(param("$HOME"), "$HOME");
}

TEST(References, AreReadOnce) { EXPECT_EQ(param("\"${X}\"", {{"X", "${Y}$$"}, {"Y", "no"}}), "${Y}$$"); }

TEST(References, StandInUrisKeysOfStagesAndVariables) {
  const Graph graph = must_read(
      "datagen: 1\npipeline: p_${L}\nvars: {L: \"${LANG2:-en}\", file: \"${L}.jsonl\"}\ninput: {uri: "
      "\"data/${file}\", n: \"${N}\"}\n"
      "output: out/${file}\ndefaults: {workers: \"${W}\"}\nrings: {slots: \"${W}\"}\nstages: [{run: "
      "\"./${L}/s\", timeout: \"${W}s\"}]\n",
      {{}, {{"N", "5"}, {"W", "4"}}});
  EXPECT_EQ(graph.pipeline, "p_en");
  EXPECT_EQ(graph.input.uri.path, "/work/dir/graphs/data/en.jsonl");
  EXPECT_EQ(texts(graph.input.params), (Texts{{"n", "5"}}));
  EXPECT_FALSE(graph.input.params[0].quoted) << "a reference needs its quotes within { }";
  EXPECT_EQ(graph.output.uri.path, "/work/dir/graphs/out/en.jsonl");
  EXPECT_EQ(graph.stages[0].running.workers, 4);
  EXPECT_EQ(graph.slots, 4);
  EXPECT_EQ(graph.stages[0].run, "/work/dir/graphs/en/s");
  EXPECT_EQ(graph.stages[0].running.timeout_ms, 4'000);
}

TEST(References, AVariableUsesThoseAboveIt) {
  EXPECT_NE(errors_in(graph_with("vars: {a: \"${b}\", b: c}\n")).find("${b} is not set"), std::string::npos);
  EXPECT_EQ(param("\"${L}\"", {{"L", "env"}}, "vars: {L: \"${L}-x\"}\n"), "env-x")
      << "its own name is the environment's";
}

TEST(References, AreNotLookedForInExtensionKeys) {
  EXPECT_EQ(errors_in(graph_with("x-a: \"${NOPE}\"\nstages: [{use: a, x-b: \"${NOPE\"}]\n")), "read");
}

TEST(References, ThatCannotBeResolvedAreErrors) {
  EXPECT_EQ(param("\"${LAN}\"", {}, "vars: {LANG: x}\n"),
            "${LAN} is not set, neither in vars nor in the environment (did you mean 'LANG'?) (a default: "
            "${LAN:-VALUE}) at graphs/corpus.yaml:5:18");
  EXPECT_EQ(param("\"a${X\"", {{"X", "1"}}),
            "'a${X': '${' without '}' (write $$ for a dollar) at graphs/corpus.yaml:4:18");
  EXPECT_EQ(param("\"${}\""),
            "'${}' is no reference: write ${NAME} or ${NAME:-VALUE} (and $$ for a dollar) at "
            "graphs/corpus.yaml:4:18");
  EXPECT_EQ(param("\"${X-1}\"").substr(0, 33), "'${X-1}' is no reference: write $");
  EXPECT_EQ(param("\"${A:-${B}}\""),
            "'${A:-${B}}': one ${…} cannot stand in another; put the inner one into vars at "
            "graphs/corpus.yaml:4:18");
  EXPECT_EQ(param("\"${X}\"", {{"X", "\xff"}}),
            "the value of this variable is not UTF-8 at graphs/corpus.yaml:4:18");
}

TEST(References, AreReportedOnceWhereAStageIsNamedByThem) {
  EXPECT_EQ(errors_in(graph_with("stages: [{use: \"${A\"}]\n")).find("without"),
            errors_in(graph_with("stages: [{use: \"${A\"}]\n")).rfind("without"));
}

}  // namespace
}  // namespace datagen::launcher::testing
