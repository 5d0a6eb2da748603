#include "ledger_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <random>
#include <regex>
#include <string_view>
#include <system_error>

namespace datagen {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kIndexSuffix = ".index";
// Below it a dead process's file is as quickly read as its index would be.
constexpr std::uint64_t kWorthAnIndex = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_range(int fd, const std::string& path, std::uint64_t offset, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  std::size_t had = 0;
  while (had < text.size()) {
    const ssize_t got = pread(fd, text.data() + had, text.size() - had, static_cast<off_t>(offset + had));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("cannot read " + path, errno);
    if (got == 0) break;
    had += static_cast<std::size_t>(got);
  }
  text.resize(had);
  return text;
}

}  // namespace

std::string LedgerOwner::new_file_name() const {
  char chance[9];
  std::snprintf(chance, sizeof chance, "%08x", std::random_device{}());
  return stage + "." + std::to_string(worker) + "." + std::to_string(generation) + "." + chance;
}

std::optional<LedgerOwner> LedgerOwner::of_file(const std::string& name) {
  static const std::regex form("([^.].*)\\.([0-9]{1,9})\\.([0-9]{1,18})\\.[0-9a-f]{8}");
  std::smatch parts;
  if (!std::regex_match(name, parts, form)) return std::nullopt;
  return LedgerOwner{parts[1], std::stoi(parts[2]), std::stoull(parts[3])};
}

LedgerFile::LedgerFile(std::string path)
    : path_(std::move(path)), seed_(ledger_seed(fs::path(path_).filename().string())) {
  if (const std::uint64_t covered = entries_.map(path_ + std::string(kIndexSuffix)); covered > 0) {
    std::error_code error;
    is_final_ = fs::file_size(path_, error) == covered && !error;
    if (is_final_) indexed_ = durable_ = covered;
  }
}

void LedgerFile::note(const LedgerEntry& entry, std::uint64_t offset) {
  entries_.add(entry, offset);
  indexed_ = offset + entry.bytes;
}

Result<void> LedgerFile::seal() {
  durable_ = indexed_;
  is_final_ = true;
  return entries_.write(path_ + std::string(kIndexSuffix), indexed_);
}

Result<void> LedgerFile::refresh() {
  if (is_final_) return success();
  const Descriptor file(path_);
  if (file.get() < 0) {
    if (errno == ENOENT) return success();  // somebody cleared the folder: what was there is not needed
    return Error::from_errno("cannot read " + path_, errno);
  }
  // Asked before the length is: what its owner's death has left is all there will be.
  const bool has_no_owner = flock(file.get(), LOCK_SH | LOCK_NB) == 0;
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return Error::from_errno("cannot look at " + path_, errno);
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  if (bytes > indexed_) {
    DATAGEN_TRY(const std::string tail, read_range(file.get(), path_, indexed_, bytes - indexed_));
    const std::uint64_t begin = indexed_;
    indexed_ += scan_ledger(tail, seed_, [&](const LedgerEntry& entry, std::size_t offset) {
      entries_.add(entry, begin + offset);
    });
  }
  if (!has_no_owner) return success();
  is_final_ = true;
  if (bytes < kWorthAnIndex) return success();
  DATAGEN_TRY(sync_to(bytes));
  // Several may do so at once: they write the same. Without it the file is read again by who comes next.
  static_cast<void>(entries_.write(path_ + std::string(kIndexSuffix), bytes));
  return success();
}

// Its owner may have died, or may be waiting, before its own fsync.
Result<void> LedgerFile::sync_to(std::uint64_t end) {
  if (end <= durable_) return success();
  const std::uint64_t known = indexed_;
  const Descriptor file(path_);
  if (file.get() < 0 || fsync(file.get()) != 0)
    return Error::from_errno("cannot make " + path_ + " durable", errno);
  durable_ = std::max(end, known);
  return success();
}

Result<std::optional<std::string>> LedgerFile::find(const CallKey& key, bool any_record) {
  const auto offset = entries_.find(any_record ? hash_of_request(key) : hash_of(key));
  if (!offset) return std::nullopt;
  const Descriptor file(path_);
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return Error::from_errno("cannot read " + path_, errno);
  }
  DATAGEN_TRY(std::string bytes, read_range(file.get(), path_, *offset, kEntryHeadBytes));
  DATAGEN_TRY(bytes, read_range(file.get(), path_, *offset, ledger_entry_bytes(bytes)));
  const auto entry = read_ledger_entry(bytes, seed_);
  const bool is_it = entry && entry->attempt == key.attempt && entry->request == key.request &&
                     (any_record || entry->record == key.record);
  if (!is_it) return std::nullopt;
  DATAGEN_TRY(sync_to(*offset + entry->bytes));
  return std::string(entry->result);
}

namespace {

// The ledger files of a folder, which need not exist.
Result<std::vector<std::pair<LedgerOwner, std::string>>> list_files(const std::string& folder) {
  std::vector<std::pair<LedgerOwner, std::string>> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (auto owner = LedgerOwner::of_file(name)) found.emplace_back(std::move(*owner), name);
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error("cannot look into " + folder + ": " + error.message());
  return found;
}

}  // namespace

Result<void> LedgerFolder::refresh() {
  DATAGEN_TRY(const auto found, list_files(path_));
  for (const auto& [owner, name] : found) {
    if (files_.contains(name) || (!stage_.empty() && owner.stage != stage_)) continue;
    files_.emplace(name, std::make_unique<LedgerFile>(path_ + "/" + name));
  }
  for (const auto& [name, file] : files_) {
    if (!own_.contains(name)) DATAGEN_TRY(file->refresh());
  }
  return success();
}

Result<std::vector<LedgerSum>> sum_ledger(const std::string& folder,
                                          const std::function<bool(const LedgerOwner&)>& is_wanted) {
  DATAGEN_TRY(const auto found, list_files(folder));
  std::vector<LedgerSum> sums;
  for (const auto& [owner, name] : found) {
    if (!is_wanted(owner)) continue;
    LedgerFile file(folder + "/" + name);
    DATAGEN_TRY(file.refresh());
    sums.insert(sums.end(), file.sums().begin(), file.sums().end());
  }
  return sums;
}

LedgerFile& LedgerFolder::adopt(const std::string& name) {
  own_.insert(name);
  return *files_.emplace(name, std::make_unique<LedgerFile>(path_ + "/" + name)).first->second;
}

Result<std::optional<std::string>> LedgerFolder::find(const CallKey& key, bool any_record) {
  for (const auto& [name, file] : files_) {
    DATAGEN_TRY(auto result, file->find(key, any_record));
    if (result) return result;
  }
  return std::nullopt;
}

}  // namespace datagen
