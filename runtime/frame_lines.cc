#include "frame_lines.h"

namespace datagen {

std::string_view FrameLines::of(const FrameReader& frame, StageNotes& notes) {
  lines_.clear();
  run_ = {};
  checker_.set_frame(frame.text());
  for (std::size_t index = 0; index < frame.size(); ++index) {
    const RecordEntry entry = frame.entry(index);
    if (is_line(entry.flags)) {
      append_line(frame.payload(entry));
    } else {
      RecordView record = frame[index];
      if (!check(record, notes)) continue;
      append(record);
    }
    ++notes.counts.out;
  }
  const char* const end = run_.data() + run_.size();
  const bool has_newline = !run_.empty() && end < frame.text().data() + frame.text().size() && *end == '\n';
  if (lines_.empty() && has_newline) return {run_.data(), run_.size() + 1};
  end_run();
  return lines_.view();
}

bool FrameLines::check(RecordView& record, StageNotes& notes) {
  if (record.tag != Tag::json || (record.flags & kValidated)) return true;
  try {
    checker_.load(record);
    checker_.validate();
    record.flags = checker_.flags();
    return true;
  } catch (const BadRecord& bad) {
    ++notes.counts.dead;
    notes.dead_letters.push_back(dead_letter_line(dead_letters_, record, {bad.reason(), bad.what()}));
    return false;
  }
}

void FrameLines::append(const RecordView& record) {
  if (is_line(record.flags)) return append_line(record.payload);
  end_run();
  append_record(lines_, record, ids_);
  lines_.push_back('\n');
}

void FrameLines::append_line(std::string_view line) {
  const char* const end = run_.data() + run_.size();
  if (!run_.empty() && line.data() == end + 1 && *end == '\n') {
    run_ = {run_.data(), run_.size() + 1 + line.size()};
  } else {
    end_run();
    run_ = line;
  }
}

void FrameLines::end_run() {
  if (run_.empty()) return;
  lines_.append(run_);
  lines_.push_back('\n');
  run_ = {};
}

}  // namespace datagen
