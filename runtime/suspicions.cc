#include "suspicions.h"

#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>

namespace datagen {

namespace {

// {"reason":…,"message":…,"attempts":…,"details":{…}}, as launcher/crash_details.cc writes it. Without the
// file the record is given up all the same: it kills its worker.
DeadLetterReason read_reason(const std::string& path) {
  DeadLetterReason reason{
      "crash", "the record kills the process that works on it; its details are lost", 1, {}};
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.load(path).get(root) != simdjson::SUCCESS) return reason;
  std::string_view text;
  if (root["reason"].get(text) == simdjson::SUCCESS) reason.reason = text;
  if (root["message"].get(text) == simdjson::SUCCESS) reason.message = text;
  std::int64_t attempts = 0;
  if (root["attempts"].get(attempts) == simdjson::SUCCESS) reason.attempts = static_cast<int>(attempts);
  simdjson::dom::element details;
  if (root["details"].get(details) == simdjson::SUCCESS && details.is_object()) {
    reason.details = simdjson::minify(details);
    reason.details = reason.details.substr(1, reason.details.size() - 2);
  }
  return reason;
}

}  // namespace

const DeadLetterReason* Suspicions::find(const RecordView& record) const {
  const std::uint64_t hash = path_hash(record.path);
  const auto found = std::find_if(skips.begin(), skips.end(), [&](const Skip& skip) {
    return skip.row == record.origin.row && skip.path_hash == hash;
  });
  return found == skips.end() ? nullptr : &found->reason;
}

std::size_t Suspicions::next_split(std::size_t record) const {
  const auto found = std::upper_bound(splits.begin(), splits.end(), record);
  return found == splits.end() ? ~std::size_t{0} : *found;
}

std::uint64_t path_hash(std::string_view path) {
  return path.empty() ? 0 : XXH3_64bits(path.data(), path.size());
}

Suspicions read_suspicions(const std::vector<ipc::Directive>& directives, const std::string& run_directory) {
  Suspicions suspicions;
  for (const ipc::Directive& directive : directives) {
    switch (directive.kind) {
      case ipc::Directive::Kind::alone:
        suspicions.run_alone = true;
        break;
      case ipc::Directive::Kind::split:
        for (const std::uint64_t record : {directive.first, directive.second, directive.third})
          suspicions.splits.push_back(record);
        break;
      case ipc::Directive::Kind::skip:
        suspicions.skips.push_back(
            {directive.first, directive.second,
             read_reason(run_directory + "/quarantine/" + std::to_string(directive.third) + ".json")});
        break;
      case ipc::Directive::Kind::first:
        suspicions.firsts.push_back(directive.first);
        break;
      case ipc::Directive::Kind::none:
        break;
    }
  }
  std::sort(suspicions.splits.begin(), suspicions.splits.end());
  return suspicions;
}

}  // namespace datagen
