// For `datagen trace`: reads a run's input again up to one row.
#include <simdjson.h>

#include <cstdio>
#include <exception>

#include "context_state.h"
#include "frame.h"
#include "side_section.h"
#include "weld.h"
#include "worker.h"

namespace datagen {

namespace {

constexpr std::size_t kFrameBytes = 1 << 20;

void print_place(const std::string& uri, std::uint64_t line, std::string_view record) {
  std::fprintf(stdout, "%s:%llu\n", uri.c_str(), static_cast<unsigned long long>(line));
  std::fwrite(record.data(), 1, record.size(), stdout);
  std::fputc('\n', stdout);
}

// A record that the source could not read.
bool print_dead_letter(const std::vector<std::string>& letters, std::uint64_t row) {
  simdjson::dom::parser parser;
  for (const std::string& letter : letters) {
    simdjson::dom::element root;
    std::uint64_t id = 0, line = 0;
    std::string_view uri, text;
    if (parser.parse(letter).get(root) != simdjson::SUCCESS || root["id"].get(id) != simdjson::SUCCESS ||
        id != row)
      continue;
    if (root["source"]["uri"].get(uri) != simdjson::SUCCESS ||
        root["source"]["line"].get(line) != simdjson::SUCCESS)
      continue;
    if (root["record_text"].get(text) != simdjson::SUCCESS) text = letter;
    print_place(std::string(uri), line, text);
    return true;
  }
  return false;
}

}  // namespace

int find_row(const detail::SourceDefinition& definition, const WorkerOptions& options, std::uint64_t row) {
  const auto loaded = Weld::load(options.run_directory, options.stage, definition.parameters);
  if (!loaded) return std::fprintf(stderr, "%s\n", loaded.error().message().c_str()), 2;
  const Weld& weld = loaded.value();
  try {
    detail::ContextState state(weld.stage, 0, complete_parameters(definition.parameters, weld.parameters));
    Context context(state);
    const auto source = definition.make();
    for (const InputFile& input : weld.inputs) {  // a pipe, a ring
      if (input.uri.find("://") != std::string::npos)
        throw std::runtime_error(input.uri + " cannot be read again");
    }
    source->open(weld.inputs, {}, context);
    const DeadLetterContext dead_letters = weld.dead_letters();
    std::vector<std::byte> space(kFrameBytes);
    FrameWriter writer;
    StageNotes notes;
    for (;;) {
      notes.clear();
      writer.begin(space, {});
      SourceFrame filling(writer, notes, dead_letters);
      if (!source->read(filling)) break;
      const auto frame = FrameReader::open(writer.finish({}));
      if (!frame) throw std::runtime_error(frame.error().message());
      if (print_dead_letter(notes.dead_letters, row)) return 0;
      for (std::size_t index = 0; index < frame.value().size(); ++index) {
        const RecordView record = frame.value()[index];
        if (record.origin.row != row) continue;
        print_place(dead_letters.sources.at(record.origin.source), record.origin.line, record.payload);
        return 0;
      }
    }
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 2;
  }
  std::fprintf(stderr, "the input has no record in row %llu\n", static_cast<unsigned long long>(row));
  return 2;
}

}  // namespace datagen
