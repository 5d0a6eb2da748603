#include "commit_log.h"

#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "byte_buffer.h"
#include "json_fields.h"
#include "json_write.h"

namespace datagen {

namespace {

constexpr std::uint64_t kSeed = 0x64617461'67656e31;  // not 0, so that a line of zeros has no valid checksum
constexpr std::size_t kTailBytes = 64 << 10;
constexpr std::uint64_t kLogBytesMax = 1 << 20;
constexpr std::string_view kChecksumKey = ",\"checksum\":\"";
constexpr std::size_t kChecksumBytes = kChecksumKey.size() + 16 + 3;  // 16 hex digits, quote, brace, newline

namespace dom = simdjson::dom;

// ---- writing

template <class Map, class Append>
void append_map(ByteBuffer& out, std::string_view name, const Map& map, Append append_value) {
  if (map.empty()) return;
  out.push_back(',');
  append_json_string(out, name);
  out.append(":{");
  bool first = true;
  for (const auto& [key, value] : map) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, key);
    out.push_back(':');
    append_value(value);
  }
  out.push_back('}');
}

void append_number(ByteBuffer& out, const char* name, std::uint64_t value, bool first = false) {
  out.append(std::string(first ? "\"" : ",\"") + name + "\":" + std::to_string(value));
}

void append_text(ByteBuffer& out, const char* name, std::string_view value) {
  out.append(std::string(",\"") + name + "\":");
  append_json_string(out, value);
}

void append_usage(ByteBuffer& out, const UsageByKey& usage) {
  if (usage.empty()) return;
  out.append(",\"usage\":[");
  bool first = true;
  for (const auto& [key, used] : usage) {
    out.append(first ? "{" : ",{");
    first = false;
    append_number(out, "calls", used.calls, true);
    append_number(out, "prompt_tokens", used.prompt_tokens);
    append_number(out, "completion_tokens", used.completion_tokens);
    append_number(out, "cost_nano", static_cast<std::uint64_t>(std::max<std::int64_t>(0, used.cost_nano)));
    append_number(out, "kind", static_cast<std::uint64_t>(key.kind));
    append_text(out, "model", key.model);
    append_text(out, "endpoint", key.endpoint);
    out.push_back('}');
  }
  out.push_back(']');
}

void append_stage(ByteBuffer& out, const Totals::Stage& stage) {
  out.push_back('{');
  append_number(out, "in", stage.counts.in, true);
  append_number(out, "out", stage.counts.out);
  append_number(out, "dropped", stage.counts.dropped);
  append_number(out, "dead", stage.counts.dead);
  append_number(out, "parents", stage.counts.parents);
  append_number(out, "children", stage.counts.children);
  append_number(out, "joined", stage.counts.joined);
  if (stage.counts.exclusion_bytes > 0) append_number(out, "exclusion_bytes", stage.counts.exclusion_bytes);
  append_map(out, "drop_reasons", stage.drop_reasons,
             [&](std::uint64_t n) { out.append(std::to_string(n)); });
  append_map(out, "counters", stage.counters, [&](std::int64_t n) { out.append(std::to_string(n)); });
  append_usage(out, stage.usage);
  out.push_back('}');
}

