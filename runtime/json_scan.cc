#include "json_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace datagen::json {

namespace {

// Behind the string whose opening quote is at `position`.
std::size_t skip_string(std::string_view text, std::size_t position) {
  ++position;
  for (;;) {
    position = text.find_first_of("\"\\", position);
    if (text[position] == '"') return position + 1;
    position += 2;
  }
}

// The digit that a byte stands for, or kNoDigit.
constexpr unsigned kNoDigit = 1u << 16;
constexpr auto kHexDigits = [] {
  std::array<unsigned, 256> digits{};
  digits.fill(kNoDigit);
  for (unsigned digit = 0; digit < 10; ++digit) digits['0' + digit] = digit;
  for (unsigned digit = 10; digit < 16; ++digit) digits['a' + digit - 10] = digits['A' + digit - 10] = digit;
  return digits;
}();

}  // namespace

std::size_t skip_space(std::string_view text, std::size_t position) {
  while (position < text.size() && is_space(text[position])) ++position;
  return position;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t skip_value(std::string_view text, std::size_t position) {
  if (text[position] == '"') return skip_string(text, position);
  if (text[position] != '{' && text[position] != '[') {
    const std::size_t end = text.find_first_of(",]} \t\r\n", position);
    return end == std::string_view::npos ? text.size() : end;
  }
  std::size_t depth = 0;
  for (;;) {
    position = text.find_first_of("\"{}[]", position);
    switch (text[position]) {
      case '"':
        position = skip_string(text, position);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      default:
        if (--depth == 0) return position + 1;
    }
    ++position;
  }
}

std::size_t number_end(std::string_view text, std::size_t position) {
  const auto digits = [&](std::size_t from) {
    while (from < text.size() && text[from] >= '0' && text[from] <= '9') ++from;
    return from;
  };
  std::size_t at = position;
  if (text[at] == '-') ++at;
  std::size_t end = digits(at);
  if (end == at || (text[at] == '0' && end > at + 1)) return position;
  if (end < text.size() && text[end] == '.') {
    const std::size_t fraction = digits(end + 1);
    if (fraction == end + 1) return position;
    end = fraction;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    at = end + 1;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    end = digits(at);
    if (end == at) return position;
  }
  return end;
}

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

#if defined(__SSE2__)
__m128i load_16(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
void store_16(char* to, __m128i bytes) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes); }

// One bit for each of 32 bytes: it is a backslash.
unsigned backslashes_32(__m128i first, __m128i second) {
  const auto found = [](__m128i bytes) {
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  };
  return found(first) | found(second) << 16;
}
#endif

// Copies up to a backslash or the end; both pointers advance by the same count.
void copy_to_backslash(char*& to, const char*& from, const char* end) {
#if defined(__SSE2__)
  while (from < end) {
    const __m128i first = load_16(from);
    const __m128i second = load_16(from + 16);
    store_16(to, first);
    store_16(to + 16, second);
    const unsigned found = backslashes_32(first, second);
    const std::ptrdiff_t clean = std::min<std::ptrdiff_t>(found == 0 ? 32 : __builtin_ctz(found), end - from);
    to += clean;
    from += clean;
    if (found != 0) return;
  }
#else
  while (from < end && *from != '\\') *to++ = *from++;
#endif
}

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

char* decode_string(std::string_view content, char* to, bool& is_canonical) {
  const char* from = content.data();
  const char* const end = from + content.size();
  is_canonical = true;
  for (;;) {
    copy_to_backslash(to, from, end);
    if (from == end) return to;
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

int escaped_code_unit(std::string_view text, std::size_t position) {
  if (position + 6 > text.size() || text[position] != '\\' || text[position + 1] != 'u') return -1;
  const auto digit = [&](std::size_t at) {
    return kHexDigits[static_cast<unsigned char>(text[position + at])];
  };
  const unsigned a = digit(2), b = digit(3), c = digit(4), d = digit(5);
  if ((a | b | c | d) >= kNoDigit) return -1;
  return static_cast<int>(a << 12 | b << 8 | c << 4 | d);
}

bool has_lone_surrogate(std::string_view text) {
  for (std::size_t position = text.find('\\'); position != std::string_view::npos;
       position = text.find('\\', position)) {
    const int unit = escaped_code_unit(text, position);
    if (unit < 0xD800 || unit > 0xDFFF) {
      position += 2;
      continue;
    }
    const int next = escaped_code_unit(text, position + 6);
    if (unit >= 0xDC00 || next < 0xDC00 || next > 0xDFFF) return true;
    position += 12;
  }
  return false;
}

}  // namespace datagen::json
