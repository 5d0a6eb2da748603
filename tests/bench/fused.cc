// bench_fused: the job of clean_text in one process, one thread, one loop: the strongest simple competitor.
// Reads large chunks, parses each line where it lies (simdjson DOM, so every line is validated in full),
// strips, counts, escapes, writes large chunks. No crash isolation, no commits, no dead letters: a bad line
// ends it.
//
//     bench_fused [--no-ids] IN OUT
//
// The bytes are those of reference.py beside this file.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "line_loop.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace {

using bench::fail;

// Length of the white space, as Python's str.isspace sees it, at the start of `text`; 0 when there is none.
std::size_t space_length(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return (first >= 0x09 && first <= 0x0d) || (first >= 0x1c && first <= 0x20) ? 1 : 0;
  if (first == 0xc2) return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;
  if (first < 0xe1 || first > 0xe3) return 0;
  const std::uint32_t code = (first & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  const bool is_space = code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
                        code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
  return is_space ? 3 : 0;
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = space_length(text);
    if (length == 0) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while ((text[begin] & 0xc0) == 0x80) --begin;
    if (space_length(text.substr(begin)) == 0) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

// Blocks of 255 bytes let the compiler count in bytes of a vector.
std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  const char* at = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    const std::size_t block = left < 240 ? left : 240;
    std::uint8_t in_block = 0;
    for (std::size_t i = 0; i < block; ++i) in_block += static_cast<signed char>(at[i]) > -65 ? 1 : 0;
    count += in_block;
    at += block;
    left -= block;
  }
  return count;
}

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

char* write_escape(char* out, char c) {
  *out++ = '\\';
  switch (c) {
    case '"':
      *out++ = '"';
      break;
    case '\\':
      *out++ = '\\';
      break;
    case '\n':
      *out++ = 'n';
      break;
    case '\r':
      *out++ = 'r';
      break;
    case '\t':
      *out++ = 't';
      break;
    case '\b':
      *out++ = 'b';
      break;
    case '\f':
      *out++ = 'f';
      break;
    default:
      out += std::snprintf(out, 6, "u%04x", static_cast<unsigned char>(c));
  }
  return out;
}

// `out` has room for six bytes for each of `text`, and 16 more.
char* write_escaped(char* out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    const __m128i hits =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
    const int mask = _mm_movemask_epi8(hits);
    const int clean = mask == 0 ? 16 : __builtin_ctz(static_cast<unsigned>(mask));
    at += clean;
    out += clean;
    if (mask != 0) out = write_escape(out, *at++);
  }
#endif
  for (; at < end; ++at) {
    if (needs_escape(*at)) {
      out = write_escape(out, *at);
    } else {
      *out++ = *at;
    }
  }
  return out;
}

template <std::size_t kSize>
char* write_literal(char* out, const char (&literal)[kSize]) {
  std::memcpy(out, literal, kSize - 1);
  return out + kSize - 1;
}

class Cleaner {
 public:
  Cleaner(const char* output, bool with_ids) : output_(output), with_ids_(with_ids) {}

  // `line` is followed by SIMDJSON_PADDING readable bytes: the next lines, or the buffer's end.
  void take_line(const char* line, std::size_t size) {
    const std::uint64_t row = row_++;
    while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == ' ' || line[size - 1] == '\t')) --size;
    if (size == 0) return;
    simdjson::dom::object object;
    if (const auto error = parser_.parse(line, size, false).get(object)) {
      fail("line " + std::to_string(row + 1) + ": " + simdjson::error_message(error));
    }
    std::string_view text;
    bool found = false;
    for (const auto field : object) {  // the last of duplicate keys counts, as in Python
      if (field.key == "text") found = field.value.get(text) == simdjson::SUCCESS;
    }
    if (!found) fail("line " + std::to_string(row + 1) + ": no string named 'text'");
    const std::string_view stripped = strip(text);
    char* out = output_.reserve(stripped.size() * 6 + 96);
    out = write_literal(out, "{\"text\":\"");
    out = write_escaped(out, stripped);
    out = write_literal(out, "\",\"len\":");
    out = std::to_chars(out, out + 20, count_code_points(text)).ptr;
    if (with_ids_) {
      out = write_literal(out, ",\"_i\":");
      out = std::to_chars(out, out + 20, row).ptr;
    }
    out = write_literal(out, "}\n");
    output_.commit(out);
  }

  void finish() { output_.flush(); }

 private:
  simdjson::dom::parser parser_;
  bench::Output output_;
  std::uint64_t row_ = 0;
  bool with_ids_;
};

}  // namespace

int main(int argc, char** argv) {
  const bool with_ids = !(argc > 1 && std::strcmp(argv[1], "--no-ids") == 0);
  char** paths = argv + (with_ids ? 1 : 2);
  if (argv + argc != paths + 2) fail("usage: bench_fused [--no-ids] IN OUT");
  Cleaner cleaner(paths[1], with_ids);
  bench::for_each_line(paths[0], [&](const char* line, std::size_t size) { cleaner.take_line(line, size); });
  cleaner.finish();
}
