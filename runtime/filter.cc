// A stage without a launcher: as a filter on files, and in the process of a test.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "datagen/json_lines.h"
#include "datagen/output_file.h"
#include "datagen/testing.h"
#include "frame_lines.h"
#include "json_write.h"
#include "operator_runner.h"
#include "paid_work.h"
#include "stage_main.h"

namespace datagen {

namespace {

constexpr std::size_t kFrameBytes = 256 * 1024;
constexpr std::uint64_t kLineBytesMax = 256 << 20;

// Memory for a frame, with the padding that a ring's block would have.
struct FrameMemory {
  std::vector<std::byte> bytes = std::vector<std::byte>(kFrameBytes + simdjson::SIMDJSON_PADDING);
  std::span<std::byte> space() { return std::span(bytes).first(kFrameBytes); }
};

// Copies a frame that outgrew its memory to where padding is behind it.
std::span<const std::byte> padded(std::span<const std::byte> frame, const FrameMemory& memory,
                                  std::vector<std::byte>& large) {
  if (frame.data() == memory.bytes.data()) return frame;
  large.assign(frame.begin(), frame.end());
  large.resize(frame.size() + simdjson::SIMDJSON_PADDING);
  return std::span(large).first(frame.size());
}

void check(const Result<FrameReader>& frame) {
  DATAGEN_CHECK(frame.has_value(), "own frame: %s", frame.error().message().c_str());
}

class Filter {
 public:
  Filter(const detail::StageDefinition& definition, const StageCommand& command)
      : definition_(definition),
        context_(command.name, 0, complete_parameters(definition.parameters, command.parameters)),
        dead_letters_{command.name, {command.in == "-" ? "stdin" : command.in}},
        runner_(definition, context_, dead_letters_,
                RunnerOptions{command.threads,
                              command.batch_size,
                              command.retries,
                              std::chrono::milliseconds(100),
                              OnError::dead_letter,
                              false,
                              Tag::json,
                              {}}),
        lines_(Ids::off, dead_letters_) {}

  void open() { runner_.open(); }

  // Returns the number of dead letters.
  std::uint64_t run(int fd, OutputFile& out) {
    JsonLinesReader reader(kLineBytesMax);
    reader.open(fd, dead_letters_.sources.front(), SourcePosition{}, ~std::uint64_t{0});
    for (;;) {
      notes_.clear();
      in_.begin(in_memory_.space(), FrameOrigin{});
      SourceFrame source(in_, notes_, dead_letters_);
      if (!reader.read(source)) break;
      notes_.counts = {};
      const auto frame = FrameReader::open(padded(in_.finish({}), in_memory_, large_));
      check(frame);
      out_.begin_from(out_memory_.space(), frame.value());
      runner_.run(frame.value(), out_, notes_);
      if (const auto why = context_.paid_work->given_up()) throw std::runtime_error(why->message);
      write(out);
    }
    if (definition_.stateful) {
      notes_.clear();
      out_.begin(out_memory_.space(), FrameOrigin{});
      runner_.finish(out_, notes_);
      write(out);
    }
    return dead_;
  }

 private:
  void write(OutputFile& out) {
    const auto frame = FrameReader::open(padded(out_.finish({}), out_memory_, large_));
    check(frame);
    out.write(lines_.of(frame.value(), notes_));
    for (const std::string& letter : notes_.dead_letters) std::fprintf(stderr, "%s\n", letter.c_str());
    dead_ += notes_.dead_letters.size();
  }

  const detail::StageDefinition& definition_;
  detail::ContextState context_;
  DeadLetterContext dead_letters_;
  OperatorRunner runner_;
  FrameMemory in_memory_, out_memory_;
  FrameWriter in_, out_;
  std::vector<std::byte> large_;
  StageNotes notes_;
  FrameLines lines_;
  std::uint64_t dead_ = 0;
};

}  // namespace

int run_filter(const detail::StageDefinition& definition, const StageCommand& command) {
  try {
    Filter filter(definition, command);
    filter.open();
    const int fd = command.in == "-" ? STDIN_FILENO : open(command.in.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + command.in);
    OutputFile out;
    if (command.out == "-") {
      out.adopt(dup(STDOUT_FILENO), "stdout");
      dup2(STDERR_FILENO, STDOUT_FILENO);  // what an operator prints must not end up between the records
    } else {
      out.open(command.out, 0);
    }
    return filter.run(fd, out) == 0 ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s: %s\n", command.name.c_str(), error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", command.name.c_str(), error.what());
    return 1;
  }
}

// ---- in a test's process

