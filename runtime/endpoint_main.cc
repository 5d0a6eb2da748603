// main() of sources and sinks.
#include <cstdio>
#include <exception>
#include <string>

#include "byte_buffer.h"
#include "context_state.h"
#include "datagen/sink.h"
#include "datagen/source.h"
#include "json_write.h"
#include "stage_main.h"
#include "worker.h"

namespace datagen::detail {

namespace {

// Answers --freeze and --outputs: runs `list` with a context of the given parameters, prints its JSON.
template <class List>
int answer_list(const StageCommand& command, const Parameters& declared, List list) {
  try {
    ContextState state(command.name, 0, complete_parameters(declared, command.parameters));
    Context context(state);
    ByteBuffer out;
    out.push_back('[');
    list(context, out);
    out.append("]\n");
    std::fwrite(out.data(), 1, out.size(), stdout);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

void append_text(ByteBuffer& out, const char* name, const std::string& text) {
  if (text.empty()) return;
  out.append(std::string(",\"") + name + "\":");
  append_json_string(out, text);
}

int no_filter(const StageCommand& command, const char* kind) {
  std::fprintf(stderr, "%s: a %s is started by the launcher; it is no filter (see --help)\n",
               command.name.c_str(), kind);
  return 2;
}

}  // namespace

int run_source(int argc, char** argv, const SourceDefinition& definition) {
  const StageIdentity identity{"source", false, false, "--freeze"};
  const StageCommand command = parse_stage_command(argc, argv, definition.parameters, identity);
  switch (command.mode) {
    case StageCommand::Mode::worker:
      return run_source_worker(definition, command.worker);
    case StageCommand::Mode::find_rows:
      return find_rows(definition, command.worker, command.rows);
    case StageCommand::Mode::filter:
      return no_filter(command, "source");
    case StageCommand::Mode::list:
      return answer_list(command, definition.parameters, [&](Context& context, ByteBuffer& out) {
        for (const InputFile& input : definition.make()->freeze(command.list_path, context)) {
          if (out.size() > 1) out.push_back(',');
          out.append("{\"uri\":");
          append_json_string(out, input.uri);
          out.append(",\"bytes\":" + std::to_string(input.bytes));
          append_text(out, "input", input.input);
          append_text(out, "fingerprint", input.fingerprint);
          out.push_back('}');
        }
      });
    default:
      return command.exit_code;
  }
}

int run_sink(int argc, char** argv, const SinkDefinition& definition) {
  const StageIdentity identity{"sink", false, false, "--outputs"};
  const StageCommand command = parse_stage_command(argc, argv, definition.parameters, identity);
  switch (command.mode) {
    case StageCommand::Mode::worker:
      return run_sink_worker(definition, command.worker);
    case StageCommand::Mode::filter:
      return no_filter(command, "sink");
    case StageCommand::Mode::list:
      return answer_list(command, definition.parameters, [&](Context& context, ByteBuffer& out) {
        for (const std::string& path : definition.make()->outputs(command.list_path, context)) {
          if (out.size() > 1) out.push_back(',');
          append_json_string(out, path);
        }
      });
    default:
      return command.exit_code;
  }
}

}  // namespace datagen::detail
