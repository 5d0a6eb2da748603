// Whether an input file is still the one that a run began with: its modification time, and hashes of four
// pieces of it. Looked at when a run goes on, as far as it was read; costs a stat, and four short reads where
// the time differs. Where only bytes between the pieces differ, in a file of the same length, it is not
// noticed.
#pragma once

#include <cstdint>
#include <string>

#include "datagen/source.h"

namespace datagen {

// Of the first `bytes` bytes of a file; empty for what is none. Throws std::runtime_error when it cannot be
// read.
std::string fingerprint_of(const std::string& path, std::uint64_t bytes);

// Throws std::runtime_error when the file's first `read_bytes` bytes are not those of its fingerprint. A file
// that is gone, or has no fingerprint, is left to who opens it.
void check_fingerprint(const InputFile& file, std::uint64_t read_bytes);

}  // namespace datagen
