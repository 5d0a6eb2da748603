// clean_by_hand: clean_text without Item and without an operator: a loop over frames, simdjson, a buffer.
// What <datagen/stage.h> costs is the difference to it. It stops at a record that it does not understand.
#include <datagen/stage.h>
#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "frame.h"
#include "ipc/worker_exit.h"
#include "json_write.h"
#include "side_section.h"
#include "stage_main.h"
#include "worker_setup.h"

namespace {

using namespace datagen;

class Cleaner {
 public:
  explicit Cleaner(WorkerSetup& setup) : setup_(setup), ports_(setup.ports()) {}

  Result<void> clean(std::uint64_t seq) {
    const std::uint64_t began_ns = setup_.show_frame(seq);
    if (ports_.is_published(seq)) {
      ports_.complete_publish(seq);
      ports_.free(seq);
      return success();
    }
    DATAGEN_TRY(const ipc::FrameBytes bytes, ports_.read(0, seq));
    DATAGEN_TRY(const FrameReader in, FrameReader::open(bytes.bytes));
    notes_.clear();
    notes_.counts.in = notes_.counts.out = in.size();
    out_.begin(ports_.space(seq), in.origin());
    for (std::size_t index = 0; index < in.size(); ++index) DATAGEN_TRY(add(in[index]));
    side_.clear();
    append_side_section(side_, in.side(), setup_.weld().stage_index, notes_);
    const auto frame = out_.finish(side_);
    DATAGEN_TRY(publish(ports_, seq, out_, frame));
    ports_.free(seq);
    setup_.show_totals(notes_, in.bytes(), frame.size());
    setup_.show_cost(began_ns, in.origin().rows, in.size());
    return success();
  }

 private:
  Result<void> add(const RecordView& record) {
    std::string_view text;
    if (parser_.parse(record.payload.data(), record.payload.size(), false)["text"].get(text) !=
        simdjson::SUCCESS)
      return Error("record " + lineage_id(record.origin.row, record.path) + " has no text");
    line_.clear();
    line_.append("{\"text\":");
    append_json_string(line_, strip(text));
    line_.append(",\"len\":");
    char* const to = line_.reserve(20);
    line_.commit(static_cast<std::size_t>(std::to_chars(to, to + 20, count_code_points(text)).ptr - to));
    line_.push_back('}');
    out_.add(line_.view(), record.path, record.origin, Tag::json, kValidated | kPlain);
    return success();
  }

  WorkerSetup& setup_;
  ipc::Ports& ports_;
  simdjson::dom::parser parser_;
  FrameWriter out_;
  StageNotes notes_;
  std::string side_;
  ByteBuffer line_;
};

int work(const WorkerOptions& options) {
  auto attached = WorkerSetup::attach(options, Parameters(), ipc::Ports::Order::any);
  if (!attached) return fail_worker(options.stage, kWorkerCannotStart, attached.error().message());
  WorkerSetup& setup = *attached.value();
  Cleaner cleaner(setup);
  for (std::uint64_t seq = 0;;) {
    switch (setup.ports().claim(seq)) {
      case ipc::Ports::Outcome::cancelled:
        return kWorkerCancelled;
      case ipc::Ports::Outcome::end:
        setup.ports().announce_end(setup.ports().input_end());
        setup.ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
        return kWorkerDone;
      case ipc::Ports::Outcome::frame:
        if (const auto done = cleaner.clean(seq); !done)
          return setup.fail(kWorkerStop, done.error().message());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Parameters none;
  const StageCommand command = parse_stage_command(argc, argv, none, {"stage"});
  return command.mode == StageCommand::Mode::worker ? work(command.worker) : command.exit_code;
}
