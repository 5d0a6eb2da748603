#include "json_write.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <msgpack.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "datagen/errors.h"
#include "json_document.h"
#include "json_scan.h"
#include "msgpack_head.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace datagen {

namespace {

#if defined(__SSE2__)
// Copies 16 bytes and tells, one bit each, which of them need an escape.
unsigned copy_16_and_find_escapes(char* to, const char* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))));
}
#endif

// Copies up to the first byte that needs an escape, or all; both pointers advance by the same count.
void copy_clean_run(char*& to, const char*& from, const char* end) {
#if defined(__SSE2__)
  while (end - from >= 16) {
    const unsigned escapes = copy_16_and_find_escapes(to, from);
    const int clean = escapes == 0 ? 16 : __builtin_ctz(escapes);
    to += clean;
    from += clean;
    if (escapes != 0) return;
  }
  // Behind `to` there is room for a whole vector, behind `from` there may be nothing.
  char last[16] = {};
  const auto left = static_cast<std::size_t>(end - from);
  std::memcpy(last, from, left);
  const unsigned escapes = copy_16_and_find_escapes(to, last) & ((1u << left) - 1);
  const std::size_t clean = escapes == 0 ? left : static_cast<std::size_t>(__builtin_ctz(escapes));
  to += clean;
  from += clean;
#else
  const auto needs_escape = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  };
  while (from < end && !needs_escape(*from)) *to++ = *from++;
#endif
}

// What stands behind the backslash; 0: u00 and two digits.
constexpr auto kEscapes = [] {
  std::array<char, 256> escapes{};
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  return escapes;
}();

char* write_escape(char* to, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  *to++ = '\\';
  const char escape = kEscapes[static_cast<unsigned char>(c)];
  if (escape != 0) {
    *to = escape;
    return to + 1;
  }
  std::memcpy(to, "u00", 3);
  to[3] = kHex[(c >> 4) & 15];
  to[4] = kHex[c & 15];
  return to + 5;
}

}  // namespace

void append_json_string(ByteBuffer& out, std::string_view text) {
  constexpr std::size_t kSlack = 32;  // a whole vector, an escape and the quotes
  const char* from = text.data();
  const char* const end = from + text.size();
  const auto left = [&] { return static_cast<std::size_t>(end - from); };
  std::size_t room = text.size() + text.size() / 8 + kSlack;  // for some escapes
  char* to = out.reserve(room);
  char* limit = to + room;
  *to++ = '"';
  for (;;) {
    copy_clean_run(to, from, end);
    if (from == end) break;
    to = write_escape(to, *from++);
    if (static_cast<std::size_t>(limit - to) >= left() + kSlack) continue;
    out.commit(static_cast<std::size_t>(to - (out.data() + out.size())));
    room = left() + left() / 8 + kSlack;
    to = out.reserve(room);
    limit = to + room;
  }
  *to++ = '"';
  out.commit(static_cast<std::size_t>(to - (out.data() + out.size())));
}

void append_on_one_line(ByteBuffer& out, std::string_view json) {
  const std::size_t begin = out.size();
  out.append(json);
  // Within a string they are escaped, so any that stands there is white space.
  for (const char line_end : {'\n', '\r'}) {
    char* const end = out.data() + out.size();
    for (char* at = out.data() + begin;
         (at = static_cast<char*>(std::memchr(at, line_end, static_cast<std::size_t>(end - at)))) != nullptr;)
      *at++ = ' ';
  }
}

