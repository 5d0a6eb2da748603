#include "launcher/graph_arguments.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "launcher/graph.h"
#include "launcher/planner.h"
#include "launcher/report.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

void complain(const std::string& message) { std::fprintf(stderr, "datagen: %s\n", message.c_str()); }
int refuse(const std::string& message) { return complain(message), kUsage; }
int refuse(const Error& error) { return refuse(error.message()); }

namespace {

void complain_all(const GraphErrors& errors) {
  std::string text = show(errors);
  if (errors.size() > 1) text += fmt::format("{} errors; nothing was started\n", errors.size());
  std::fputs(text.c_str(), stderr);
}

std::optional<GraphReading> read(const GraphArguments& arguments, const GraphContext& context) {
  const bool has_flags = !arguments.input.empty() || !arguments.output.empty() || !arguments.stages.empty();
  if (!arguments.graph.empty() && has_flags) {
    complain(
        "give a graph file, or --input, --stage and --output; not both (single values: --set input=URI)");
    return std::nullopt;
  }
  if (arguments.graph.empty() && !has_flags) {
    complain("what is to be run? Give a graph file, or --input URI --stage NAME --output URI");
    return std::nullopt;
  }
  return has_flags ? read_flag_graph({arguments.input, arguments.output, arguments.stages}, context)
                   : read_graph_file(arguments.graph, context);
}

}  // namespace

std::optional<PlannedRun> plan_run(const GraphArguments& arguments) {
  GraphContext context;
  context.working_directory = fs::current_path();
  context.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  context.sets = arguments.sets;
  const auto reading = read(arguments, context);
  if (!reading) return std::nullopt;
  StageCatalog catalog(
      StageCatalog::folders(reading->graph ? reading->graph->stage_path : std::vector<std::string>()));
  auto plan = make_plan(*reading, catalog);
  if (!plan) {
    complain_all(plan.error());
    return std::nullopt;
  }
  PlannedRun run{std::move(plan).value(), arguments.run_directory};
  if (run.run_directory.empty()) {
    const std::string suffix = arguments.graph.empty() ? "-" + meaning_hash(run.plan).substr(0, 6) : "";
    run.run_directory = "runs/" + run.plan.pipeline + suffix;
  }
  run.run_directory = fs::absolute(run.run_directory).lexically_normal();
  return run;
}

}  // namespace datagen::launcher
