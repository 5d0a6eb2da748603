#include "dead_letter.h"

#include <simdjson.h>

#include <boost/beast/core/detail/base64.hpp>

#include "byte_buffer.h"
#include "json_document.h"
#include "json_scan.h"
#include "json_write.h"

namespace datagen {

namespace {

// What an exception says may hold any bytes.
std::string as_utf8(std::string_view text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length < 4 && at + length < text.size() &&
           (static_cast<unsigned char>(text[at + length]) & 0xc0) == 0x80)
      ++length;
    if (simdjson::validate_utf8(text.data() + at, length)) {
      made.append(text.substr(at, length));
      at += length;
    } else {
      made.append("\ufffd");
      ++at;
    }
  }
  return made;
}

void append_member(ByteBuffer& out, std::string_view key, std::string_view text) {
  out.append(",");
  append_json_string(out, key);
  out.push_back(':');
  if (simdjson::validate_utf8(text.data(), text.size())) {
    append_json_string(out, text);
  } else {
    append_json_string(out, as_utf8(text));
  }
}

std::string base64(std::string_view bytes) {
  namespace codec = boost::beast::detail::base64;
  std::string text(codec::encoded_size(bytes.size()), '\0');
  text.resize(codec::encode(text.data(), bytes.data(), bytes.size()));
  return text;
}

bool is_json_object(const RecordView& record) {
  if (record.flags & kValidated) return true;
  simdjson::dom::parser parser;
  JsonDocument document;
  std::string padded(record.payload);
  padded.append(simdjson::SIMDJSON_PADDING, '\0');
  return document.parse(parser, std::string_view(padded).substr(0, record.payload.size())) ==
             JsonError::none &&
         document.root().is_object();
}

void append_payload(ByteBuffer& out, const RecordView& record) {
  if (record.tag == Tag::msgpack) {
    out.append(",\"record\":");
    append_msgpack_as_json(out, record.payload);
  } else if (is_json_object(record)) {
    out.append(",\"record\":");
    append_on_one_line(out, json::trim(record.payload));
  } else {
    const std::string_view text = record.payload.substr(0, kDeadRecordBytesMax);
    if (text.size() < record.payload.size()) {
      out.append(",\"record_bytes\":" + std::to_string(record.payload.size()));
    }
    if (simdjson::validate_utf8(text.data(), text.size())) {
      append_member(out, "record_text", text);
    } else {
      append_member(out, "record_base64", base64(text));
    }
  }
}

void append_id(ByteBuffer& out, const RecordView& record) {
  out.append("{\"id\":");
  if (record.path.empty() && record.origin.row != kNoRow) {
    out.append(std::to_string(record.origin.row));
  } else {
    append_json_string(out, lineage_id(record.origin.row, record.path));
  }
}

// The source, the record, and the object's end.
void append_rest(ByteBuffer& out, const DeadLetterContext& context, const RecordView& record) {
  out.append(",\"source\":{\"uri\":");
  const bool known = record.origin.source < context.sources.size();
  append_json_string(out,
                     known ? std::string_view(context.sources[record.origin.source]) : std::string_view());
  if (record.origin.line != 0) out.append(",\"line\":" + std::to_string(record.origin.line));
  out.append(",\"offset\":" + std::to_string(record.origin.offset) + "}");
  append_payload(out, record);
  out.push_back('}');
}

}  // namespace

std::string dead_letter_line(const DeadLetterContext& context, const RecordView& record,
                             const DeadLetterReason& reason) {
  ByteBuffer out;
  append_id(out, record);
  append_member(out, "stage", context.stage);
  append_member(out, "reason", reason.reason);
  append_member(out, "message", reason.message);
  out.append(",\"attempts\":" + std::to_string(reason.attempts));
  if (!reason.details.empty()) out.append("," + reason.details);
  append_rest(out, context, record);
  return std::string(out.view());
}

std::string exclusion_line(const DeadLetterContext& context, const RecordView& record,
                           std::string_view reason) {
  ByteBuffer out;
  append_id(out, record);
  append_member(out, "stage", context.stage);
  append_member(out, "reason", reason);
  append_rest(out, context, record);
  return std::string(out.view());
}

}  // namespace datagen
