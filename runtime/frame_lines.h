// The records of a frame as the lines that a sink writes.
#pragma once

#include <string_view>
#include <utility>

#include "dead_letter.h"
#include "frame.h"
#include "item_state.h"
#include "json_write.h"
#include "side_section.h"

namespace datagen {

class FrameLines {
 public:
  FrameLines(Ids ids, DeadLetterContext dead_letters) : ids_(ids), dead_letters_(std::move(dead_letters)) {}

  // Whoever looked at a record has checked it in full; one that nobody looked at is checked here, and noted
  // as dead when it is not valid. The lines last as long as the frame's bytes, and until the next call: where
  // the records stand in the frame as they are to be written, they are written from there.
  std::string_view of(const FrameReader& frame, StageNotes& notes);

 private:
  bool check(RecordView& record, StageNotes& notes);
  void append(const RecordView& record);
  // The record's payload is what is to be written of it.
  bool is_line(std::uint8_t flags) const { return ids_ == Ids::off && (flags & kPlain); }
  void append_line(std::string_view line);
  void end_run();

  Ids ids_;
  DeadLetterContext dead_letters_;
  detail::ItemState checker_;
  std::string_view run_;  // of lines in the frame, without the last newline, to be written behind lines_
  ByteBuffer lines_;
};

}  // namespace datagen
