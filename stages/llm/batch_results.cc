#include "llm/batch_results.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace datagen::llm {

BatchResults::BatchResults(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) read(path);
}

BatchResults::~BatchResults() {
  for (const int fd : files_) close(fd);
}

void BatchResults::read(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::ifstream file(path);
  if (fd < 0 || !file)
    throw std::invalid_argument(Error::from_errno("cannot open the result file " + path, errno).message());
  files_.push_back(fd);
  std::size_t offset = 0;
  for (std::string line; std::getline(file, line); offset += line.size() + 1) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto result = parse_batch_result(line);
    if (!result)
      throw std::invalid_argument(path + ", byte " + std::to_string(offset) + ": " +
                                  result.error().message());
    places_.try_emplace(std::move(result.value().custom_id), Place{fd, offset, line.size()});
  }
}

std::optional<BatchResult> BatchResults::find(std::string_view custom_id) const {
  const auto found = places_.find(std::string(custom_id));
  if (found == places_.end()) return std::nullopt;
  const Place& place = found->second;
  std::string line(place.bytes, '\0');
  const ssize_t got = pread(place.fd, line.data(), line.size(), static_cast<off_t>(place.offset));
  if (got != static_cast<ssize_t>(line.size()))
    throw std::runtime_error("a result file has become shorter while it was read");
  auto result = parse_batch_result(line);
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}

}  // namespace datagen::llm