void append_json_number(ByteBuffer& out, double value) {
  // Shortest digits as d.ddde±xx, then laid out as repr() does: positional for exponents from -4 to 15.
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, std::fabs(value), std::chars_format::scientific).ptr;
  std::string_view text(digits, static_cast<std::size_t>(end - digits));
  const std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  std::string mantissa(text.substr(0, 1));
  if (e > 2) mantissa += text.substr(2, e - 2);
  if (std::signbit(value)) out.push_back('-');
  const int count = static_cast<int>(mantissa.size());
  if (exponent < -4 || exponent >= 16) {
    out.push_back(mantissa[0]);
    if (count > 1) out.append("." + mantissa.substr(1));
    const int magnitude = std::abs(exponent);
    out.append(exponent < 0 ? "e-" : "e+");
    out.append((magnitude < 10 ? "0" : "") + std::to_string(magnitude));
  } else if (exponent < 0) {
    out.append("0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + mantissa);
  } else if (count <= exponent + 1) {
    out.append(mantissa + std::string(static_cast<std::size_t>(exponent + 1 - count), '0') + ".0");
  } else {
    out.append(mantissa.substr(0, static_cast<std::size_t>(exponent) + 1) + "." +
               mantissa.substr(static_cast<std::size_t>(exponent) + 1));
  }
}

namespace {

template <class Integer>
void append_integer(ByteBuffer& out, Integer value) {
  char* to = out.reserve(24);
  out.commit(static_cast<std::size_t>(std::to_chars(to, to + 24, value).ptr - to));
}

constexpr int kLevelsMax = 1000;

// Walks over msgpack and writes JSON. It was made here or checked by its frame's checksum, so what it holds
// is right; that it ends within its bytes is checked all the same.
class JsonWriter {
 public:
  JsonWriter(ByteBuffer& out, std::string_view bytes) : out_(out), rest_(bytes) {}

  // `skip_key`: a member of the outermost map that is left out; null data: none.
  void write(std::string_view skip_key) {
    value(kLevelsMax, skip_key);
    if (!rest_.empty()) throw std::logic_error("bytes stand behind a built record");
  }

 private:
  MsgpackHead take_head() {
    const MsgpackHead head = read_msgpack_head(rest_);
    rest_.remove_prefix(head.bytes);
    return head;
  }
  std::string_view take_body(const MsgpackHead& head) {
    const std::string_view body = rest_.substr(0, head.value);
    rest_.remove_prefix(body.size());
    return body;
  }

  void value(int levels_left, std::string_view skip_key) {
    const MsgpackHead head = take_head();
    switch (head.kind) {
      case MsgpackHead::Kind::nil:
        return out_.append("null");
      case MsgpackHead::Kind::boolean:
        return out_.append(head.value != 0 ? "true" : "false");
      case MsgpackHead::Kind::positive:
        return append_integer(out_, head.value);
      case MsgpackHead::Kind::negative:
        return append_integer(out_, static_cast<std::int64_t>(head.value));
      case MsgpackHead::Kind::float32:
        return append_json_number(out_, std::bit_cast<float>(static_cast<std::uint32_t>(head.value)));
      case MsgpackHead::Kind::float64:
        return append_json_number(out_, std::bit_cast<double>(head.value));
      case MsgpackHead::Kind::text:
        return append_json_string(out_, take_body(head));
      case MsgpackHead::Kind::extension:  // kRawJson
        return append_on_one_line(out_, take_body(head));
      case MsgpackHead::Kind::array:
        return array(head.value, deeper(levels_left));
      case MsgpackHead::Kind::map:
        return map(head.value, deeper(levels_left), skip_key);
      case MsgpackHead::Kind::binary:
        break;
    }
    throw std::logic_error("a built record holds bytes without a JSON form");
  }

  static int deeper(int levels_left) {
    if (levels_left == 0) throw std::logic_error("a built record is nested too deep");
    return levels_left - 1;
  }

  void array(std::uint64_t elements, int levels_left) {
    out_.push_back('[');
    for (std::uint64_t index = 0; index < elements; ++index) {
      if (index > 0) out_.push_back(',');
      value(levels_left, {});
    }
    out_.push_back(']');
  }

