#include "json_index.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "json_scan.h"
#include "key_text.h"

namespace datagen {

namespace {

// Records that are nested deeper are left to simdjson, whose limit is 1,024.
constexpr int kLevelsMax = 64;
// Bytes of records that are scanned at once: enough that what a scan costs does not matter, few enough that
// they are still in the nearest cache when they are walked over, and that one bad line does not spoil many.
constexpr std::size_t kScanBytes = 16 * 1024;
constexpr std::size_t kScanBytesMax = std::size_t{1} << 30;

// What may follow a number or a word.
constexpr auto kEndsScalar = [] {
  std::array<bool, 256> ends{};
  for (const char c : {',', '}', ']', ' ', '\t', '\n', '\r'}) ends[static_cast<unsigned char>(c)] = true;
  return ends;
}();

// A whole number or word at `at`. Another token stands behind it in the text.
bool is_scalar(const char* at) {
  const auto has_word = [&](std::string_view word) {
    return std::memcmp(at, word.data(), word.size()) == 0 ? word.size() : 0;
  };
  std::size_t length = 0;
  switch (*at) {
    case 't':
      length = has_word("true");
      break;
    case 'f':
      length = has_word("false");
      break;
    case 'n':
      length = has_word("null");
      break;
    default:
      length = json::number_length([&](std::size_t index) { return at[index]; });
  }
  return length > 0 && kEndsScalar[static_cast<unsigned char>(at[length])];
}

}  // namespace

bool JsonIndex::scan(std::string_view text) {
  text_ = text;
  is_usable_ = false;
  if (text.empty() || text.size() > kScanBytesMax) return false;
  if (parser_.capacity() < text.size() &&
      parser_.allocate(text.size() + text.size() / 4) != simdjson::SUCCESS)
    return false;
  auto& stage = *parser_.implementation;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  if (stage.stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS) return false;
  next_ = stage.structural_indexes.get();
  last_ = next_ + stage.n_structural_indexes;
  return is_usable_ = escapes_.scan(text);
}

// The token at `at`; null when there is none. Records are asked for in order most of the time.
const std::uint32_t* JsonIndex::find_token(std::uint32_t at) const {
  if (next_ != last_ && *next_ == at) return next_;
  const auto* first = parser_.implementation->structural_indexes.get();
  const auto* found = std::lower_bound(first, last_, at);
  return found != last_ && *found == at ? found : nullptr;
}

const JsonIndex::Field* JsonIndex::find(std::string_view key) const {
  for (std::size_t index = field_count_; index-- > 0;) {
    if (is_same_key(fields_[index].key, key)) return &fields_[index];
  }
  return nullptr;
}

// Scans the record and many behind it, up to the end of a line: were that within a string, the first stage
// would say so.
void JsonIndex::find_tokens(std::string_view record) {
  is_window_ = false;
  const char* const end = around_.data() + around_.size();
  const char* const behind = record.data() + record.size();
  if (record.data() < around_.data() || behind > end || record.data() < spoiled_end_) {
    scan(record);
    return;
  }
  const char* until = end;
  if (static_cast<std::size_t>(end - behind) > kScanBytes) {
    const auto left = static_cast<std::size_t>(end - behind) - kScanBytes;
    const void* const newline = std::memchr(behind + kScanBytes, '\n', left);
    if (newline != nullptr) until = static_cast<const char*>(newline);
  }
  is_window_ = scan({record.data(), static_cast<std::size_t>(until - record.data())});
  if (is_window_) return;
  spoiled_end_ = until;
  scan(record);
}

bool JsonIndex::check(std::string_view record) {
  if (!covers(record)) find_tokens(record);
  record_ = record;
  return is_usable_ && walk(json::trim(record));
}

bool JsonIndex::is_plain(bool is_one_line) const {
  return record_.front() == '{' && record_.back() == '}' && (is_one_line || !json::has_line_end(record_)) &&
         find("_i") == nullptr;
}

namespace {

// The walk goes over tokens by their places in `text`. In front of `last` there are the text's own; it and
// the one behind it may be read as well (simdjson puts the text's length there), and so may a byte behind the
// text.

// Behind the value in front of this token, from which only white space separates it.
const char* end_of_value(const char* token) {
  while (static_cast<unsigned char>(token[-1]) <= ' ') --token;
  return token;
}

// The token behind the array or object that begins with this one, by the grammar of RFC 8259; null: it is not
// right, or has too many levels.
const std::uint32_t* skip_container(const char* text, const std::uint32_t* token, const std::uint32_t* last) {
  std::uint64_t objects = 0;  // a bit for each level that is open, the innermost lowest: not an array
  int levels = 0;
  char c = text[*token];

open:
  if (++levels == kLevelsMax) return nullptr;
  objects = objects << 1 | (c == '{' ? 1 : 0);
  c = text[*++token];
  if (c == (objects & 1 ? '}' : ']')) goto close;

member:
  if (last - token < (objects & 1 ? 4 : 2)) return nullptr;  // what it takes, with the token behind it
  if (objects & 1) {
    if (c != '"' || text[token[1]] != ':') return nullptr;
    token += 2;
    c = text[*token];
  }
  if (c == '{' || c == '[') goto open;
  if (c != '"' && !is_scalar(text + *token)) return nullptr;

behind_value:
  c = text[*++token];
  if (c == ',') {
    c = text[*++token];
    goto member;
  }
  if (c != (objects & 1 ? '}' : ']')) return nullptr;

close:
  if (token >= last) return nullptr;
  objects >>= 1;
  if (--levels > 0) goto behind_value;
  return token + 1;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

// That it does not look where the object is to end, but whether it has ended there, is enough: tokens only
// go forward.
bool JsonIndex::walk(std::string_view object) {
  if (object.empty() || object[0] != '{') return false;
  const char* const text = text_.data();
  const std::uint32_t* token = find_token(static_cast<std::uint32_t>(offset(object.data())));
  if (token == nullptr) return false;
  const std::uint32_t* const last = last_;
  Field* field = fields_.data();
  const Field* room_end = field + fields_.size();
  ++token;
  if (text[*token] != '}') {
    for (;; ++token) {
      if (last - token < 4) return false;  // a key, a colon, a value and the token behind it
      const std::uint32_t key_begin = token[0] + 1;
      const std::uint32_t colon = token[1];
      const char* const value = text + token[2];
      if (text[token[0]] != '"' || text[colon] != ':') return false;
      const auto key_end = static_cast<std::uint32_t>(end_of_value(text + colon) - text - 1);
      if (escapes_.any_of_few(key_begin, key_end + 1)) return false;  // not worth the trouble
      if (*value == '"') {
        token += 3;
      } else if (*value == '{' || *value == '[') {
        token = skip_container(text, token + 2, last);
        if (token == nullptr) return false;
      } else {
        if (!is_scalar(value)) return false;
        token += 3;
      }
      const char* const behind = text + *token;
      if (field == room_end) {
        const auto count = static_cast<std::size_t>(field - fields_.data());
        fields_.resize(2 * count + 16);
        field = fields_.data() + count;
        room_end = fields_.data() + fields_.size();
      }
      *field++ = {between(text + key_begin, text + key_end), between(value, end_of_value(behind))};
      if (*behind == '}') break;
      if (*behind != ',') return false;
    }
  }
  field_count_ = static_cast<std::size_t>(field - fields_.data());
  next_ = token + 1;
  return text + *token + 1 == object.data() + object.size();
}

}  // namespace datagen
