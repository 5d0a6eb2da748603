// Write a source: an executable `source-<scheme>` that turns some input into records.
//
//   int main(int argc, char** argv) { return datagen::run_source<MySource>(argc, argv); }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/context.h>
#include <datagen/parameters.h>

namespace datagen {

class FrameWriter;
struct StageNotes;
struct DeadLetterContext;

// One input of a run, as it was when the run began. Only so many bytes of it are read, should it grow.
struct InputFile {
  std::string uri;  // an absolute path, or whatever the source's open() understands
  std::uint64_t bytes = 0;
  std::string input = {};        // of a merge: the name of the input that it belongs to
  std::string fingerprint = {};  // of a file: see runtime/fingerprint.h
};

// Where the next record of a frame stands.
struct SourcePosition {
  static constexpr std::uint64_t kNoRow = ~std::uint64_t{0};  // of a record that has only a path
  std::uint32_t source = 0;                                   // index into the inputs
  std::uint64_t row = 0;     // over all inputs, from 0; the record's lineage id
  std::uint64_t line = 1;    // in its input, from 1
  std::uint64_t offset = 0;  // byte offset in its input
};

// A record that a source cannot read.
struct RejectedRecord {
  SourcePosition position;
  std::string bytes, reason, message;
};

// A frame that a source fills. All its records come from one input, in order, unless start_mixed() says else.
class SourceFrame {
 public:
  SourceFrame(FrameWriter& writer, StageNotes& notes, const DeadLetterContext& dead_letters,
              std::size_t records_max = ~std::size_t{0})
      : writer_(&writer), notes_(&notes), dead_letters_(&dead_letters), records_max_(records_max) {}
  // For who reads a source himself: what it rejects is kept in `rejected`, not made a dead letter.
  SourceFrame(FrameWriter& writer, StageNotes& notes, const DeadLetterContext& dead_letters,
              std::vector<RejectedRecord>& rejected)
      : writer_(&writer), notes_(&notes), dead_letters_(&dead_letters), rejected_(&rejected) {}

  // Once, before anything is added: where the frame begins.
  void start(const SourcePosition& position);
  // The same of a frame whose records come from several inputs: their rows, from `row` on, count all that is
  // added or rejected, and their positions say where each stands.
  void start_mixed(std::uint64_t row);
  // A record's JSON text, copied. It need not be valid: that is checked further on.
  void add(std::string_view json, const SourcePosition& position);
  // The same of a record that is a child, "0_3", of that row; for sources that read what a graph wrote.
  void add_child(std::string_view json, const SourcePosition& position, std::string_view path);
  // A record that cannot be read: it becomes a dead letter.
  void reject(std::string_view bytes, const SourcePosition& position, const std::string& reason,
              const std::string& message);
  // `count` records of inputs went into the last one that was added or rejected, instead of one.
  void joined(std::size_t count);
  // Counts something under a name of the source's own; in the report.
  void count(std::string_view name, std::int64_t amount);
  // Opaque bytes, at most 1024: enough to reopen the input right behind this frame.
  void set_cursor(std::string_view cursor);

  // Without a copy, for sources whose records lie in their input as they are: read `room()` bytes of the
  // input into it, beginning at the position given to start(), then name each record by its offset in it.
  std::span<char> room();
  // How many more of them fit beside `bytes` of input; not more than records_left().
  std::size_t records_left_beside(std::size_t bytes) const;
  // `is_one_line`: it is known that neither \n nor \r stands in it, which spares others a look.
  void add_in_place(std::size_t position, std::size_t length, std::uint32_t row_from_start,
                    bool is_one_line = false);
  void set_in_place_bytes(std::size_t bytes);

  std::size_t size() const;
  // How many more records the frame should take: the slower the stages, the fewer, so that a frame takes none
  // of them long. At least 1 of an empty frame. A source that adds more makes commits late, and nothing else.
  std::size_t records_left() const;

 private:
  FrameWriter* writer_;
  StageNotes* notes_;
  const DeadLetterContext* dead_letters_;
  std::vector<RejectedRecord>* rejected_ = nullptr;
  std::size_t records_max_ = ~std::size_t{0};
  bool is_mixed_ = false;
};

// The input itself is damaged, so that no other process would fare better: all records before it are written
// and committed, then the run stops with this message; a resume goes on behind them.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Source {
  virtual ~Source() = default;
  static void describe(Parameters&) {}
  // The inputs behind a URI's path, in reading order. Throw to say what is wrong with it.
  virtual std::vector<InputFile> freeze(const std::string& path, Context&) = 0;
  // False: what was read is gone, and cannot be read again (a pipe). A second process of the run is refused
  // then.
  virtual bool is_resumable(const std::vector<InputFile>&) const { return true; }
  // Begins to read; `cursor` is empty at the start, or one of this source's own. Throw to refuse.
  virtual void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context&) = 0;
  // Fills the next frame; false, with an empty frame, at the end of the input. Throw when reading fails;
  // BadInput only in a call that would have added nothing. A source that waits for its input returns true
  // with an empty frame (its cursor set) some 20 times a second: what was read before is committed then, and
  // a run that is being stopped ends.
  virtual bool read(SourceFrame& frame) = 0;
  // How many of the bytes that freeze() named have been read: for the bar and the remaining time that are
  // shown. 0: not known.
  virtual std::uint64_t bytes_read() const { return 0; }
  // All up to the frame that had this cursor is durable in every output: no later open() will get an earlier
  // cursor. Called between calls of read().
  virtual void committed(std::string_view /*cursor*/) {}
  // Everything is, and the run complete. Called before the source ends, when it wants to wait for that.
  virtual bool wants_completion() const { return false; }
  virtual void complete() {}
};

namespace detail {
struct SourceDefinition {
  Parameters parameters;
  std::function<std::unique_ptr<Source>()> make;
};
int run_source(int argc, char** argv, const SourceDefinition& definition);
}  // namespace detail

template <class S>
int run_source(int argc, char** argv) {
  detail::SourceDefinition definition;
  S::describe(definition.parameters);
  definition.make = [] { return std::make_unique<S>(); };
  return detail::run_source(argc, argv, definition);
}

}  // namespace datagen
