// Result files of batches that something else has submitted: found by custom_id, without holding them in
// memory. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "llm/batch_file.h"

namespace datagen::llm {

class BatchResults {
 public:
  // Throws std::invalid_argument for a file that cannot be read, or has a line that is no result.
  explicit BatchResults(const std::vector<std::string>& paths);
  ~BatchResults();
  BatchResults(const BatchResults&) = delete;
  BatchResults& operator=(const BatchResults&) = delete;

  // Nothing: no file has it. Of several the first. Throws std::runtime_error when it cannot be read any more.
  std::optional<BatchResult> find(std::string_view custom_id) const;

 private:
  struct Place {
    int fd;
    std::size_t offset, bytes;
  };
  void read(const std::string& path);

  std::vector<int> files_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace datagen::llm
