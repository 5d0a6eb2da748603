#include "json_index.h"

#include <algorithm>
#include <cstring>

#include "json_scan.h"

namespace datagen {

namespace {

// Records that are nested deeper are left to simdjson, whose limit is 1,024.
constexpr int kLevelsMax = 64;
// Bytes of records that are scanned at once: enough that what a scan costs does not matter, few enough that
// they are still in the nearest cache when they are walked over, and that one bad line does not spoil many.
constexpr std::size_t kScanBytes = 16 * 1024;
constexpr std::size_t kScanBytesMax = std::size_t{1} << 30;

// What may follow a number or a word.
bool ends_scalar(char c) {
  return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// A number or a word at the start of `text`, which goes on with whatever follows.
bool is_scalar(std::string_view text) {
  std::size_t length = 0;
  switch (text[0]) {
    case 't':
      length = text.starts_with("true") ? 4 : 0;
      break;
    case 'f':
      length = text.starts_with("false") ? 5 : 0;
      break;
    case 'n':
      length = text.starts_with("null") ? 4 : 0;
      break;
    default:
      length = json::number_end(text, 0);
  }
  return length > 0 && length < text.size() && ends_scalar(text[length]);
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
  has_return_ = std::memchr(text.data(), '\r', text.size()) != nullptr;
  return is_usable_ = true;
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
    if (fields_[index].key == key) return &fields_[index];
  }
  return nullptr;
}

// Scans the record and many behind it, up to the end of a line: were that within a string, the first stage
// would say so.
void JsonIndex::find_tokens(std::string_view record) {
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
  if (scan({record.data(), static_cast<std::size_t>(until - record.data())})) return;
  spoiled_end_ = until;
  scan(record);
}

bool JsonIndex::check(std::string_view record) {
  if (!covers(record)) find_tokens(record);
  if (!is_usable_) return false;
  const std::string_view object = json::trim(record);
  if (object.empty()) return false;
  const auto begin = static_cast<std::uint32_t>(object.data() - text_.data());
  if (!walk(begin, begin + static_cast<std::uint32_t>(object.size()))) return false;
  is_plain_ = is_plain_ && !has_return_ && object.size() == record.size();
  return true;
}

// The grammar of RFC 8259 over tokens: `begin` is to be an object's brace, and `end` lies behind the other.
bool JsonIndex::walk(std::uint32_t begin, std::uint32_t end) {
  const std::uint32_t* token = find_token(begin);
  if (token == nullptr || text_[begin] != '{') return false;
  const char* const text = text_.data();
  json::Escapes escapes;
  if (!json::find_escapes({text + begin, end - begin}, escapes)) return false;
  std::uint32_t at = begin;  // of the token in hand
  const auto advance = [&] {
    at = *++token;  // behind the last one stands the text's length, twice
    return at < end ? text[at] : '\0';
  };
  // Of the value before the token in hand, from which only white space separates it.
  const auto end_of_value = [&] {
    std::uint32_t behind = at;
    while (json::is_space(text[behind - 1])) --behind;
    return behind;
  };

  field_count_ = 0;
  bool is_plain = true;
  std::uint64_t objects =
      1;  // a bit for each level that is open, the innermost lowest: an object, not an array
  int levels = 1;
  std::string_view key;  // of the field in hand
  std::uint32_t value_begin = 0;
  char c = advance();
  if (c == '}') goto close;

key:
  if (c != '"') return false;
  if (levels == 1) {
    const std::uint32_t key_begin = at + 1;
    if (advance() != ':') return false;
    const std::uint32_t key_end = end_of_value() - 1;
    key = {text + key_begin, key_end - key_begin};
    if (escapes.may_be_in(key) && key.find('\\') != key.npos) return false;  // not worth the trouble
    if (key.size() == 2 && key[0] == '_' && key[1] == 'i') is_plain = false;
    c = advance();
    value_begin = at;
  } else {
    if (advance() != ':') return false;
    c = advance();
  }

value:
  switch (c) {
    case '"':
      break;
    case '{':
    case '[':
      if (levels == kLevelsMax) return false;
      ++levels;
      objects = objects << 1 | (c == '{' ? 1 : 0);
      c = advance();
      if (c == (objects & 1 ? '}' : ']')) goto close;
      if (objects & 1) goto key;
      goto value;
    default:
      if (at >= end || !is_scalar({text + at, end - at})) return false;
  }

behind_value:
  c = advance();
  if (levels == 1) add_field(key, {text + value_begin, end_of_value() - value_begin});
  if (c == ',') {
    c = advance();
    if (objects & 1) goto key;
    goto value;
  }
  if (c != (objects & 1 ? '}' : ']')) return false;

close:
  objects >>= 1;
  if (--levels > 0) goto behind_value;
  next_ = token + 1;
  is_plain_ = is_plain;
  return at + 1 == end;
}

}  // namespace datagen