std::string hex64(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// ---- reading
using json::number;
using json::text_of;

template <class Take>
void each_member(dom::element object, std::string_view key, Take take) {
  dom::object members;
  if (object[key].get(members) != simdjson::SUCCESS) return;
  for (const auto field : members) take(std::string(field.key), field.value);
}

void read_stage(dom::element given, Totals::Stage& stage) {
  stage.counts = {number(given, "in"),      number(given, "out"),
                  number(given, "dropped"), number(given, "dead"),
                  number(given, "parents"), number(given, "children"),
                  number(given, "joined"),  number(given, "exclusion_bytes")};
  each_member(given, "drop_reasons", [&](const std::string& name, dom::element value) {
    std::uint64_t count = 0;
    if (value.get(count) == simdjson::SUCCESS) stage.drop_reasons[name] = count;
  });
  each_member(given, "counters", [&](const std::string& name, dom::element value) {
    std::int64_t amount = 0;
    if (value.get(amount) == simdjson::SUCCESS) stage.counters[name] = amount;
  });
  for (const dom::element used : json::list(given, "usage")) {
    const std::uint64_t kind = std::min<std::uint64_t>(number(used, "kind"), 3);
    stage.usage[{text_of(used, "model"), text_of(used, "endpoint"), static_cast<UsageKind>(kind)}] = {
        number(used, "calls"), number(used, "prompt_tokens"), number(used, "completion_tokens"),
        static_cast<std::int64_t>(number(used, "cost_nano"))};
  }
}

// False: not a whole line of this format.
bool has_checksum(std::string_view line) {
  if (line.size() < kChecksumBytes || line.back() != '\n') return false;
  const std::string_view body = line.substr(0, line.size() - kChecksumBytes);
  return line.substr(body.size()) ==
         std::string(kChecksumKey) + hex64(XXH3_64bits_withSeed(body.data(), body.size(), kSeed)) + "\"}\n";
}

Result<Commit> parse_commit(dom::parser& parser, std::string_view line,
                            const std::vector<std::string>& stage_names) {
  dom::element root;
  if (parser.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS)
    return Error("a line that is not JSON");
  Commit commit;
  commit.mark = number(root, "mark");
  if (root["sealed"].get(commit.sealed) != simdjson::SUCCESS)
    return Error("a line that does not say whether it seals");
  commit.seq = number(root, "seq");
  try {
    boost::algorithm::unhex(text_of(root, "cursor"), std::back_inserter(commit.cursor));
  } catch (const boost::algorithm::hex_decode_error&) {
    return Error("a cursor that is not hexadecimal");
  }
  if (dom::element output; root["output"].get(output) == simdjson::SUCCESS) {
    commit.output_bytes = number(output, "bytes");
    commit.output_records = number(output, "records");
    commit.output_path = text_of(output, "path");
    commit.file_bytes = number(output, "file_bytes");
    commit.tail_hash = std::strtoull(text_of(output, "tail_hash").c_str(), nullptr, 16);
  }
  if (dom::element dead; root["dead_letters"].get(dead) == simdjson::SUCCESS)
    commit.dead_letter_bytes = number(dead, "bytes");
  std::string unknown;
  each_member(root, "stages", [&](const std::string& name, dom::element stage) {
    const auto found = std::find(stage_names.begin(), stage_names.end(), name);
    if (found == stage_names.end()) unknown = name;
    if (found != stage_names.end())
      read_stage(stage, commit.totals.stage(static_cast<std::uint32_t>(found - stage_names.begin())));
  });
  if (!unknown.empty()) return Error("a stage '" + unknown + "' that the plan does not have");
  return commit;
}

}  // namespace

Result<std::uint64_t> tail_hash_of(const std::string& path, std::uint64_t bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno("cannot read " + path, errno);
  std::string tail(std::min<std::uint64_t>(bytes, kTailBytes), '\0');
  std::size_t done = 0;
  int error = 0;
  while (done < tail.size()) {
    const ssize_t got =
        pread(fd, tail.data() + done, tail.size() - done, static_cast<off_t>(bytes - tail.size() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  close(fd);
  if (error != 0) return Error::from_errno("cannot read " + path, error);
  if (done < tail.size())
    return Error(path + " has fewer than the " + std::to_string(bytes) + " bytes that were written to it");
  return XXH3_64bits_withSeed(tail.data(), tail.size(), kSeed);
}

std::string commit_line(const Commit& commit, const std::vector<std::string>& stage_names) {
  ByteBuffer out;
  out.append("{\"datagen_done\":1");
  append_number(out, "mark", commit.mark);
  append_number(out, "generation", commit.mark >> 32);
  out.append(commit.sealed ? ",\"sealed\":true" : ",\"sealed\":false");
  append_number(out, "seq", commit.seq);
  out.append(",\"cursor\":\"" + boost::algorithm::hex_lower(commit.cursor) + "\",\"output\":{");
  append_number(out, "bytes", commit.output_bytes, true);
  append_number(out, "records", commit.output_records);
  if (!commit.output_path.empty()) {
    out.append(",\"path\":");
    append_json_string(out, commit.output_path);
    append_number(out, "file_bytes", commit.file_bytes);
    out.append(",\"tail_hash\":\"" + hex64(commit.tail_hash) + "\"");
  }
  out.append("},\"dead_letters\":{");
  append_number(out, "bytes", commit.dead_letter_bytes, true);
  out.append("},\"stages\":{");
  bool first = true;
  for (const auto& [index, stage] : commit.totals.stages()) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, index < stage_names.size() ? stage_names[index] : std::to_string(index));
    out.push_back(':');
    append_stage(out, stage);
  }
  out.push_back('}');
  const std::string checksum = hex64(XXH3_64bits_withSeed(out.data(), out.size(), kSeed));
  return std::string(out.view()) + std::string(kChecksumKey) + checksum + "\"}\n";
}

Result<std::vector<LoggedCommit>> read_commits(const std::string& path,
                                               const std::vector<std::string>& stage_names) {
  DATAGEN_TRY(const std::string text, read_file(path));
  std::vector<LoggedCommit> commits;
  dom::parser parser;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    if (newline == std::string::npos) break;
    const std::string_view line = std::string_view(text).substr(begin, newline + 1 - begin);
    if (!has_checksum(line)) break;
    auto commit = parse_commit(parser, line, stage_names);
    if (!commit) return commit.error().within(path);
    begin = newline + 1;
    commits.push_back({std::move(commit).value(), begin});
  }
  return commits;
}

