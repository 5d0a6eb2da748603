// For `datagen trace` and `datagen replay --from source`: reads a run's input again up to some rows.
#include <simdjson.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "context_state.h"
#include "frame.h"
#include "json_write.h"
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

bool print_record(const FrameReader& frame, const DeadLetterContext& context, std::uint64_t row) {
  for (std::size_t index = 0; index < frame.size(); ++index) {
    const RecordView record = frame[index];
    if (record.origin.row != row) continue;
    ByteBuffer text;
    if (record.tag == Tag::msgpack) append_msgpack_as_json(text, record.payload);
    print_place(context.sources.at(record.origin.source), record.origin.line,
                record.tag == Tag::msgpack ? text.view() : record.payload);
    return true;
  }
  return false;
}

}  // namespace

int find_rows(const detail::SourceDefinition& definition, const WorkerOptions& options,
              const std::vector<std::uint64_t>& rows) {
  const auto loaded = Weld::load(options.run_directory, options.stage, definition.parameters);
  if (!loaded) return std::fprintf(stderr, "%s\n", loaded.error().message().c_str()), 2;
  const Weld& weld = loaded.value();
  auto wanted = rows.begin();
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
    while (wanted != rows.end()) {
      notes.clear();
      writer.begin(space, {});
      SourceFrame filling(writer, notes, dead_letters);
      if (!source->read(filling)) break;
      const auto frame = FrameReader::open(writer.finish({}));
      if (!frame) throw std::runtime_error(frame.error().message());
      while (wanted != rows.end() && (print_dead_letter(notes.dead_letters, *wanted) ||
                                      print_record(frame.value(), dead_letters, *wanted)))
        ++wanted;
    }
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 2;
  }
  if (wanted == rows.end()) return 0;
  std::fprintf(stderr, "the input has no record in row %llu\n", static_cast<unsigned long long>(*wanted));
  return 2;
}

}  // namespace datagen
