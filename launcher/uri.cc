#include "launcher/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace datagen::launcher {

namespace {

struct Suffix {
  std::string_view suffix, scheme;
};
constexpr Suffix kFormats[] = {
    {".jsonl", "jsonl"}, {".ndjson", "jsonl"}, {".csv", "csv"}, {".tsv", "csv"}, {".parquet", "parquet"}};
constexpr std::string_view kCompressions[] = {".gz", ".zst"};

std::string_view scheme_of_path(std::string_view path) {
  for (const std::string_view compression : kCompressions) {
    if (path.ends_with(compression)) path.remove_suffix(compression.size());
  }
  for (const Suffix& format : kFormats) {
    if (path.ends_with(format.suffix)) return format.scheme;
  }
  return {};
}

bool is_scheme(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
  };
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

bool Uri::names_files() const {
  return scheme != "stdin" && scheme != "stdout" && scheme != "memory" &&
         scheme.find('+') == std::string::npos;
}

Result<Uri> parse_uri(std::string_view text, std::string_view folder) {
  Uri uri;
  const std::size_t mark = text.find("://");
  if (mark != std::string_view::npos) {
    uri.scheme = text.substr(0, mark);
    uri.path = text.substr(mark + 3);
    if (!is_scheme(uri.scheme))
      return Error(fmt::format("'{}' is no scheme (write for example jsonl://PATH)", uri.scheme));
  } else {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && is_scheme(text.substr(0, colon))) {
      return Error(fmt::format("'{}' needs two slashes: {}://{}", text, text.substr(0, colon),
                               text.substr(colon + 1)));
    }
    uri.scheme = scheme_of_path(text);
    uri.path = text;
    if (uri.scheme.empty()) {
      return Error(fmt::format("cannot tell the format of '{}' from its name: write for example jsonl://{}",
                               text, text));
    }
  }
  if (uri.path.find('\0') != std::string::npos) return Error("a path cannot have a NUL byte");
  if (uri.scheme == "stdin" || uri.scheme == "stdout") {
    if (!uri.path.empty())
      return Error(fmt::format("'{}': a standard stream has no path, write {}://", text, uri.scheme));
    return uri;
  }
  if (uri.path.empty())
    return Error(fmt::format("'{}' names {}", text, uri.names_files() ? "no file" : "nothing behind ://"));
  if (!uri.names_files()) return uri;
  uri.path = (std::filesystem::path(folder) / uri.path).lexically_normal().string();
  return uri;
}

}  // namespace datagen::launcher