  void map(std::uint64_t members, int levels_left, std::string_view skip_key) {
    out_.push_back('{');
    bool is_first = true;
    for (std::uint64_t index = 0; index < members; ++index) {
      const MsgpackHead head = take_head();
      if (head.kind != MsgpackHead::Kind::text)
        throw std::logic_error("a built record has a key that is no text");
      const std::string_view key = take_body(head);
      if (skip_key.data() != nullptr && key == skip_key) {
        rest_.remove_prefix(msgpack_length(rest_));
        continue;
      }
      if (!std::exchange(is_first, false)) out_.push_back(',');
      append_json_string(out_, key);
      out_.push_back(':');
      value(levels_left, {});
    }
    out_.push_back('}');
  }

  ByteBuffer& out_;
  std::string_view rest_;
};

// Whether a key's JSON string says "_i", escapes decoded.
bool is_id_key(std::string_view key) {
  if (json::is_plain_string(key)) return key == "\"_i\"";
  simdjson::dom::parser parser;
  const std::string copy(key);
  std::string_view text;
  return parser.parse(copy).get(text) == simdjson::SUCCESS && text == "_i";
}

void append_without_id(ByteBuffer& out, std::string_view object) {
  out.push_back('{');
  bool first = true;
  json::for_each_child(object, [&](std::string_view key, std::string_view value) {
    if (is_id_key(key)) return true;
    if (!first) out.push_back(',');
    first = false;
    out.append(key);
    out.push_back(':');
    append_on_one_line(out, value);
    return true;
  });
  out.push_back('}');
}

bool has_id(std::string_view object) {
  bool found = false;
  json::for_each_child(object,
                       [&](std::string_view key, std::string_view) { return !(found = is_id_key(key)); });
  return found;
}

// `,"_i":10}` in place of the object's last brace.
void append_id(ByteBuffer& out, std::size_t object_begin, const RecordView& record) {
  std::size_t end = out.size() - 1;  // at the brace
  while (out.data()[end - 1] == ' ' || out.data()[end - 1] == '\t') --end;
  out.resize_down(end);
  if (end > object_begin + 1) out.push_back(',');
  out.append("\"_i\":");
  if (record.path.empty()) {
    append_integer(out, record.origin.row);
  } else {
    out.push_back('"');
    out.append(lineage_id(record.origin.row, record.path));
    out.push_back('"');
  }
  out.push_back('}');
}

}  // namespace

// "_i" as it is, or an escape that could stand for one of its letters.
bool may_have_id(std::string_view object) {
  return memmem(object.data(), object.size(), "_i\"", 3) != nullptr ||
         memmem(object.data(), object.size(), "\\u00", 4) != nullptr;
}

void append_msgpack_as_json(ByteBuffer& out, std::string_view msgpack) { JsonWriter(out, msgpack).write({}); }

void append_record(ByteBuffer& out, const RecordView& record, Ids ids) {
  const std::size_t begin = out.size();
  if (record.tag == Tag::msgpack) {
    JsonWriter(out, record.payload).write(ids == Ids::keep ? std::string_view() : std::string_view("_i"));
    if (ids == Ids::keep && has_id(out.view().substr(begin))) return;
  } else if (record.flags & kPlain) {
    out.append(record.payload);
  } else {
    const bool has_own = may_have_id(record.payload) && has_id(record.payload);
    if (has_own && ids != Ids::keep) {
      append_without_id(out, record.payload);
    } else {
      append_on_one_line(out, json::trim(record.payload));
      if (has_own) return;
    }
  }
  if (ids != Ids::off) append_id(out, begin, record);
}

namespace {

// msgpack-c's own packer writes a whole double as an integer, and 2.0 would come out as 2.
void append_float64(ByteBuffer& out, double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  char bytes[9] = {static_cast<char>(0xcb)};
  for (int index = 0; index < 8; ++index) bytes[1 + index] = static_cast<char>(bits >> (56 - 8 * index));
  out.append({bytes, sizeof bytes});
}

}  // namespace

