#include "datagen/input_files.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "fingerprint.h"

namespace datagen {

namespace fs = std::filesystem;

namespace {

using Suffixes = std::initializer_list<std::string_view>;

bool is_pattern(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

bool has_suffix(std::string_view path, Suffixes suffixes) {
  const std::string_view name = without_compression(path);
  return std::ranges::any_of(suffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  if (error) throw std::runtime_error("cannot list " + folder.string() + ": " + error.message());
  return entries;
}

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with('.'); }
// Folders that are links are not gone into below a folder or **: they may lead around in a circle.
bool is_own_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

void add_tree(const fs::path& folder, Suffixes suffixes, std::vector<std::string>& found) {
  for (const fs::path& entry : entries_of(folder)) {
    if (is_hidden(entry)) continue;
    if (is_own_folder(entry)) {
      add_tree(entry, suffixes, found);
    } else if (has_suffix(entry.native(), suffixes) && fs::is_regular_file(entry)) {
      found.push_back(entry);
    }
  }
}

// What fits to the components of a pattern from `next` on, below `folder`.
void add_matches(const fs::path& folder, const std::vector<std::string>& pattern, std::size_t next,
                 std::vector<std::string>& found) {
  const std::string& component = pattern[next];
  const bool is_last = next + 1 == pattern.size();
  if (component == "**") {
    if (!is_last) add_matches(folder, pattern, next + 1, found);
    for (const fs::path& entry : entries_of(folder)) {
      if (is_hidden(entry)) continue;
      if (is_own_folder(entry)) {
        add_matches(entry, pattern, next, found);
      } else if (is_last && fs::is_regular_file(entry)) {
        found.push_back(entry);
      }
    }
    return;
  }
  if (!is_pattern(component)) {
    const fs::path entry = folder / component;
    if (is_last && fs::is_regular_file(entry)) found.push_back(entry);
    if (!is_last && fs::is_directory(entry)) add_matches(entry, pattern, next + 1, found);
    return;
  }
  for (const fs::path& entry : entries_of(folder)) {
    if (fnmatch(component.c_str(), entry.filename().c_str(), FNM_PERIOD) != 0) continue;
    if (is_last && fs::is_regular_file(entry)) found.push_back(entry);
    if (!is_last && fs::is_directory(entry)) add_matches(entry, pattern, next + 1, found);
  }
}

// The folder up to which a path exists, and some of what is in it.
std::string describe_surroundings(fs::path path) {
  while (path.has_relative_path() && (is_pattern(path.native()) || !fs::is_directory(path)))
    path = path.parent_path();
  std::vector<std::string> names;
  for (const fs::path& entry : entries_of(path)) names.push_back(entry.filename());
  std::ranges::sort(names);
  constexpr std::size_t kShown = 5;
  std::string text = path.string() + (names.empty() ? " is empty" : " has ");
  for (std::size_t index = 0; index < std::min(names.size(), kShown); ++index)
    text += (index == 0 ? "" : ", ") + names[index];
  return names.size() > kShown ? text + ", … (" + std::to_string(names.size()) + " entries)" : text;
}

std::vector<std::string> find_files(const fs::path& path, Suffixes suffixes) {
  std::vector<std::string> found;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
    add_tree(path, suffixes, found);
    if (found.empty()) {
      std::string names;
      for (const std::string_view suffix : suffixes)
        names += (names.empty() ? "*" : ", *") + std::string(suffix);
      throw std::runtime_error("the folder " + path.string() + " has no " + names +
                               " (also as .gz or .zst); " + describe_surroundings(path) +
                               ". For other names write a pattern: " + (path / "*").string());
    }
  } else if (fs::exists(status) || !is_pattern(path.native())) {
    found.push_back(path);  // may not be there: said when it is looked at
  } else {
    std::vector<std::string> components;
    for (const fs::path& component : path.relative_path()) components.push_back(component);
    add_matches(path.root_path(), components, 0, found);
    if (found.empty())
      throw std::runtime_error("no file fits to " + path.string() + "; " + describe_surroundings(path));
    // ** may find a file on several ways.
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> read_list(const fs::path& list, Suffixes suffixes) {
  std::ifstream file(list);
  if (!file) throw std::runtime_error("cannot read the list " + list.string() + ": " + std::strerror(errno));
  std::vector<std::string> found;
  std::map<std::string, std::size_t> lines;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const std::string place = list.string() + ":" + std::to_string(number);
    try {
      for (std::string& path : find_files((list.parent_path() / line).lexically_normal(), suffixes)) {
        const auto [earlier, is_new] = lines.emplace(path, number);
        if (!is_new)
          throw std::runtime_error(path + " is named in line " + std::to_string(earlier->second) +
                                   " already");
        found.push_back(std::move(path));
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(place + ": " + error.what());
    }
  }
  if (found.empty()) throw std::runtime_error("the list " + list.string() + " names no files");
  return found;
}

InputFile look_at(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || access(path.c_str(), R_OK) != 0) {
    const int error = errno;
    std::string hint;
    if (error == ENOENT) hint = "; " + describe_surroundings(path);
    throw std::runtime_error("cannot read " + path + ": " + std::strerror(error) + hint);
  }
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  return {path, bytes, {}, fingerprint_of(path, bytes)};
}

}  // namespace

std::uint64_t bytes_before(const std::vector<InputFile>& files, std::size_t index) {
  std::uint64_t bytes = 0;
  for (std::size_t before = 0; before < std::min(index, files.size()); ++before) bytes += files[before].bytes;
  return bytes;
}

std::vector<InputFile> list_input_files(const std::string& path, Suffixes suffixes) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  const std::string name = absolute.filename();
  const bool is_list = name.starts_with('@') && !fs::exists(absolute);
  const std::vector<std::string> paths =
      is_list ? read_list(absolute.parent_path() / name.substr(1), suffixes) : find_files(absolute, suffixes);
  std::vector<InputFile> files;
  files.reserve(paths.size());
  for (const std::string& found : paths) files.push_back(look_at(found));
  return files;
}

namespace {
// Without gaps between its fields, so that equal positions are equal bytes.
struct CursorWords {
  std::uint64_t source, row, line, offset, file_offset, content_offset;
};
}  // namespace

FileCursor FileCursor::read(std::string_view bytes) {
  if (bytes.empty()) return {};
  CursorWords words;
  if (bytes.size() != sizeof words) throw std::runtime_error("a cursor that another source made");
  std::memcpy(&words, bytes.data(), sizeof words);
  return {{static_cast<std::uint32_t>(words.source), words.row, words.line, words.offset},
          {words.file_offset, words.content_offset}};
}

std::string FileCursor::bytes() const {
  const CursorWords words{position.source, position.row,     position.line,
                          position.offset, from.file_offset, from.content_offset};
  return {reinterpret_cast<const char*>(&words), sizeof words};
}

void check_files_before(const std::vector<InputFile>& files, const FileCursor& cursor) {
  for (std::size_t index = 0; index < files.size() && index <= cursor.position.source; ++index)
    check_fingerprint(files[index],
                      index < cursor.position.source ? files[index].bytes : cursor.from.file_offset);
}

void declare_record_limit(Parameters& parameters, const std::string& what) {
  parameters.integer("max_record", std::int64_t{256} << 20)
      .min(1)
      .max(std::int64_t{1} << 31)
      .help("longest " + what + " in bytes; a longer one becomes a dead letter");
}

}  // namespace datagen
