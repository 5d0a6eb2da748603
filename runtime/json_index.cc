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
  return is_usable_ = marks_.scan(text);
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
  if (!is_usable_) return false;
  const std::string_view object = json::trim(record);
  if (object.empty()) return false;
  const auto begin = static_cast<std::uint32_t>(object.data() - text_.data());
  if (!walk(begin, begin + static_cast<std::uint32_t>(object.size()))) return false;
  is_plain_ = is_plain_ && !marks_.has_return() && object.size() == record.size() &&
              !marks_.has_line_end(begin, begin + object.size());
  return true;
}

namespace {

// The tokens of a record, one by one.
class Tokens {
 public:
  Tokens(const char* text, const std::uint32_t* first, std::uint32_t end)
      : text_(text), token_(first), end_(end) {}

  // Steps on to the next; 0 behind the record. Behind the text's last token stands its length, twice.
  char next() {
    const std::uint32_t at = *++token_;
    return at < end_ ? text_[at] : '\0';
  }
  const char* at() const { return text_ + *token_; }
  const std::uint32_t* position() const { return token_; }
  // Behind the value before the token in hand, from which only white space separates it.
  const char* end_of_value() const {
    const char* behind = at();
    while (static_cast<unsigned char>(behind[-1]) <= ' ') --behind;
    return behind;
  }
  // The token in hand, `c`, is a whole number or word.
  bool is_scalar(char c) const { return c != '\0' && datagen::is_scalar({at(), left()}); }

 private:
  std::size_t left() const { return end_ - *token_; }

  const char* text_;
  const std::uint32_t* token_;
  std::uint32_t end_;
};

// The array or object that begins with the brace in hand, by the grammar of RFC 8259; its last brace is in
// hand afterwards.
bool skip_container(Tokens& tokens, char c) {
  std::uint64_t objects =
      0;  // a bit for each level that is open, the innermost lowest: an object, not an array
  int levels = 0;

open:
  if (++levels == kLevelsMax) return false;
  objects = objects << 1 | (c == '{' ? 1 : 0);
  c = tokens.next();
  if (c == (objects & 1 ? '}' : ']')) goto close;

member:
  if (objects & 1) {
    if (c != '"' || tokens.next() != ':') return false;
    c = tokens.next();
  }
  if (c == '{' || c == '[') goto open;
  if (c != '"' && !tokens.is_scalar(c)) return false;

behind_value:
  c = tokens.next();
  if (c == ',') {
    c = tokens.next();
    goto member;
  }
  if (c != (objects & 1 ? '}' : ']')) return false;

close:
  objects >>= 1;
  if (--levels > 0) goto behind_value;
  return true;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

// `begin` is to be the object's first brace, and `end` lies behind the other.
bool JsonIndex::walk(std::uint32_t begin, std::uint32_t end) {
  const std::uint32_t* const first = find_token(begin);
  if (first == nullptr || text_[begin] != '{') return false;
  Tokens tokens(text_.data(), first, end);
  std::size_t count = 0;
  bool is_plain = true;
  char c = tokens.next();
  while (c != '}' || count > 0) {
    if (c != '"') return false;
    const char* const key_begin = tokens.at() + 1;
    if (tokens.next() != ':') return false;
    const std::string_view key = between(key_begin, tokens.end_of_value() - 1);
    if (!is_free_of_escapes(key)) return false;  // not worth the trouble
    if (key.size() == 2 && key[0] == '_' && key[1] == 'i') is_plain = false;
    c = tokens.next();
    const char* const value_begin = tokens.at();
    if (c == '{' || c == '[') {
      if (!skip_container(tokens, c)) return false;
    } else if (c != '"' && !tokens.is_scalar(c)) {
      return false;
    }
    c = tokens.next();
    if (count == fields_.size()) fields_.resize(2 * count + 16);
    fields_[count++] = {key, between(value_begin, tokens.end_of_value())};
    if (c == '}') break;
    if (c != ',') return false;
    c = tokens.next();
  }
  field_count_ = count;
  is_plain_ = is_plain;
  next_ = tokens.position() + 1;
  return tokens.at() + 1 == text_.data() + end;
}

}  // namespace datagen
