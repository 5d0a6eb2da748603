#include "untouched_frame.h"

namespace datagen {

void UntouchedFrame::hand_on(const FrameReader& in, const ipc::FrameSteps& steps, FrameWriter& out,
                             StageNotes& notes, bool checks) {
  out.add_all(in, steps);
  notes.counts.in += in.size();
  notes.counts.out += in.size();
  if (!checks) return;
  index_.begin(in.text());
  for (std::size_t record = 0; record < in.size(); ++record) {
    const RecordEntry entry = in.entry(record);
    if (entry.tag != Tag::json || (entry.flags & kValidated) || !index_.check(in.payload(entry))) continue;
    out.mark(record, index_.is_plain(entry.flags & kOneLine) ? kValidated | kPlain : kValidated);
  }
  index_.begin({});
}

}  // namespace datagen
