#include "json_document.h"

#include "json_scan.h"

namespace datagen {

const char* reason_name(JsonError error) {
  switch (error) {
    case JsonError::none:
      return "none";
    case JsonError::bad_json:
      return "bad_json";
    case JsonError::invalid_utf8:
      return "invalid_utf8";
    case JsonError::not_an_object:
      return "not_an_object";
    case JsonError::too_deep:
      return "too_deep";
  }
  return "bad_json";
}

namespace {

JsonError classify(simdjson::error_code error) {
  switch (error) {
    case simdjson::SUCCESS:
      return JsonError::none;
    case simdjson::UTF8_ERROR:
      return JsonError::invalid_utf8;
    case simdjson::DEPTH_ERROR:
      return JsonError::too_deep;
    default:
      return JsonError::bad_json;
  }
}

bool is_number_start(char c) { return c == '-' || (c >= '0' && c <= '9'); }

// Same length, with every valid number replaced by zero and blanks, and every lone surrogate by U+FFFD.
// Text that is not valid JSON stays invalid: only whole tokens are replaced by tokens of the same kind.
void replace_extremes(std::string& text) {
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    if (in_string && text[at] == '\\') {
      const int unit = json::escaped_code_unit(text, at);
      const bool surrogate = unit >= 0xD800 && unit <= 0xDFFF;
      const int next = unit >= 0xD800 && unit < 0xDC00 ? json::escaped_code_unit(text, at + 6) : -1;
      const bool paired = next >= 0xDC00 && next <= 0xDFFF;
      if (surrogate && !paired) text.replace(at, 6, "\\ufffd");
      at += paired ? 12 : unit >= 0 ? 6 : 2;
    } else if (text[at] == '"') {
      in_string = !in_string;
      ++at;
    } else if (!in_string && is_number_start(text[at])) {
      const std::size_t end = json::number_end(text, at);
      if (end == at) return;  // not JSON; the parser says why
      text[at] = '0';
      for (std::size_t blank = at + 1; blank < end; ++blank) text[blank] = ' ';
      at = end;
    } else {
      ++at;
    }
  }
}

}  // namespace

JsonError JsonDocument::parse(simdjson::dom::parser& parser, std::string_view text) {
  text_ = text;
  exact_ = true;
  error_ = parser.parse_into_document(document_, text.data(), text.size(), false).get(root_);
  if (error_ == simdjson::SUCCESS) return JsonError::none;
  const JsonError error = classify(error_);
  return error == JsonError::bad_json ? parse_replaced(parser) : error;
}

JsonError JsonDocument::parse_replaced(simdjson::dom::parser& parser) {
  exact_ = false;
  replaced_.assign(text_);
  replace_extremes(replaced_);
  replaced_.append(simdjson::SIMDJSON_PADDING, ' ');
  const simdjson::error_code first = error_;
  error_ = parser.parse_into_document(document_, replaced_.data(), text_.size(), false).get(root_);
  const JsonError error = classify(error_);
  if (error != JsonError::none) error_ = first;  // the message for the text as it is
  return error;
}

bool find_member(simdjson::dom::object object, std::string_view key, simdjson::dom::element& found,
                 std::size_t& index) {
  bool any = false;
  std::size_t at = 0;
  for (auto field = object.begin(); field != object.end(); ++field, ++at) {
    if (field.key_length() == key.size() && field.key_equals(key)) {
      found = field.value();
      index = at;
      any = true;
    }
  }
  return any;
}

}  // namespace datagen
