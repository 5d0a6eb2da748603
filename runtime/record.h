// A record as it lies in a frame: payload bytes and where it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace datagen {

enum class Tag : std::uint8_t {
  json = 0,     // the source's own bytes, untouched, or what an operator built for a sink
  msgpack = 1,  // built by an operator: a map with text keys, see json_write.h
};

// Bits of RecordView::flags.
constexpr std::uint8_t kValidated = 1;  // the payload was checked in full once, and is an object
// Of a validated json payload: what a sink writes where it adds no "_i". One line, nothing around it, no "_i"
// in it.
constexpr std::uint8_t kPlain = 2;
// Of a payload that may not be checked yet: neither \n nor \r stands in it.
constexpr std::uint8_t kOneLine = 4;

// Where a record was read, and which child of it this is.
struct Origin {
  std::uint64_t row = 0;     // source row over all inputs, from 0
  std::uint64_t line = 0;    // line in its input file, from 1; 0: not known
  std::uint64_t offset = 0;  // byte offset of that line in the file
  std::uint32_t source = 0;  // index of the file in the run's frozen input list
};

// The row of records that an operator made at the end of the stream: they have a path only.
constexpr std::uint64_t kNoRow = ~std::uint64_t{0};

struct RecordView {
  std::string_view payload;
  std::string_view path;  // "" for the row itself, "0_3" for a child's child
  Origin origin;
  Tag tag = Tag::json;
  std::uint8_t flags = 0;
};

// "10" or "10_0_3".
std::string lineage_id(std::uint64_t row, std::string_view path);

// The same backwards. False: not an id.
bool parse_lineage_id(std::string_view id, std::uint64_t& row, std::string_view& path);

}  // namespace datagen
