// Who reads from whom, from the text of a graph.
#include "launcher/graph_edges.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph_text.h"

namespace datagen::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Edge = GraphEdges::Edge;

Graph graph_of(const std::string& stages, const std::string& output = "output: jsonl://out.jsonl") {
  const std::string text = "datagen: 1\ninput: jsonl://in.jsonl\n" + output + "\nstages:\n" + stages;
  auto graph = testing::read(text);
  EXPECT_TRUE(graph) << (graph ? "" : graph.error().front().message);
  return graph ? graph.value() : Graph{};
}

// The only error.
std::string error_of(const std::string& stages, const std::string& output = "output: jsonl://out.jsonl") {
  const auto connected = connect(graph_of(stages, output));
  if (connected) return "connected";
  return connected.error().size() == 1 ? connected.error().front().text()
                                       : std::to_string(connected.error().size()) + " errors";
}

TEST(GraphEdges, AreAChainUnlessTheGraphSaysMore) {
  const Graph graph = graph_of("- a\n- b\n");
  const auto found = connect(graph).value();
  EXPECT_THAT(found.order, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(found.edges, ElementsAre(Edge{0, 1}, Edge{1, 2}, Edge{2, 3}));
  ASSERT_EQ(found.sinks.size(), 1U);
  EXPECT_EQ(found.sinks[0].end, &graph.output);
}

TEST(GraphEdges, OfNoStageGoFromTheInputToTheOutput) {
  const auto found = connect(graph_of("", "output: jsonl://out.jsonl")).value();
  EXPECT_THAT(found.edges, ElementsAre(Edge{0, 1}));
}

TEST(GraphEdges, ABranchAndAJoin) {
  const auto found =
      connect(graph_of("- a\n- {use: b, from: a}\n- {use: c, from: a}\n- {use: d, from: [b, c]}\n")).value();
  EXPECT_THAT(found.edges,
              ElementsAre(Edge{0, 1}, Edge{1, 2}, Edge{1, 3}, Edge{2, 4}, Edge{3, 4}, Edge{4, 5}));
}

TEST(GraphEdges, AStageMayReadOneThatStandsBelow) {
  const auto found =
      connect(graph_of("- {use: b, from: a}\n- {use: a, from: input}\n", "output: jsonl://out.jsonl"))
          .value();
  EXPECT_THAT(found.order, ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(found.edges, ElementsAre(Edge{0, 2}, Edge{2, 1}, Edge{1, 3}));
}

TEST(GraphEdges, OutputsOfStages) {
  const Graph graph =
      graph_of("- {use: a, output: jsonl://a.jsonl}\n- {use: b, from: input, output: jsonl://b.jsonl}\n", "");
  const auto found = connect(graph).value();
  ASSERT_EQ(found.sinks.size(), 2U);
  EXPECT_EQ(found.sinks[0].end->uri.path, "/work/dir/graphs/a.jsonl");
  EXPECT_EQ(found.sinks[1].reads, 2U);
  // Its records go on to those who read it too.
  const auto tapped = connect(graph_of("- {use: a, output: jsonl://a.jsonl}\n- b\n")).value();
  EXPECT_THAT(tapped.edges, ElementsAre(Edge{0, 1}, Edge{1, 2}, Edge{1, 3}, Edge{2, 4}));
}

TEST(GraphEdges, RefuseWhatCannotBeConnected) {
  EXPECT_THAT(error_of("- abcde\n- {use: b, from: abcdf}\n"),
              HasSubstr("stages[1].from: there is no stage 'abcdf' (did you mean 'abcde'?)"));
  EXPECT_THAT(error_of("- {use: a, from: a}\n"), HasSubstr("'a' reads itself"));
  EXPECT_THAT(error_of("- a\n- {use: b, from: [a, a]}\n"),
              HasSubstr("stages[1].from[1]: 'a' is listed twice"));
  EXPECT_THAT(error_of("- {use: a, from: c}\n- {use: b, from: a}\n- {use: c, from: b}\n"),
              HasSubstr("reads its own records in a circle: a -> b -> c -> a"));
  EXPECT_EQ(error_of("- a\n- {use: b, from: input}\n"), "2 errors");
  EXPECT_THAT(error_of("- {use: a, output: jsonl://a.jsonl}\n"),
              HasSubstr("output: every stage has an output of its own, so nothing goes there; remove it"));
  EXPECT_THAT(error_of("- {use: a, output: jsonl://a.jsonl}\n- {use: b, from: input}\n", ""),
              HasSubstr("stages[1]: nothing reads 'b'; give it an output: URI"));
}

}  // namespace
}  // namespace datagen::launcher
