// XXH3-64 with the widest vectors that this processor has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace datagen::ipc {

std::uint64_t checksum64(const void* bytes, std::size_t count, std::uint64_t seed);

}  // namespace datagen::ipc
