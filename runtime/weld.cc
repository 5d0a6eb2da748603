#include "weld.h"
#include "json_fields.h"
#include "run_files.h"
#include "secret.h"

#include <simdjson.h>

#include <boost/algorithm/hex.hpp>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace datagen {

namespace {

namespace dom = simdjson::dom;
using json::flag;
using json::list;
using json::number;
using json::text_of;

Result<ParameterValue> parameter_value(const Parameter& parameter, dom::element value) {
  std::string_view shown;
  std::string rendered;
  if (value.get(shown) != simdjson::SUCCESS) {
    rendered = simdjson::minify(value);
    shown = rendered;
  }
  if (parameter.secret) {
    DATAGEN_TRY(rendered, read_secret(std::string(shown)));
    shown = rendered;
  }
  try {
    return parse_parameter(parameter, shown);
  } catch (const std::invalid_argument& error) {
    return Error(error.what());
  }
}

Result<void> read_parameters(dom::element stage, const Parameters& declared, ParameterValues& values) {
  dom::object given;
  if (stage["params"].get(given) != simdjson::SUCCESS) return success();
  for (auto field : given) {
    const Parameter* parameter = declared.find(field.key);
    if (parameter == nullptr)
      return Error("parameter '" + std::string(field.key) + "' is not known to this executable");
    if (field.value.is_null()) continue;
    DATAGEN_TRY(auto value, parameter_value(*parameter, field.value));
    values.emplace(field.key, std::move(value));
  }
  return success();
}

void read_runner(dom::element stage, RunnerOptions& runner) {
  runner.threads = static_cast<int>(number(stage, "threads", 1));
  runner.batch_size = number(stage, "batch_size");
  runner.retries = static_cast<int>(number(stage, "retries"));
  runner.backoff = std::chrono::milliseconds(number(stage, "backoff_ms", 100));
  const std::string on_error = text_of(stage, "on_error", "dead_letter");
  runner.on_error = on_error == "drop"   ? OnError::drop
                    : on_error == "fail" ? OnError::fail
                                         : OnError::dead_letter;
}

std::string path_of_uri(const std::string& uri) {
  const std::size_t scheme = uri.find("://");
  return scheme == std::string::npos ? uri : uri.substr(scheme + 3);
}

Result<void> read_resume(dom::element start, Weld::Resume& resume) {
  dom::element found;
  if (start["resume"].get(found) != simdjson::SUCCESS || found.is_null()) return success();
  resume = {number(found, "mark"), number(found, "seq"), {}};
  try {
    boost::algorithm::unhex(text_of(found, "cursor"), std::back_inserter(resume.cursor));
  } catch (const boost::algorithm::hex_decode_error&) {
    return Error("runtime.json: the cursor is not hexadecimal");
  }
  return success();
}

// What holds for the stage's part of the graph: where it goes on, and what its source reads.
Result<void> read_part(dom::element plan, dom::element own, Weld& weld) {
  const std::uint64_t part = number(own, "part");
  const auto parts = list(plan, "parts");
  if (part < parts.size()) DATAGEN_TRY(read_resume(parts[part], weld.resume));
  if (part == 0) {
    for (const dom::element input : list(plan, "inputs"))
      weld.inputs.push_back({text_of(input, "uri"), number(input, "bytes"), text_of(input, "input"),
                             text_of(input, "fingerprint")});
  }
  const std::string followed = text_of(own, "follows");
  std::uint64_t followed_part = 0;
  for (const dom::element entry : list(plan, "stages")) {
    if (part != 0 && number(entry, "part") == part && text_of(entry, "kind") == "source")
      weld.inputs.push_back({path_of_uri(text_of(entry, "uri")), 0});
    if (text_of(entry, "follows") == weld.stage) weld.ids = Ids::add;  // whoever reads it needs them
    if (!followed.empty() && text_of(entry, "id") == followed) followed_part = number(entry, "part");
  }
  if (followed.empty()) return success();
  weld.follows = {done_path(weld.run_directory, followed), 0};
  for (const dom::element entry : list(plan, "stages")) {
    if (text_of(entry, "kind") == "source" && number(entry, "part") == followed_part)
      weld.follows->source_cell = static_cast<std::uint32_t>(number(entry, "first_cell"));
  }
  return success();
}

// A sink takes whatever comes.
std::size_t first_records_of(dom::element stage) {
  if (text_of(stage, "kind") == "sink") return std::numeric_limits<std::size_t>::max();
  return flag(stage, "batch") ? std::max(kFirstRecords, number(stage, "batch_size")) : kFirstRecords;
}

}  // namespace

DeadLetterContext Weld::dead_letters() const {
  DeadLetterContext context{stage, {}};
  for (const InputFile& input : inputs) context.sources.push_back(input.uri);
  return context;
}

