#include "datagen/record_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "direct_output.h"
#include "durable_file.h"
#include "pack_queue.h"
#include "unit_packer.h"

namespace datagen {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kUnitBytes = 1 << 20;  // of content; larger ones compress little better
constexpr std::size_t kRetiredMax = 64;      // files that are open, waiting to be made durable
constexpr std::size_t kPartDigits = 5;

const char* suffix_of(Compression compression) {
  return compression == Compression::gzip ? ".gz" : compression == Compression::zstd ? ".zst" : "";
}

}  // namespace

RecordFiles::RecordFiles(std::string suffix) : suffix_(std::move(suffix)) {}
RecordFiles::~RecordFiles() = default;

void RecordFiles::declare(Parameters& p) {
  p.choice("compress", {"auto", "none", "gz", "zst"}, "auto").help("auto: by the path's suffix, .gz or .zst");
  p.integer("level").help("of compression: gz 1 to 3 (default 2), zst 1 to 22 (default 3)");
  p.integer("pack_threads", 2).min(1).max(64).help("threads that compress");
  p.integer("split", 0)
      .min(0)
      .help(
          "bytes for each part, before compression, for example 1GiB; 0: one file. Parts are numbered: "
          "part-00000…");
  p.integer("split_records", 0).min(0).help("records for each part, instead of bytes; 0: one file");
  p.choice("direct", {"auto", "never", "always"}, "auto")
      .help(
          "past the page cache (never what is compressed); auto: behind a file's first 16 MiB, if the disk "
          "takes 250 MB/s");
}

void RecordFiles::configure(const std::string& path, Context& context) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  split_bytes_ = context.param<std::uint64_t>("split");
  split_records_ = context.param<std::uint64_t>("split_records");
  if (split_bytes_ != 0 && split_records_ != 0)
    throw std::runtime_error("split and split_records: give one of them");
  direct_ = context.param<std::string>("direct");
  const bool is_folder = fs::is_directory(absolute) || !absolute.has_filename();
  if (is_folder && !is_split()) {
    throw std::runtime_error(
        absolute.string() +
        " is a folder; name a file in it, or say how large its parts are, with split: 1GiB");
  }
  compression_ = is_folder ? Compression::none : compression_of(absolute.native());
  const auto wanted = context.param<std::string>("compress");
  if (wanted != "auto") {
    const Compression given = wanted == "gz"    ? Compression::gzip
                              : wanted == "zst" ? Compression::zstd
                                                : Compression::none;
    if (compression_ != Compression::none && given != compression_)
      throw std::runtime_error("compress: " + wanted + " does not fit to the name " + absolute.string());
    compression_ = given;
  }
  if (compression_ != Compression::none) {
    const PackLevels levels = levels_of(compression_);
    level_ = context.has_param("level") ? context.param<int>("level") : levels.usual;
    if (level_ < levels.least || level_ > levels.most)
      throw std::runtime_error("level: " + std::to_string(level_) + " is none of " +
                               (suffix_of(compression_) + 1) + ", which has " + std::to_string(levels.least) +
                               " to " + std::to_string(levels.most));
  }
  path_ = absolute;
  folder_ = is_folder ? absolute : absolute.parent_path();
  if (!folder_.ends_with('/')) folder_ += '/';
  const fs::path name = is_folder ? fs::path("part" + suffix_)
                                  : fs::path(std::string(without_compression(absolute.filename().native())));
  stem_ = name.stem().string() + "-";
  part_suffix_ = name.extension().string() + suffix_of(compression_);
}

std::vector<std::string> RecordFiles::outputs(const std::string& path, Context& context) {
  configure(path, context);
  if (!is_split()) return {path_};
  std::vector<std::string> paths{part_path(0)};
  for (const std::uint64_t part : existing_parts()) {
    if (part != 0) paths.push_back(part_path(part));
  }
  return paths;
}

