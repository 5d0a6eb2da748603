#include "json_decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "json_scan.h"

namespace datagen::json {

namespace {

// What a backslash and this character stand for; 0: nothing, or (u) a code unit.
constexpr auto kMeanings = [] {
  std::array<char, 256> meanings{};
  meanings['"'] = '"';
  meanings['\\'] = '\\';
  meanings['/'] = '/';
  meanings['b'] = '\b';
  meanings['f'] = '\f';
  meanings['n'] = '\n';
  meanings['r'] = '\r';
  meanings['t'] = '\t';
  return meanings;
}();

char meaning_of(char escape) { return kMeanings[static_cast<unsigned char>(escape)]; }

char* write_utf8(char* to, unsigned code) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xc0 | code >> 6);
    *to++ = tail(0);
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xe0 | code >> 12);
    *to++ = tail(6);
    *to++ = tail(0);
  } else {
    *to++ = static_cast<char>(0xf0 | code >> 18);
    *to++ = tail(12);
    *to++ = tail(6);
    *to++ = tail(0);
  }
  return to;
}

// \u00XX is the canonical form of control characters without a short one, with small digits.
bool is_canonical_unit(std::string_view escape, int unit) {
  constexpr std::string_view kShort = "\b\t\n\f\r";
  if (unit >= 0x20 || kShort.find(static_cast<char>(unit)) != kShort.npos) return false;
  return escape[5] < 'A' || escape[5] > 'F';
}

}  // namespace

char* decode_string(std::string_view content, const JsonEscapes& escapes, std::size_t offset, char* to,
                    bool& is_canonical) {
  const char* const begin = content.data();
  const char* const end = begin + content.size();
  const char* from = begin;
  is_canonical = true;
  for (;;) {
    // Always a whole block, however much of it is right: what is copied too much is written over next.
    std::memcpy(to, from, JsonEscapes::kBlockBytes);
    const std::uint64_t backslashes = escapes.backslashes_from(offset + static_cast<std::size_t>(from - begin));
    const auto clean = std::min<std::ptrdiff_t>(std::countr_zero(backslashes), end - from);
    to += clean;
    from += clean;
    if (from == end) return to;
    if (backslashes == 0) continue;
    if (const char meaning = meaning_of(from[1]); meaning != 0) {
      if (meaning == '/') is_canonical = false;
      *to++ = meaning;
      from += 2;
      continue;
    }
    const std::string_view rest(from, static_cast<std::size_t>(end - from));
    int unit = escaped_code_unit(rest, 0);
    if (!is_canonical_unit(rest, unit)) is_canonical = false;
    from += 6;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      const int other = escaped_code_unit(rest, 6);
      if (unit >= 0xDC00 || other < 0xDC00 || other > 0xDFFF) return nullptr;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (other - 0xDC00);
      from += 6;
    }
    to = write_utf8(to, static_cast<unsigned>(unit));
  }
}

}  // namespace datagen::json
