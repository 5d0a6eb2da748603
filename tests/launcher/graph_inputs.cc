// Several inputs and the rule that joins them, as a graph says it.
#include "graph_text.h"

#include <string>

namespace datagen::launcher::testing {
namespace {

std::string merged(const std::string& merge,
                   const std::string& inputs = "{web: jsonl://web/, books: books.csv}") {
  return "datagen: 1\ninputs: " + inputs + "\noutput: jsonl://out.jsonl\n" + merge;
}

std::string error_in(const std::string& merge) { return errors_in(merged(merge)); }

TEST(Inputs, AreReadEachAsAnInputIs) {
  const Graph graph =
      must_read(merged("merge: interleave\n", "{web: jsonl://web/, books: {uri: books.csv, delimiter: ;}}"));
  ASSERT_EQ(graph.inputs.size(), 2u);
  EXPECT_EQ(graph.inputs[0].name, "web");
  EXPECT_EQ(graph.inputs[0].end.uri.text(), "jsonl:///work/dir/graphs/web/");
  EXPECT_EQ(graph.inputs[1].end.uri.text(), "csv:///work/dir/graphs/books.csv");
  EXPECT_EQ(graph.inputs[1].end.path, "inputs.books");
  EXPECT_EQ(texts(graph.inputs[1].end.params), (Texts{{"delimiter", ";"}}));
  EXPECT_EQ(graph.input.uri.text(), "merge://interleave");
  EXPECT_EQ(texts(graph.input.params), (Texts{{"rule", "interleave"}}));
}

TEST(Inputs, TheRuleHasAShortAndALongForm) {
  EXPECT_EQ(texts(must_read(merged("merge: {rule: zip, until: first}\n")).input.params),
            (Texts{{"rule", "zip"}, {"until", "first"}}));
  const Graph mix = must_read(merged("merge: {weights: {web: 3, books: 0.5}}\n"));
  EXPECT_EQ(mix.input.uri.text(), "merge://mix");
  EXPECT_EQ(texts(mix.input.params), (Texts{{"rule", "mix"}, {"weights", R"({"web":3,"books":0.5})"}}));
}

TEST(Inputs, ASetChangesOneOfThemAndTheRule) {
  const Graph graph =
      must_read(merged("merge: interleave\n"),
                {{"inputs.web=other.jsonl", "inputs.books.delimiter=tab", "merge=concat"}, {}});
  EXPECT_EQ(graph.inputs[0].end.uri.text(), "jsonl:///work/dir/other.jsonl");
  EXPECT_EQ(texts(graph.inputs[1].end.params), (Texts{{"delimiter", "tab"}}));
  EXPECT_EQ(graph.input.uri.text(), "merge://concat");
  EXPECT_NE(errors_in(merged("merge: zip\n"), {{"inputs.wev=x.jsonl"}, {}})
                .find("no such input (did you mean 'web'?)"),
            std::string::npos);
}

TEST(Inputs, WhatIsWrongHasItsPlace) {
  EXPECT_EQ(
      error_in(""),
      "merge: is missing; say by which rule the inputs become one stream, for example merge: interleave at "
      "graphs/corpus.yaml:2:9");
  EXPECT_EQ(error_in("merge: interleav\n"),
            "merge: expected concat or interleave or mix or zip, got 'interleav' (did you mean "
            "'interleave'?) at graphs/corpus.yaml:4:8");
  EXPECT_EQ(error_in("merge: {wieghts: {web: 1, books: 1}, rule: concat}\n"),
            "merge.wieghts: unknown key (did you mean 'weights'?) at graphs/corpus.yaml:4:9");
  EXPECT_EQ(error_in("merge: {rule: concat, weights: {web: 1, books: 1}}\n"),
            "merge.weights: goes with the rule mix, not with concat at graphs/corpus.yaml:4:8");
  EXPECT_EQ(error_in("merge: {weights: {web: 1, boks: 1}}\n"),
            "merge.weights: 'books' has none at graphs/corpus.yaml:4:18\n"
            "merge.weights.boks: there is no such input (did you mean 'books'?) at graphs/corpus.yaml:4:27");
  EXPECT_EQ(errors_in(graph_with("merge: zip\n")),
            "merge: goes with inputs: {NAME: URI, NAME: URI} at graphs/corpus.yaml:4:8");
  EXPECT_EQ(errors_in(merged("merge: zip\ninput: jsonl://in.jsonl\n")),
            "input: the graph has inputs too; name all of them there at graphs/corpus.yaml:5:8");
  EXPECT_EQ(errors_in(merged("merge: zip\n", "{}")), "inputs: names no input at graphs/corpus.yaml:2:9");
  EXPECT_EQ(errors_in(merged("merge: zip\n", "{'a b': x.jsonl, c: y.txt}")),
            "inputs.a b: 'a b' cannot be a name: use letters, digits, _ and - at graphs/corpus.yaml:2:10\n"
            "inputs.c: cannot tell the format of 'y.txt' from its name: write for example jsonl://y.txt at "
            "graphs/corpus.yaml:2:29");
}

TEST(Inputs, AreSixteenAtMost) {
  std::string inputs;
  for (int input = 0; input < 17; ++input)
    inputs += (input == 0 ? "" : ", ") + ("i" + std::to_string(input)) + ": x.jsonl";
  EXPECT_EQ(errors_in(merged("merge: concat\n", "{" + inputs + "}")),
            "inputs: 17 of them, 16 is the most; one can be many files at graphs/corpus.yaml:2:9");
}

}  // namespace
}  // namespace datagen::launcher::testing