std::string RecordFiles::part_path(std::uint64_t part) const {
  if (!is_split()) return path_;
  std::string number = std::to_string(part);
  if (number.size() < kPartDigits) number.insert(0, kPartDigits - number.size(), '0');
  return folder_ + stem_ + number + part_suffix_;
}

std::vector<std::uint64_t> RecordFiles::existing_parts() const {
  std::vector<std::uint64_t> parts;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string path = folder_ + entry.path().filename().string();
    const std::size_t begin = folder_.size() + stem_.size();
    std::uint64_t part = 0;
    if (path.size() > begin) std::from_chars(path.data() + begin, path.data() + path.size(), part);
    if (path == part_path(part)) parts.push_back(part);
  }
  std::ranges::sort(parts);
  return parts;
}

void RecordFiles::remove_parts_behind(std::uint64_t part) {
  bool removed = false;
  for (const std::uint64_t other : existing_parts()) {
    if (other > part) removed = fs::remove(part_path(other)) || removed;
  }
  if (!removed) return;
  if (const auto done = sync_folder_of(folder_); !done) throw std::runtime_error(done.error().message());
}

void RecordFiles::open(const std::string& path, const WrittenOutput& written, Context& context) {
  configure(path, context);
  std::uint64_t left = written.bytes;
  part_ = 0;
  // Parts before the last are as long as their files: nothing is added to them once the next has begun.
  while (is_split()) {
    std::error_code missing;
    const std::uint64_t size = fs::file_size(part_path(part_), missing);
    if (missing || left <= size) break;
    left -= size;
    parts_bytes_ += size;
    ++part_;
  }
  open_part(part_, left);
  if (is_split()) remove_parts_behind(part_);
  part_records_ = written.records - split_records_ * part_;
  part_bytes_ = split_bytes_ == 0 ? 0 : content_bytes(left);
  covered_bytes_ = written.bytes;
  if (compression_ != Compression::none) {
    const int threads = context.param<int>("pack_threads");
    queue_ = std::make_unique<PackQueue>(compression_, level_, threads);
    units_max_ = static_cast<std::size_t>(threads) * 2;
    unit_ = std::make_unique<PackUnit>();
  }
  is_new_ = left == 0;
}

void RecordFiles::set_header(std::string header) {
  header_ = std::move(header);
  if (!is_new_) return;
  put(header_);
  part_bytes_ = header_.size();
}

InputFile RecordFiles::first_file() const {
  if (is_new_ && file_part_ == 0) return {};
  std::error_code error;
  return {part_path(0), fs::file_size(part_path(0), error)};
}

// Of what the open part's first `bytes` bytes unpack to.
std::uint64_t RecordFiles::content_bytes(std::uint64_t bytes) const {
  if (compression_ == Compression::none || bytes == 0) return bytes;
  const auto stream = open_input({file_->path(), bytes}, {}, 0);
  std::vector<char> space(kUnitBytes);
  std::uint64_t content = 0;
  while (const std::size_t got = stream->read(space.data(), space.size())) content += got;
  return content;
}

void RecordFiles::open_part(std::uint64_t part, std::uint64_t bytes) {
  using enum DirectOutput::Bypass;
  // Units are covered as soon as they are written.
  const bool is_packed = compression_ != Compression::none;
  auto file = std::make_shared<DirectOutput>(is_packed || direct_ == "never" ? never
                                             : direct_ == "always"           ? always
                                                                             : automatic);
  file->open(part_path(part), bytes);
  file_part_ = part;
  const std::lock_guard lock(files_mutex_);
  file_ = std::move(file);
}

bool RecordFiles::is_full_for(std::size_t record_bytes) const {
  if (split_records_ != 0) return part_records_ >= split_records_;
  return part_bytes_ > header_.size() && part_bytes_ + record_bytes > split_bytes_;
}