Result<std::vector<Commit>> read_newest_commits(const std::string& path,
                                                const std::vector<std::string>& stage_names) {
  DATAGEN_TRY(const std::string text, read_file(path));
  std::vector<Commit> newest;
  dom::parser parser;
  std::string_view rest = text;
  while (newest.size() < 2 && !rest.empty()) {
    const std::size_t begin = rest.substr(0, rest.size() - 1).rfind('\n') + 1;  // 0: it is the first
    if (has_checksum(rest.substr(begin))) {
      auto commit = parse_commit(parser, rest.substr(begin), stage_names);
      if (!commit) return commit.error().within(path);
      newest.insert(newest.begin(), std::move(commit).value());
    }
    rest = rest.substr(0, begin);
  }
  return newest;
}

Result<std::vector<LoggedCommit>> repair_commits(const std::string& path,
                                                 const std::vector<std::string>& stage_names) {
  DATAGEN_TRY(auto commits, read_commits(path, stage_names));
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return commits;
    return Error::from_errno("cannot open " + path, errno);
  }
  const std::uint64_t end = commits.empty() ? 0 : commits.back().end;
  int error = ftruncate(fd, static_cast<off_t>(end)) == 0 ? 0 : errno;
  if (error == 0 && fsync(fd) != 0) error = errno;
  close(fd);
  if (error != 0) return Error::from_errno("cannot repair " + path, error);
  return commits;
}

Result<void> renew_commits(const std::string& path, std::uint64_t bytes) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 && errno == ENOENT) return success();
  DATAGEN_TRY(const std::string text, read_file(path));
  return write_durably(path, std::string_view(text).substr(0, bytes));
}

Result<void> CommitLog::append(const Commit& commit) {
  const std::string line = commit_line(commit, stage_names_);
  struct stat info {};
  // Not at a seal: another committer may still be one mark behind, and then the line before is needed.
  if (!commit.sealed && stat(path_.c_str(), &info) == 0 &&
      static_cast<std::uint64_t>(info.st_size) > kLogBytesMax)
    DATAGEN_TRY(compact());
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Error::from_errno("cannot open " + path_, errno);
  const auto written = append_to(fd, line);
  close(fd);
  if (written) last_line_ = line;
  return written;
}

Result<void> CommitLog::append_to(int fd, const std::string& line) {
  if (!has_durable_name_) DATAGEN_TRY(sync_folder_of(path_));
  has_durable_name_ = true;
  struct stat info {};
  if (fstat(fd, &info) != 0) return Error::from_errno("cannot look at " + path_, errno);
  const int error = write_and_sync(fd, line);
  if (error == 0) return success();
  // When that fails too, the next generation writes the log anew.
  if (ftruncate(fd, info.st_size) != 0) return Error::from_errno("cannot cut " + path_, errno);
  return Error::from_errno("cannot write " + path_, error);
}

// The last line, alone, in a new file: there whole or not at all.
Result<void> CommitLog::compact() {
  return last_line_.empty() ? Result<void>(success()) : write_durably(path_, last_line_);
}

}  // namespace datagen
