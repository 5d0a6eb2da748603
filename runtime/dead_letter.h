// The line that a dead letter leaves in dead_letter.jsonl.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record.h"

namespace datagen {

// Names the stage and the input files that origins refer to.
struct DeadLetterContext {
  std::string stage;
  std::vector<std::string> sources;
};

struct DeadLetterReason {
  std::string reason;   // short, counted by
  std::string message;  // for people
  int attempts = 1;
  std::string details = {};  // further members as JSON text without braces: "signal":"SIGSEGV",…
};

// One JSON object without newline: id, stage, reason, message, attempts, source {uri, line, offset}, and the
// record: as "record" when it is a JSON object, as "record_text" when it is other UTF-8 text, as
// "record_base64" otherwise. More than `kDeadRecordBytesMax` of a bad line are cut, with "record_bytes" its
// length.
constexpr std::size_t kDeadRecordBytesMax = 1 << 20;
std::string dead_letter_line(const DeadLetterContext& context, const RecordView& record,
                             const DeadLetterReason& reason);

// The line that a dropped record leaves where its stage keeps them: id, stage, reason, source, and the record
// as it entered the stage.
std::string exclusion_line(const DeadLetterContext& context, const RecordView& record,
                           std::string_view reason);

}  // namespace datagen