Result<Weld> Weld::load(const std::string& run_directory, const std::string& stage,
                        const Parameters& declared) {
  const std::string path = run_directory + "/runtime.json";
  dom::parser parser;
  dom::element plan;
  if (const auto error = parser.load(path).get(plan); error != simdjson::SUCCESS) {
    return Error("cannot read " + path + ": " + simdjson::error_message(error));
  }
  if (number(plan, "version") != 1) return Error(path + " is of a version that this build does not know");
  Weld weld;
  weld.run_directory = run_directory;
  weld.run_id = text_of(plan, "run_id");
  weld.generation = number(plan, "generation", 1);
  const std::string ids = text_of(plan, "ids", "add");
  weld.ids = ids == "off" ? Ids::off : ids == "keep" ? Ids::keep : Ids::add;
  dom::element limits;
  if (plan["limits"].get(limits) == simdjson::SUCCESS) {
    weld.record_bytes_max = number(limits, "max_record_bytes", weld.record_bytes_max);
    weld.overflow_bytes = number(limits, "overflow_bytes", weld.overflow_bytes);
  }
  weld.checksums = flag(plan, "checksums", true);
  weld.frame_records = number(plan, "frame_records");
  dom::element commit;
  if (plan["commit"].get(commit) == simdjson::SUCCESS) {
    weld.commit_interval = std::chrono::milliseconds(number(commit, "interval_ms", 1000));
    weld.commit_bytes = number(commit, "bytes", weld.commit_bytes);
  }
  std::vector<ipc::CellRange> cells;
  std::size_t sinks = 0;
  std::vector<std::string> exclusions;       // by stage; empty: not kept
  std::vector<std::uint32_t> first_readers;  // by stage, along its first out-edge
  std::vector<bool> are_sinks;               // by stage
  dom::element found;
  bool any = false;
  for (const dom::element entry : list(plan, "stages")) {
    cells.push_back({static_cast<std::uint32_t>(number(entry, "first_cell")),
                     static_cast<std::uint32_t>(number(entry, "workers", 1))});
    weld.stage_names.push_back(text_of(entry, "id"));
    exclusions.push_back(text_of(entry, "exclusions"));
    are_sinks.push_back(text_of(entry, "kind") == "sink");
    if (are_sinks.back()) ++sinks;
    if (weld.stage_names.back() != stage) continue;
    weld.stage_index = static_cast<std::uint32_t>(cells.size() - 1);
    found = entry;
    any = true;
  }
  if (!any) return Error(path + " has no stage '" + stage + "'");
  weld.stage = stage;
  weld.cells = cells[weld.stage_index];
  weld.path = path_of_uri(text_of(found, "uri"));
  DATAGEN_TRY(read_part(plan, found, weld));
  std::uint32_t other = 0;
  for (const dom::element entry : list(plan, "stages")) {
    const bool is_own = other == weld.stage_index || number(entry, "part") != number(found, "part");
    if (!is_own && cells[other].count > 0)
      weld.other_stages.push_back(
          {cells[other], static_cast<std::uint32_t>(number(entry, "frames", 1)), first_records_of(entry)});
    ++other;
  }
  DATAGEN_TRY(read_parameters(found, declared, weld.parameters));
  read_runner(found, weld.runner);
  weld.is_batch = flag(found, "batch");
  weld.frames = static_cast<int>(number(found, "frames", 1));
  for (const dom::element folder : list(plan, "earlier_ledgers")) {
    std::string_view earlier;
    if (folder.get(earlier) == simdjson::SUCCESS) weld.earlier_ledgers.emplace_back(earlier);
  }
  weld.runner.keeps_exclusions = !exclusions[weld.stage_index].empty();
  constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  first_readers.resize(cells.size(), kNobody);
  std::uint32_t index = 0;
  bool others_read = false;  // than sinks, all of which want JSON
  for (const dom::element edge : list(plan, "edges")) {
    const auto from = static_cast<std::uint32_t>(number(edge, "from"));
    const auto to = static_cast<std::uint32_t>(number(edge, "to"));
    if (from >= cells.size() || to >= cells.size())
      return Error(path + ": edge " + std::to_string(index) + " is out of range");
    const ipc::RingGeometry geometry{static_cast<std::uint32_t>(number(edge, "slots")),
                                     number(edge, "block_bytes")};
    if (first_readers[from] == kNobody) first_readers[from] = to;
    if (to == weld.stage_index) {
      weld.in.push_back({index, geometry, cells[from]});
      const std::string& name = weld.stage_names[from];
      constexpr std::string_view kFollower = "source.";  // reads the output of the stage behind the dot
      weld.runner.branches.push_back(name == "source"              ? "input"
                                     : name.starts_with(kFollower) ? name.substr(kFollower.size())
                                                                   : name);
    }
    if (from == weld.stage_index) {
      weld.out.push_back({index, geometry, cells[to]});
      others_read = others_read || !are_sinks[to];
    }
    ++index;
  }
  if (!others_read) weld.runner.built = Tag::json;
  if (weld.in.size() < 2) weld.runner.branches.clear();
  for (std::uint32_t from = 0; from < cells.size(); ++from) {
    if (exclusions[from].empty()) continue;
    std::uint32_t end = from;
    for (std::size_t steps = 0; first_readers[end] != kNobody && steps < cells.size(); ++steps)
      end = first_readers[end];
    if (end == weld.stage_index && end != from)
      weld.exclusion_paths[from] = (std::filesystem::path(run_directory) / exclusions[from]).string();
  }
  weld.dead_letter_path = datagen::dead_letter_path(run_directory, stage, sinks);
  return weld;
}

}  // namespace datagen
