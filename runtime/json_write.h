// JSON text out of what operators built. The bytes are those of Python's json.dumps with
// ensure_ascii=False and separators (",", ":"): the same escapes, the same form of floats.
//
// A built record is a msgpack map. Values that come from JSON and were not changed are msgpack extensions of
// type kRawJson that hold their JSON text, so numbers and strings keep their bytes.
#pragma once

#include <cstdint>
#include <msgpack/object_fwd.hpp>
#include <string_view>

#include "byte_buffer.h"
#include "datagen/fields.h"
#include "record.h"

namespace datagen {

constexpr std::int8_t kRawJson = 1;

enum class Ids : std::uint8_t { add, off, keep };  // keep: an input's own "_i" stays

// Any valid JSON on one line: line ends between its tokens become blanks.
void append_on_one_line(ByteBuffer& out, std::string_view json);

// The text as a JSON string, with quotes.
void append_json_string(ByteBuffer& out, std::string_view text);
// How long that is, without quotes. Behind the text 16 bytes can be read.
std::size_t json_length(std::string_view text);

// As Python's repr(float): shortest digits that read back the same.
void append_json_number(ByteBuffer& out, double value);

// One msgpack value as JSON. The bytes were made by this process or checked by a frame's checksum.
void append_msgpack_as_json(ByteBuffer& out, std::string_view msgpack);

// The record as one JSON object without newline, with "_i" last as `ids` says. A json payload is valid.
void append_record(ByteBuffer& out, const RecordView& record, Ids ids);

// Whether a JSON object could have a member "_i": a quick look that never misses one.
bool may_have_id(std::string_view object);

// One value as msgpack. Throws std::invalid_argument for NaN and infinities, BadRecord for invalid UTF-8.
void append_field_value(ByteBuffer& out, const FieldValue& value);
// The same as JSON, byte for byte what append_msgpack_as_json makes of it.
void append_field_as_json(ByteBuffer& out, const FieldValue& value);
// A msgpack value that was read, written again: floats stay floats.
void append_msgpack_object(ByteBuffer& out, const msgpack::object& object);
// Throws std::invalid_argument for NaN and infinities.
void check_finite(double number);
// Both throw BadRecord for what is not valid UTF-8.
void check_key(std::string_view key);
void check_text(std::string_view text);
void append_text_head(ByteBuffer& out, std::size_t bytes);  // of a text, which is to follow
void append_msgpack_text(ByteBuffer& out, std::string_view text);
void append_raw_json(ByteBuffer& out, std::string_view json);
void append_map_header(ByteBuffer& out, std::size_t members);

}  // namespace datagen
