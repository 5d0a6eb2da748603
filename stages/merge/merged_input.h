// One of the inputs that source-merge reads, record by record: a source of its own, filling frames in memory
// that only this process sees.
//
// Owner: the worker of source-merge. When it dies, its successor begins at the cursor before the frame that
// was being taken, and leaves out what was taken of it. Where frames begin need not repeat.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "context_state.h"
#include "datagen/source.h"
#include "dead_letter.h"
#include "frame.h"
#include "side_section.h"

namespace datagen {

// A record, or what could not be read as one. Views are valid until the next take().
struct MergedRecord {
  std::string_view bytes;
  SourcePosition position;           // `source` over the files of all inputs
  std::string_view reason, message;  // set: it is none
};

class MergedInput {
 public:
  // `first_file` is the index of its first file among those of all inputs.
  MergedInput(std::string name, std::unique_ptr<Source> source, ParameterValues parameters,
              std::vector<InputFile> files, std::uint32_t first_file);

  // Where to go on: behind the first `taken` records after a cursor of the source.
  struct Place {
    std::string cursor;
    std::uint32_t taken = 0;
  };
  // Throws what the source throws.
  void open(const Place& place);
  const Place& place() const { return place_; }

  const std::string& name() const { return name_; }
  std::string place_text(const SourcePosition& position) const;  // "/data/web.jsonl line 12"
  // The next record, again and again until it is taken; null at the end. Throws what the source throws, and
  // the same whenever it is asked again.
  const MergedRecord* peek();
  void take();
  std::uint64_t bytes_read() const { return source_->bytes_read(); }

 private:
  void fill();
  void show();

  std::string name_;
  std::unique_ptr<Source> source_;
  detail::ContextState state_;
  Context context_;
  std::vector<InputFile> files_;
  std::uint32_t first_file_;

  Place place_;             // the frame that is being taken, and how much of it was
  std::string end_cursor_;  // behind that frame
  std::vector<std::byte> space_;
  FrameWriter writer_;
  StageNotes notes_;
  DeadLetterContext no_dead_letters_;
  std::vector<RejectedRecord> rejected_;
  FrameReader frame_;
  std::size_t next_record_ = 0, next_rejected_ = 0;
  MergedRecord record_;
  bool has_record_ = false;
  bool is_at_end_ = false;
  std::exception_ptr failure_;
};

}  // namespace datagen
