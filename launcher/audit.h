// What became of every record: the counts that travelled with the frames to the sinks, added up, and checked.
// Conservation: what a stage took in is what it passed on, filtered or dead-lettered, fan-out counted apart;
// and what one stage passed on is what the next took in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ipc/result.h"
#include "launcher/plan.h"
#include "runtime/side_section.h"

namespace datagen::launcher {

struct StageAudit {
  std::string id;
  std::uint64_t in = 0, out = 0, dropped = 0, dead = 0, parents = 0, children = 0, joined = 0;
  std::map<std::string, std::uint64_t> drop_reasons;
  std::map<std::string, std::int64_t> counters;
  UsageByKey usage;
};

struct Audit {
  bool sealed = false;             // every sink has ended its output
  std::vector<StageAudit> stages;  // in the plan's order
  std::uint64_t output_records = 0;
  std::uint64_t output_bytes = 0;
  std::vector<std::string> mismatches;  // empty: every record is accounted for

  std::uint64_t read() const { return stages.empty() ? 0 : stages.front().in; }
  std::uint64_t dropped() const;
  std::uint64_t dead() const;
};

// From the sinks' newest commits. Errors: a .done file that cannot be read. Without any commit: an audit of
// nothing.
Result<Audit> audit_run(const std::string& run_directory, const Plan& plan);

}  // namespace datagen::launcher