namespace {

std::string as_text(const FieldValue& value) {
  switch (value.kind()) {
    case FieldValue::Kind::boolean:
      return value.boolean() ? "true" : "false";
    case FieldValue::Kind::signed_integer:
      return std::to_string(value.signed_integer());
    case FieldValue::Kind::unsigned_integer:
      return std::to_string(value.unsigned_integer());
    case FieldValue::Kind::number: {
      std::ostringstream text;
      text.precision(17);
      text << value.number();
      return text.str();
    }
    default:
      return std::string(value.text());
  }
}

void take_out(const FrameReader& frame, TestResult& result) {
  for (std::size_t index = 0; index < frame.size(); ++index) {
    ByteBuffer line;
    append_record(line, frame[index], Ids::off);
    result.records.emplace_back(line.view());
    result.ids.push_back(lineage_id(frame[index].origin.row, frame[index].path));
  }
}

void take_notes(const StageNotes& notes, TestResult& result) {
  for (const StageNotes::Dropped& dropped : notes.dropped)
    result.dropped.push_back({dropped.id, dropped.reason});
  for (const auto& [name, amount] : notes.counters) result.counters[name] += amount;
  for (const std::string& letter : notes.dead_letters) {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded_letter(letter);
    const simdjson::dom::element parsed = parser.parse(padded_letter);
    std::string_view id;
    const bool is_text = parsed["id"].get(id) == simdjson::SUCCESS;  // a row is a number
    result.dead.push_back({is_text ? std::string(id) : simdjson::minify(parsed["id"]),
                           std::string(std::string_view(parsed["reason"])),
                           std::string(std::string_view(parsed["message"]))});
  }
}

}  // namespace

namespace detail {

TestResult test_stage(const StageDefinition& definition, const std::vector<TestParameter>& parameters,
                      const std::vector<std::string>& records, bool save_and_reload) {
  ParameterValues values;
  for (const TestParameter& given : parameters) {
    const Parameter* declared = definition.parameters.find(given.name);
    if (declared == nullptr) throw std::invalid_argument("parameter '" + given.name + "' is not known");
    values[given.name] = parse_parameter(*declared, as_text(given.value));
  }
  ContextState context("test", 0, complete_parameters(definition.parameters, std::move(values)));
  Context open_context(context);
  OperatorRunner runner(definition, context, DeadLetterContext{"test", {"test"}}, RunnerOptions{});
  runner.open();
  TestResult result;
  FrameMemory in_memory, out_memory;
  FrameWriter in, out;
  std::vector<std::byte> large;
  StageNotes notes;
  notes.wants_dropped = true;
  // One frame a record, between which state can be saved; a batch stage gets them all at once.
  const std::size_t step = definition.batch ? std::max<std::size_t>(records.size(), 1) : 1;
  for (std::size_t begin = 0; begin < records.size(); begin += step) {
    if (save_and_reload) {
      std::stringstream saved;
      runner.stage_operator().save(saved);
      runner.replace_operator(definition.make());
      runner.open();
      runner.stage_operator().load(saved);
    }
    notes.clear();
    in.begin(in_memory.space(), FrameOrigin{});
    for (std::size_t row = begin; row < std::min(begin + step, records.size()); ++row) {
      in.add(records[row], {}, Origin{row, row + 1, 0, 0}, Tag::json, 0);
    }
    const auto frame = FrameReader::open(padded(in.finish({}), in_memory, large));
    check(frame);
    out.begin_from(out_memory.space(), frame.value());
    runner.run(frame.value(), out, notes);
    const auto made = FrameReader::open(out.finish({}));
    check(made);
    take_out(made.value(), result);
    take_notes(notes, result);
  }
  if (definition.stateful) {
    notes.clear();
    out.begin(out_memory.space(), FrameOrigin{});
    runner.finish(out, notes);
    const auto made = FrameReader::open(out.finish({}));
    check(made);
    take_out(made.value(), result);
    take_notes(notes, result);
  }
  result.again = [=] { return test_stage(definition, parameters, records, true); };
  return result;
}

int run_stage(int argc, char** argv, const StageDefinition& definition) {
  const StageIdentity identity{"stage", definition.batch, definition.stateful, nullptr};
  const StageCommand command = parse_stage_command(argc, argv, definition.parameters, identity);
  switch (command.mode) {
    case StageCommand::Mode::worker:
      return run_stage_worker(definition, command.worker);
    case StageCommand::Mode::filter:
      return run_filter(definition, command);
    default:
      return command.exit_code;
  }
}

}  // namespace detail

}  // namespace datagen
