// A graph as its author wrote it: read from YAML or from flags, every key checked, nothing looked up yet.
// INTERFACE section 3 is its grammar; launcher/keys.cc lists its keys.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/keys.h"
#include "launcher/place.h"
#include "launcher/uri.h"
#include "launcher/values.h"

namespace datagen::launcher {

// A parameter as given. Its type is known only once the executable has described itself.
struct GivenParameter {
  std::string name;
  Place key_place;
  std::string path;  // "stages[1].params.max": what messages begin with
  std::string text;
  bool quoted = false;  // text for certain, never a number
  Place place;
  bool is_refused = false;  // an error was reported: it has no value
  // A list or map, which only some parameters take: `text` is it as JSON, and this what it is.
  std::string structure = {};
};

// An end of the graph.
struct EndSpec {
  Uri uri;           // without a scheme: an error was reported
  std::string path;  // "input" or "output"
  Place place;
  std::vector<GivenParameter> params;
};

// A stage, or `input`, that another reads.
struct FromSpec {
  std::string id;    // empty: an error was reported
  std::string path;  // "stages[1].from"
  Place place;
};

// One of several inputs.
struct NamedInput {
  std::string name;
  EndSpec end;
};

struct StageSpec {
  std::string id;
  std::string path;     // "stages[1]"
  Place place;          // of the name or path
  std::string name;     // of the stage; empty with `run`, or when an error was reported
  std::string run;      // absolute path of an executable; empty with a name
  std::string program;  // of `exec`, as it is looked up: a name, or an absolute path
  std::vector<GivenParameter> params;
  std::vector<FromSpec> from;     // empty: the stage above, or the input
  std::optional<EndSpec> output;  // its records also go there
  bool is_durable = false;        // and who reads them takes them from there
  Place durable_place;
  std::string exclusions;  // where dropped records go: an absolute path, or "true"; empty: nowhere
  Place exclusions_place;
  RunningKeys running;
  std::map<std::string, Place> running_places;  // of the running keys that are given, here or as defaults
};

// Who is told of events: a file, a descriptor or a command.
struct HookSpec {
  std::string file;                  // absolute; empty: another kind
  std::int64_t fd = -1;              // -1: another kind
  std::vector<std::string> command;  // arguments; a first one with a slash is absolute
  std::vector<std::string> events;   // their names; empty: all
};

struct Graph {
  std::string file;    // as the user named it; empty: from flags
  std::string folder;  // absolute: what relative paths begin at
  std::string pipeline;
  std::string ids = "add";  // add, off or keep
  DeadLetterLimit max_dead_letters;
  std::int64_t commit_interval_ms = 1000;
  std::int64_t log_bytes = 64 << 20;
  std::vector<std::string> stage_path;  // absolute
  std::vector<HookSpec> hooks;
  std::optional<std::int64_t> slots, block_bytes;  // unset: as fits the workers and the input
  std::int64_t frame_records = 0;                  // 0: as few as slow stages need
  bool checksums = true;
  EndSpec input, output;
  std::vector<NamedInput> inputs;  // that `input`, merge://RULE then, joins
  bool has_output = false;         // else every end has an output of its own
  std::vector<StageSpec> stages;
};

// A graph without a file.
struct FlagGraph {
  std::string input, output;        // `-`: the standard stream
  std::vector<std::string> stages;  // names, or paths of executables (anything with a slash)
};

// What a graph may look at beside its own text.
struct GraphContext {
  std::string working_directory;                                                   // absolute
  std::function<std::optional<std::string>(const std::string& name)> environment;  // unset: nothing
  std::vector<std::string> sets;                                                   // PATH=VALUE
};

// What could be read of a graph, and all that stands against it and can be found without looking up a stage.
// A graph with errors may still be planned, to find the others.
struct GraphReading {
  std::optional<Graph> graph;  // none: it is no YAML
  GraphErrors errors;
};
GraphReading read_graph_file(const std::string& path, const GraphContext& context);
// The same for a text; `file` is for messages, and its folder for relative paths.
GraphReading read_graph(const std::string& text, const std::string& file, const GraphContext& context);
GraphReading read_flag_graph(const FlagGraph& flags, const GraphContext& context);

}  // namespace datagen::launcher
