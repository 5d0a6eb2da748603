#include "launcher/graph_edges.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

using Node = GraphEdges::Node;
constexpr Node kSource = 0;

class Connector {
 public:
  explicit Connector(const Graph& graph) : graph_(graph), reads_(graph.stages.size() + 1) {}

  Checked<GraphEdges> connect() {
    for (std::size_t index = 0; index < graph_.stages.size(); ++index) read_from(index);
    if (errors_.empty() && is_clear_) add_followers();
    if (errors_.empty() && is_clear_) sort();
    if (errors_.empty() && is_clear_) add_sinks();
    if (!errors_.empty() || !is_clear_) return errors_;
    return found_;
  }

 private:
  void refuse(const Place& place, std::string message) { errors_.emplace_back(place, std::move(message)); }

  const StageSpec& spec(Node node) const { return graph_.stages[node - 1]; }

  void read_from(std::size_t index) {
    const StageSpec& stage = graph_.stages[index];
    std::vector<Node>& reads = reads_[index + 1];
    if (stage.from.empty()) reads.push_back(index);  // the one above; the first reads the input
    for (const FromSpec& from : stage.from) {
      const Node node = node_of(from);
      if (node == kNobody) continue;
      if (node == index + 1) {
        refuse(from.place, fmt::format("{}: '{}' reads itself", from.path, from.id));
      } else if (std::ranges::find(reads, node) != reads.end()) {
        refuse(from.place, fmt::format("{}: '{}' is listed twice", from.path, from.id));
      } else {
        reads.push_back(node);
      }
    }
  }

  Node node_of(const FromSpec& from) {
    if (from.id == "input") return kSource;
    const auto found = std::ranges::find(graph_.stages, from.id, &StageSpec::id);
    if (from.id.empty() || std::ranges::count(graph_.stages, from.id, &StageSpec::id) > 1)
      return is_clear_ = false, kNobody;
    if (found != graph_.stages.end()) return static_cast<Node>(found - graph_.stages.begin()) + 1;
    std::vector<std::string> ids = {"input"};
    for (const StageSpec& stage : graph_.stages) ids.push_back(stage.id);
    refuse(from.place,
           fmt::format("{}: there is no stage '{}'{}", from.path, from.id, suggestion(from.id, ids)));
    return kNobody;
  }

  void add_followers() {
    for (Node node = 1; node < reads_.size(); ++node) {
      if (!spec(node).is_durable) continue;
      const auto reads_it = [&](const std::vector<Node>& reads) {
        return std::ranges::find(reads, node) != reads.end();
      };
      if (!spec(node).output) {
        refuse(spec(node).durable_place,
               fmt::format("{}.durable: needs an output: URI, where the records are kept", spec(node).path));
      } else if (std::ranges::none_of(reads_, reads_it)) {
        refuse(spec(node).durable_place,
               fmt::format("{}.durable: nothing reads '{}'; remove it", spec(node).path, spec(node).id));
      }
      found_.followers.push_back(node);
    }
  }

  // What a reader of `node` is connected to.
  Node outlet_of(Node node) const {
    const auto found = std::ranges::find(found_.followers, node);
    return found == found_.followers.end()
               ? node
               : reads_.size() + static_cast<Node>(found - found_.followers.begin());
  }

  // Each behind those that it reads, else in the order of the file.
  void sort() {
    std::vector<bool> done(reads_.size());
    done[kSource] = true;
    found_.order = {kSource};
    while (found_.order.size() < reads_.size() + found_.followers.size()) {
      Node next = 1;
      const auto is_ready = [&](Node node) {
        return !done[node] && std::ranges::all_of(reads_[node], [&](Node read) { return done[read]; });
      };
      while (next < reads_.size() && !is_ready(next)) ++next;
      if (next == reads_.size()) return refuse_circle(done);
      done[next] = true;
      found_.order.push_back(next);
      for (const Node read : reads_[next]) found_.edges.push_back({outlet_of(read), next});
      if (outlet_of(next) != next) found_.order.push_back(outlet_of(next));
    }
  }

  // Every stage that is left reads another that is left; so walking back ends up in a circle.
  void refuse_circle(const std::vector<bool>& done) {
    std::vector<Node> walked;
    Node node = 1;
    while (done[node]) ++node;
    while (std::ranges::find(walked, node) == walked.end()) {
      walked.push_back(node);
      node = *std::ranges::find_if(reads_[node], [&](Node read) { return !done[read]; });
    }
    walked.erase(walked.begin(), std::ranges::find(walked, node));
    std::string circle = spec(node).id;
    for (const Node other : walked) {
      if (other != node) circle = spec(other).id + " -> " + circle;
    }
    refuse(spec(node).place, fmt::format("{}: reads its own records in a circle: {} -> {}", spec(node).path,
                                         spec(node).id, circle));
  }

  void add_sinks() {
    std::vector<Node> ends;
    for (const Node node : found_.order) {
      if (node >= reads_.size()) continue;  // a follower is there for its readers
      const bool is_read =
          std::ranges::any_of(found_.edges, [&](const GraphEdges::Edge& edge) { return edge.from == node; });
      if (node != kSource && spec(node).output) {
        found_.sinks.push_back({node, &*spec(node).output});
      } else if (!is_read) {
        ends.push_back(node);
      }
    }
    if (graph_.has_output && ends.size() == 1) found_.sinks.push_back({ends.front(), &graph_.output});
    if (graph_.has_output && ends.empty())
      refuse(graph_.output.place,
             "output: every stage has an output of its own, so nothing goes there; remove it");
    if (!graph_.has_output || ends.size() > 1) refuse_ends(ends);
    for (std::size_t sink = 0; sink < found_.sinks.size(); ++sink) {
      const Node node = reads_.size() + found_.followers.size() + sink;
      found_.order.push_back(node);
      found_.edges.push_back({found_.sinks[sink].reads, node});
    }
  }

  void refuse_ends(const std::vector<Node>& ends) {
    std::string ids;
    for (const Node node : ends) ids += fmt::format("{}'{}'", ids.empty() ? "" : ", ", spec(node).id);
    for (const Node node : ends) {
      refuse(spec(node).place,
             graph_.has_output
                 ? fmt::format("{}: {} all end in the one output; give each an output: of its own, or join "
                               "them with a stage (- pass: {{}} with from: [{}])",
                               spec(node).path, ids, fmt::join(ids_of(ends), ", "))
                 : fmt::format("{}: nothing reads '{}'; give it an output: URI", spec(node).path,
                               spec(node).id));
    }
  }

  std::vector<std::string> ids_of(const std::vector<Node>& nodes) const {
    std::vector<std::string> ids;
    for (const Node node : nodes) ids.push_back(spec(node).id);
    return ids;
  }

  static constexpr Node kNobody = ~Node{0};
  const Graph& graph_;
  std::vector<std::vector<Node>> reads_;  // by node, of the source and the stages
  GraphEdges found_;
  GraphErrors errors_;
  bool is_clear_ = true;  // false: an id is missing, or two stages have it, which was reported
};

}  // namespace

Checked<GraphEdges> connect(const Graph& graph) { return Connector(graph).connect(); }

}  // namespace datagen::launcher