void RecordFiles::write(std::string_view text, std::span<const std::size_t> ends) {
  ++writes_;
  std::size_t begin = 0, at = 0;
  for (const std::size_t end : ends) {
    if (is_full_for(end - at)) {
      put(text.substr(begin, at - begin));
      begin = at;
      begin_part();
    }
    part_bytes_ += end - at;
    ++part_records_;
    at = end;
  }
  put(text.substr(begin));
  if (!queue_) {
    uncovered_.push_back({writes_, parts_bytes_ + file_->bytes()});
    cover_written();
  } else {
    if (unit_->content.size() >= kUnitBytes) push_unit(writes_, false);
    collect(units_max_);
    if (queue_->empty() && unit_->content.empty()) cover();
  }
}

void RecordFiles::put(std::string_view text) {
  if (queue_) {
    unit_->content.append(text);
  } else {
    file_->write(text);
  }
}

void RecordFiles::begin_part() {
  part_bytes_ = header_.size();
  part_records_ = 0;
  if (queue_) {
    push_unit(0, true);
  } else {
    begin_file();
  }
  put(header_);
}

void RecordFiles::push_unit(std::uint64_t writes, bool ends_part) {
  unit_->writes = writes;
  unit_->ends_part = ends_part;
  queue_->push(std::move(unit_));
  unit_ = std::make_unique<PackUnit>();
}

// Writes the units that are packed; waits until no more than `most` are on their way.
void RecordFiles::collect(std::size_t most) {
  while (const auto unit = queue_->pop(queue_->size() > most)) {
    file_->write(unit->packed.view());
    if (unit->writes != 0) {
      covered_writes_ = unit->writes;
      covered_bytes_ = parts_bytes_ + file_->bytes();
    }
    if (unit->ends_part) begin_file();
  }
}

// All that was given to write() stands in the files.
void RecordFiles::cover() {
  covered_writes_ = writes_;
  covered_bytes_ = parts_bytes_ + file_->bytes();
}

// Of what was given to write(), that which stands in the files.
void RecordFiles::cover_written() {
  const std::uint64_t written = parts_bytes_ + file_->written();
  while (!uncovered_.empty() && uncovered_.front().bytes <= written) {
    covered_writes_ = uncovered_.front().writes;
    covered_bytes_ = uncovered_.front().bytes;
    uncovered_.pop_front();
  }
}

// False: nothing is on its way into the file.
bool RecordFiles::wait_for_oldest() {
  if (queue_) {
    if (queue_->empty()) return false;
    collect(queue_->size() - 1);
    return true;
  }
  const bool waited = file_->wait_for_piece();
  cover_written();
  return waited;
}

void RecordFiles::flush(std::uint64_t most) {
  if (most > 0) {
    // To end a piece or a unit before its time would make whoever fills the next wait.
    while (held() > most && wait_for_oldest()) {
    }
    if (held() <= most) return;
  }
  if (!queue_) {
    file_->flush();
    return cover_written();
  }
  // Also of an empty output: gzip and zstd refuse a file without a single unit.
  const bool is_empty = parts_bytes_ + file_->bytes() == 0 && queue_->empty();
  if (!unit_->content.empty() || is_empty) push_unit(writes_, false);
  collect(0);
  cover();
}

void RecordFiles::begin_file() {
  file_->finish();
  parts_bytes_ += file_->bytes();
  bool too_many = false;
  {
    const std::lock_guard lock(files_mutex_);
    retired_.push_back(file_);
    too_many = retired_.size() >= kRetiredMax;
  }
  if (too_many) sync_files(false);
  open_part(file_part_ + 1, 0);
}

void RecordFiles::sync() { sync_files(true); }

void RecordFiles::sync_files(bool with_current) {
  // Held to the end: whoever comes second returns only when what the first took is durable.
  const std::lock_guard one_at_a_time(sync_mutex_);
  std::vector<std::shared_ptr<DirectOutput>> files;
  {
    const std::lock_guard lock(files_mutex_);
    files.swap(retired_);
    if (with_current) files.push_back(file_);
  }
  for (const auto& file : files) file->sync();
}

Sink::Tail RecordFiles::tail() const {
  return file_->is_regular() ? Sink::Tail{file_->path(), file_->bytes()} : Sink::Tail{};
}

}  // namespace datagen
