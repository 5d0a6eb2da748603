// The head of a msgpack value: what it is, and where it ends or its parts begin. For the paths that every
// record takes; whatever needs objects uses msgpack-c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace datagen {

struct MsgpackHead {
  enum class Kind : std::uint8_t {
    nil,
    boolean,   // value: 0 or 1
    positive,  // value
    negative,  // value, as two's complement
    float32,   // value: its bits
    float64,   // value: its bits
    text,      // value: length, as of the next two
    binary,
    extension,  // `type`
    array,      // value: elements
    map,        // value: members
  };
  Kind kind = Kind::nil;
  std::int8_t type = 0;
  std::uint8_t bytes = 1;  // of the head itself
  std::uint64_t value = 0;

  bool has_body() const { return kind >= Kind::text && kind <= Kind::extension; }
};

// Throws std::logic_error when `bytes` is too short for the head and its body, or begins with the byte that
// msgpack never uses.
MsgpackHead read_msgpack_head(std::string_view bytes);

// Length of the whole value at the start of `bytes`. Throws as above; also for more than 1,000 levels.
std::size_t msgpack_length(std::string_view bytes);

}  // namespace datagen
