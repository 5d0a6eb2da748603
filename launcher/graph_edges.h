// Who reads from whom: the edges of a graph, from its stages' `from` and `output`. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "launcher/graph.h"

namespace datagen::launcher {

struct GraphEdges {
  // A node is 0, the source; 1 + i, stage i of the graph; behind those the followers, then the sinks.
  using Node = std::size_t;
  struct Edge {
    Node from;
    Node to;
    friend bool operator==(const Edge&, const Edge&) = default;
  };
  struct SinkNode {
    Node reads;          // the source, or a stage
    const EndSpec* end;  // of the graph
  };

  std::vector<Node>
      followers;  // of each the durable stage whose output it reads, for those who read the stage
  std::vector<SinkNode> sinks;
  std::vector<Node> order;  // all nodes: each behind those that it reads; sinks last
  std::vector<Edge> edges;  // by reader in that order, then as its `from` lists them
};

// Errors, each with place and remedy: `from` names nobody, or twice the same; a circle; an end that no output
// takes up; an output that nothing reaches; a durable stage without output or readers. No error at all: the
// reader reported why it cannot be told who reads from whom.
Checked<GraphEdges> connect(const Graph& graph);

}  // namespace datagen::launcher