void append_msgpack_object(ByteBuffer& out, const msgpack::object& object) {
  msgpack::packer<ByteBuffer> packer(out);
  switch (object.type) {
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return append_float64(out, object.via.f64);
    case msgpack::type::ARRAY:
      packer.pack_array(object.via.array.size);
      for (std::uint32_t index = 0; index < object.via.array.size; ++index)
        append_msgpack_object(out, object.via.array.ptr[index]);
      return;
    case msgpack::type::MAP:
      packer.pack_map(object.via.map.size);
      for (std::uint32_t index = 0; index < object.via.map.size; ++index) {
        append_msgpack_object(out, object.via.map.ptr[index].key);
        append_msgpack_object(out, object.via.map.ptr[index].val);
      }
      return;
    default:
      packer.pack(object);
  }
}

void check_text(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size()))
    throw BadRecord("invalid_utf8", "a text to be written is not valid UTF-8");
}

void check_finite(double number) {
  if (!std::isfinite(number)) throw std::invalid_argument("NaN and infinities have no JSON form");
}

void check_key(std::string_view key) {
  const bool is_ascii = std::ranges::all_of(key, [](char c) { return static_cast<signed char>(c) >= 0; });
  if (!is_ascii && !simdjson::validate_utf8(key.data(), key.size()))
    throw BadRecord("invalid_utf8", "a key to be written is not valid UTF-8");
}

void append_text_head(ByteBuffer& out, std::size_t bytes) {
  msgpack::packer<ByteBuffer>(out).pack_str(static_cast<std::uint32_t>(bytes));
}

void append_msgpack_text(ByteBuffer& out, std::string_view text) {
  append_text_head(out, text.size());
  out.append(text);
}

void append_raw_json(ByteBuffer& out, std::string_view json) {
  msgpack::packer<ByteBuffer> packer(out);
  packer.pack_ext(json.size(), kRawJson);
  packer.pack_ext_body(json.data(), static_cast<std::uint32_t>(json.size()));
}

void append_map_header(ByteBuffer& out, std::size_t members) {
  msgpack::packer<ByteBuffer>(out).pack_map(static_cast<std::uint32_t>(members));
}

void append_field_as_json(ByteBuffer& out, const FieldValue& value) {
  switch (value.kind()) {
    case FieldValue::Kind::null:
      return out.append("null");
    case FieldValue::Kind::boolean:
      return out.append(value.boolean() ? "true" : "false");
    case FieldValue::Kind::signed_integer:
      return append_integer(out, value.signed_integer());
    case FieldValue::Kind::unsigned_integer:
      return append_integer(out, value.unsigned_integer());
    case FieldValue::Kind::number:
      check_finite(value.number());
      return append_json_number(out, value.number());
    case FieldValue::Kind::text:
      check_text(value.text());
      return append_json_string(out, value.text());
    case FieldValue::Kind::json:
      return append_on_one_line(out, value.text());
    case FieldValue::Kind::msgpack:
      return append_msgpack_as_json(out, value.text());
  }
}

void append_field_value(ByteBuffer& out, const FieldValue& value) {
  msgpack::packer<ByteBuffer> packer(out);
  switch (value.kind()) {
    case FieldValue::Kind::null:
      packer.pack_nil();
      return;
    case FieldValue::Kind::boolean:
      value.boolean() ? packer.pack_true() : packer.pack_false();
      return;
    case FieldValue::Kind::signed_integer:
      packer.pack_int64(value.signed_integer());
      return;
    case FieldValue::Kind::unsigned_integer:
      packer.pack_uint64(value.unsigned_integer());
      return;
    case FieldValue::Kind::number:
      check_finite(value.number());
      append_float64(out, value.number());
      return;
    case FieldValue::Kind::text:
      check_text(value.text());
      append_msgpack_text(out, value.text());
      return;
    case FieldValue::Kind::json:
      append_raw_json(out, value.text());
      return;
    case FieldValue::Kind::msgpack:
      out.append(value.text());
      return;
  }
}

}  // namespace datagen
