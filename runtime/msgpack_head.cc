#include "msgpack_head.h"

#include <stdexcept>

namespace datagen {

namespace {

using Kind = MsgpackHead::Kind;

constexpr int kLevelsMax = 1000;

[[noreturn]] void fail() { throw std::logic_error("a built record is not msgpack"); }

// What the first bytes 0xc0 to 0xdf stand for: how many bytes of a number follow, and what it is.
struct Form {
  Kind kind;
  std::uint8_t number_bytes;
  std::int8_t fixed;  // of an extension of fixed length: that; else of a constant: its value
};
constexpr std::uint8_t kNever = 0xff;
constexpr Form kForms[32] = {
    {Kind::nil, 0, 0},        {Kind::nil, kNever, 0},  {Kind::boolean, 0, 0},   {Kind::boolean, 0, 1},
    {Kind::binary, 1, 0},     {Kind::binary, 2, 0},    {Kind::binary, 4, 0},    {Kind::extension, 1, 0},
    {Kind::extension, 2, 0},  {Kind::extension, 4, 0}, {Kind::float32, 4, 0},   {Kind::float64, 8, 0},
    {Kind::positive, 1, 0},   {Kind::positive, 2, 0},  {Kind::positive, 4, 0},  {Kind::positive, 8, 0},
    {Kind::negative, 1, 0},   {Kind::negative, 2, 0},  {Kind::negative, 4, 0},  {Kind::negative, 8, 0},
    {Kind::extension, 0, 1},  {Kind::extension, 0, 2}, {Kind::extension, 0, 4}, {Kind::extension, 0, 8},
    {Kind::extension, 0, 16}, {Kind::text, 1, 0},      {Kind::text, 2, 0},      {Kind::text, 4, 0},
    {Kind::array, 2, 0},      {Kind::array, 4, 0},     {Kind::map, 2, 0},       {Kind::map, 4, 0},
};

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

MsgpackHead long_head(std::string_view bytes, unsigned first) {
  const Form& form = kForms[first - 0xc0];
  if (form.number_bytes == kNever) fail();
  const bool is_extension = form.kind == Kind::extension;
  MsgpackHead head;
  head.kind = form.kind;
  head.bytes = static_cast<std::uint8_t>(1 + form.number_bytes + (is_extension ? 1 : 0));
  if (bytes.size() < head.bytes) fail();
  head.value = form.number_bytes == 0 ? static_cast<std::uint64_t>(form.fixed)
                                      : big_endian(bytes.substr(1, form.number_bytes));
  if (is_extension) head.type = static_cast<std::int8_t>(bytes[head.bytes - 1]);
  if (form.kind == Kind::negative) {
    const unsigned unused = 64 - 8 * form.number_bytes;
    const auto number = static_cast<std::int64_t>(head.value << unused) >> unused;
    head.value = static_cast<std::uint64_t>(number);
    if (number >= 0) head.kind = Kind::positive;
  }
  return head;
}

}  // namespace

MsgpackHead read_msgpack_head(std::string_view bytes) {
  if (bytes.empty()) fail();
  const auto first = static_cast<unsigned char>(bytes[0]);
  MsgpackHead head;
  if (first < 0x80) {
    head.kind = Kind::positive;
    head.value = first;
  } else if (first < 0x90) {
    head.kind = Kind::map;
    head.value = first & 0x0fu;
  } else if (first < 0xa0) {
    head.kind = Kind::array;
    head.value = first & 0x0fu;
  } else if (first < 0xc0) {
    head.kind = Kind::text;
    head.value = first & 0x1fu;
  } else if (first < 0xe0) {
    head = long_head(bytes, first);
  } else {
    head.kind = Kind::negative;
    head.value = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int8_t>(first)));
  }
  if (head.has_body() && bytes.size() - head.bytes < head.value) fail();
  return head;
}

namespace {

std::size_t length_of(std::string_view bytes, int levels_left) {
  const MsgpackHead head = read_msgpack_head(bytes);
  if (head.has_body()) return head.bytes + head.value;
  if (head.kind != Kind::array && head.kind != Kind::map) return head.bytes;
  if (levels_left == 0) fail();
  std::size_t length = head.bytes;
  const std::uint64_t values = head.kind == Kind::map ? 2 * head.value : head.value;
  for (std::uint64_t index = 0; index < values; ++index)
    length += length_of(bytes.substr(length), levels_left - 1);
  return length;
}

}  // namespace

std::size_t msgpack_length(std::string_view bytes) { return length_of(bytes, kLevelsMax); }

}  // namespace datagen
