// What a stage does with a frame whose records it hands on as they are (Operator, hands_on_untouched): one
// copy of all, instead of one record after the other.
#pragma once

#include "frame.h"
#include "json_index.h"
#include "side_section.h"

namespace datagen {

class UntouchedFrame {
 public:
  // `out` was begun from `in`; `steps` as for FrameWriter::add_all. With `checks` records are marked that are
  // found to be valid; those that are not, or of which it is not known, are left to the sink, which looks at
  // all that is not marked.
  void hand_on(const FrameReader& in, const ipc::FrameSteps& steps, FrameWriter& out, StageNotes& notes,
               bool checks);

 private:
  JsonIndex index_;
};

}  // namespace datagen
