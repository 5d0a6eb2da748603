// report.html: a run on one page that needs nothing beside itself, no network and no script. Pure: from what
// is known of a run to the text of the page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/audit.h"
#include "launcher/history.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

// Dead letters of one stage that have the same reason, with the first few of them.
struct DeadLetterGroup {
  struct Sample {
    std::string id, message, place, record;  // the record cut short
  };
  std::string stage, reason;
  std::uint64_t count = 0;
  std::vector<Sample> samples;
};

struct ReportData {
  RuntimeFile runtime;
  std::string directory;
  std::string outcome;  // "complete", "stopped", "failed", "running"
  std::string message;  // why it is not complete
  Audit audit;
  History history;
  std::vector<DeadLetterGroup> dead_letters;
  bool all_letters_read = true;  // else the groups count only the first of them
};

std::string report_page(const ReportData& data);
// The same for a terminal, in short.
std::string report_text(const ReportData& data);

}  // namespace datagen::launcher
