#include "commit_log.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdio>

#include "byte_buffer.h"
#include "json_write.h"

namespace datagen {

namespace {

constexpr std::uint64_t kSeed = 0x64617461'67656e31;  // not 0, so that a line of zeros has no valid checksum

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

void append_counts(ByteBuffer& out, const StageCounts& counts) {
  const auto member = [&](const char* name, std::uint64_t value) {
    out.append(std::string("\"") + name + "\":" + std::to_string(value));
  };
  member("in", counts.in);
  out.push_back(',');
  member("out", counts.out);
  out.push_back(',');
  member("dropped", counts.dropped);
  out.push_back(',');
  member("dead", counts.dead);
  out.push_back(',');
  member("parents", counts.parents);
  out.push_back(',');
  member("children", counts.children);
}

void append_stage(ByteBuffer& out, const Totals::Stage& stage) {
  out.push_back('{');
  append_counts(out, stage.counts);
  append_map(out, "drop_reasons", stage.drop_reasons, [&](std::uint64_t n) { out.append(std::to_string(n)); });
  append_map(out, "counters", stage.counters, [&](std::int64_t n) { out.append(std::to_string(n)); });
  append_map(out, "usage", stage.usage, [&](const Usage& usage) {
    out.append("{\"calls\":" + std::to_string(usage.calls) + ",\"prompt_tokens\":" + std::to_string(usage.prompt_tokens) +
               ",\"completion_tokens\":" + std::to_string(usage.completion_tokens) + "}");
  });
  out.push_back('}');
}

Result<void> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno("cannot open " + folder, errno);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (error != 0) return Error::from_errno("cannot make " + folder + " durable", error);
  return success();
}

}  // namespace

std::string commit_line(const Commit& commit, const Totals& totals, const std::vector<std::string>& stage_names) {
  ByteBuffer out;
  out.append("{\"datagen_done\":1,\"sealed\":");
  out.append(commit.sealed ? "true" : "false");
  out.append(",\"seq\":" + std::to_string(commit.seq));
  out.append(",\"output\":{\"bytes\":" + std::to_string(commit.output_bytes) +
             ",\"records\":" + std::to_string(commit.output_records) + "}");
  out.append(",\"dead_letters\":{\"bytes\":" + std::to_string(commit.dead_letter_bytes) + "},\"stages\":{");
  bool first = true;
  for (const auto& [index, stage] : totals.stages()) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, index < stage_names.size() ? stage_names[index] : std::to_string(index));
    out.push_back(':');
    append_stage(out, stage);
  }
  out.append("}");
  char checksum[40];
  std::snprintf(checksum, sizeof checksum, ",\"checksum\":\"%016llx\"}\n",
                static_cast<unsigned long long>(XXH3_64bits_withSeed(out.data(), out.size(), kSeed)));
  out.append(checksum);
  return std::string(out.view());
}

Result<void> append_durably(const std::string& path, const std::string& line) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Error::from_errno("cannot open " + path, errno);
  int error = 0;
  for (std::size_t done = 0; error == 0 && done < line.size();) {
    const ssize_t written = write(fd, line.data() + done, line.size() - done);
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  if (error == 0 && fsync(fd) != 0) error = errno;
  close(fd);
  if (error != 0) return Error::from_errno("cannot write " + path, error);
  return sync_folder_of(path);
}

}  // namespace datagen
