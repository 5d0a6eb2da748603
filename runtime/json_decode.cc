#include "json_decode.h"

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

constexpr std::size_t kBlockBytes = JsonEscapes::kBlockBytes;

// Copies what stands between two escapes, and gives its end. Most of it is short: a block is always copied,
// and what was too much of it is written over next.
char* copy_run(char* to, const char* from, std::size_t bytes) {
  std::memcpy(to, from, kBlockBytes);
  if (bytes > kBlockBytes) std::memcpy(to + kBlockBytes, from + kBlockBytes, bytes - kBlockBytes);
  return to + bytes;
}

// Of the block's escapes those that begin between the two offsets.
std::uint64_t starts_between(const JsonEscapes& escapes, std::size_t block, std::size_t begin,
                             std::size_t end) {
  std::uint64_t starts = escapes.starts(block);
  const std::size_t first = block * kBlockBytes;
  if (begin > first) starts &= ~std::uint64_t{0} << (begin - first);
  if (end - first < kBlockBytes) starts &= ~(~std::uint64_t{0} << (end - first));
  return starts;
}

}  // namespace

char* decode_string(std::string_view content, const JsonEscapes& escapes, std::size_t offset, char* to,
                    bool& is_canonical) {
  const char* const text = content.data() - offset;
  const std::size_t end = offset + content.size();
  std::size_t next = offset;  // behind the last escape
  is_canonical = true;
  for (std::size_t block = offset / kBlockBytes; block * kBlockBytes < end; ++block) {
    for (std::uint64_t starts = starts_between(escapes, block, offset, end); starts != 0;
         starts &= starts - 1) {
      const std::size_t at = block * kBlockBytes + static_cast<std::size_t>(std::countr_zero(starts));
      if (at < next) continue;  // the second half of a pair
      to = copy_run(to, text + next, at - next);
      if (const char meaning = meaning_of(text[at + 1]); meaning != 0) {
        if (meaning == '/') is_canonical = false;
        *to++ = meaning;
        next = at + 2;
        continue;
      }
      const std::string_view rest(text + at, end - at);
      int unit = escaped_code_unit(rest, 0);
      if (!is_canonical_unit(rest, unit)) is_canonical = false;
      next = at + 6;
      if (unit >= 0xD800 && unit <= 0xDFFF) {
        const int other = escaped_code_unit(rest, 6);
        if (unit >= 0xDC00 || other < 0xDC00 || other > 0xDFFF) return nullptr;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (other - 0xDC00);
        next = at + 12;
      }
      to = write_utf8(to, static_cast<unsigned>(unit));
    }
  }
  return copy_run(to, text + next, end - next);
}

}  // namespace datagen::json
