// A named shared-memory object of a run: created by the launcher, mapped by workers and tools.
//
// Owner: the launcher creates and removes; a mapping lives as long as its process. When the launcher dies,
// the name stays in /dev/shm until a later launcher or `datagen-ring` removes it; memory mapped by living
// processes stays valid after removal.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "ipc/result.h"

namespace datagen::ipc {

enum class Access { read_only, read_write };

// Part of a segment in this process's memory. Not inherited by forked children (MADV_DONTFORK): a helper
// process that an operator forks cannot write into a ring after its parent's death.
class Mapping {
 public:
  Mapping() = default;
  explicit Mapping(boost::interprocess::mapped_region region) : region_(std::move(region)) {}
  std::byte* data() const { return static_cast<std::byte*>(region_.get_address()); }
  std::size_t size() const { return region_.get_size(); }

 private:
  boost::interprocess::mapped_region region_;
};

// Creates `name` (no leading slash) exclusively, mode 0600, with all its bytes allocated and zero.
// Errors: the name exists; /dev/shm is too small (with what is free and how to raise it).
Result<void> create_segment(const std::string& name, std::uint64_t bytes);

// Maps [offset, offset + length) of a segment; length 0 means up to its end. `offset` is page-aligned.
// Errors: no such segment; not ours to open; shorter than offset + length.
Result<Mapping> map_segment(const std::string& name, Access access, std::uint64_t offset = 0,
                            std::uint64_t length = 0);

// Removes the name; true if it existed.
bool remove_segment(const std::string& name) noexcept;

// Size in bytes of an existing segment.
Result<std::uint64_t> segment_size(const std::string& name);

// Where the kernel shows the segment as a file.
std::string segment_path(const std::string& name);

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace datagen::ipc
