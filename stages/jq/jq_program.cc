#include "jq/jq_program.h"

#include <datagen/errors.h>

#include <cmath>
#include <map>
#include <new>
#include <stdexcept>
#include <vector>

#include "json_scan.h"

namespace datagen {

namespace {

// Frees a value at the end of a block, also when something is thrown.
class Owned {
 public:
  explicit Owned(jv value) : value_(value) {}
  ~Owned() { jv_free(value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  // Another reference, for libjq's functions, each of which uses up one.
  jv copy() const { return jv_copy(value_); }
  jv view() const { return value_; }

 private:
  jv value_;
};

std::string text_of(jv text) {
  const Owned owned(text);
  return std::string(jv_string_value(text), static_cast<std::size_t>(jv_string_length_bytes(owned.copy())));
}

jv parse(std::string_view json) { return jv_parse_sized(json.data(), static_cast<int>(json.size())); }

// jq's words without its own name and its count of errors, on one line.
void add_message(void* to, jv message) {
  auto& text = *static_cast<std::string*>(to);
  std::string line = text_of(message);
  if (line.ends_with("compile error") || line.ends_with("compile errors")) return;
  if (line.starts_with("jq: error: ")) line.erase(0, 11);
  for (char& byte : line) {
    if (byte == '\n') byte = ' ';
  }
  // Advice for its command line only.
  if (const auto hint = line.find(" (Unix shell quoting issues?)"); hint != std::string::npos)
    line.erase(hint, 29);
  text += (text.empty() ? "" : "; ") + line;
}

// Writes a value, taking from the record's own text what stands at the same place there.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  // `before` is what the record has at this place (invalid: nothing), and `raw` its text.
  void write(const Owned& value, const Owned& before, std::string_view raw) {
    const jv_kind kind = jv_get_kind(value.view());
    const bool was_there = jv_is_valid(before.view());
    if (was_there && jv_equal(value.copy(), before.copy())) {
      out_ += raw;
    } else if (kind == JV_KIND_OBJECT) {
      write_object(value, before, raw);
    } else if (kind == JV_KIND_ARRAY) {
      write_array(value, before, raw);
    } else {
      if (kind == JV_KIND_NUMBER) check_number(jv_number_value(value.view()));
      out_ += text_of(jv_dump_string(value.copy(), 0));
    }
  }

 private:
  void check_number(double number) const {
    constexpr double kExactMax = 9007199254740992;  // 2^53
    if (std::abs(number) < kExactMax || !std::isfinite(number)) return;
    throw BadRecord(
        "number_precision",
        "the result has a number of 2^53 or more, for which jq does not keep all digits; leave such "
        "a field at its place, or have it as text");
  }

  void write_object(const Owned& value, const Owned& before, std::string_view raw) {
    std::map<std::string, std::string_view> texts;
    const bool was_object = jv_get_kind(before.view()) == JV_KIND_OBJECT;
    if (was_object) {
      json::for_each_child(raw, [&](std::string_view key, std::string_view text) {
        texts[text_of(parse(key))] = text;
        return true;
      });
    }
    out_ += '{';
    bool is_first = true;
    for (int at = jv_object_iter(value.view()); jv_object_iter_valid(value.view(), at);
         at = jv_object_iter_next(value.view(), at)) {
      const Owned key(jv_object_iter_key(value.view(), at));
      const Owned member(jv_object_iter_value(value.view(), at));
      if (!is_first) out_ += ',';
      is_first = false;
      out_ += text_of(jv_dump_string(key.copy(), 0));
      out_ += ':';
      const auto found = texts.find(text_of(key.copy()));
      const Owned old(found == texts.end() ? jv_invalid() : jv_object_get(before.copy(), key.copy()));
      write(member, old, found == texts.end() ? std::string_view() : found->second);
    }
    out_ += '}';
  }

  void write_array(const Owned& value, const Owned& before, std::string_view raw) {
    std::vector<std::string_view> texts;
    if (jv_get_kind(before.view()) == JV_KIND_ARRAY) {
      json::for_each_child(raw, [&](std::string_view, std::string_view text) {
        texts.push_back(text);
        return true;
      });
    }
    out_ += '[';
    const int length = jv_array_length(value.copy());
    for (int index = 0; index < length; ++index) {
      if (index > 0) out_ += ',';
      const Owned element(jv_array_get(value.copy(), index));
      const auto place = static_cast<std::size_t>(index);
      const Owned old(place < texts.size() ? jv_array_get(before.copy(), index) : jv_invalid());
      write(element, old, place < texts.size() ? texts[place] : std::string_view());
    }
    out_ += ']';
  }

  std::string& out_;
};

}  // namespace

JqProgram::JqProgram(const std::string& expression) : expression_(expression), state_(jq_init()) {
  if (state_ == nullptr) throw std::bad_alloc();
  jq_set_input_cb(state_, nullptr, nullptr);  // libjq 1.6 leaves it as malloc gave it
  std::string messages;
  jq_set_error_cb(state_, add_message, &messages);
  const bool is_compiled =
      expression.find('\0') == std::string::npos && jq_compile(state_, expression.c_str()) != 0;
  jq_set_error_cb(state_, nullptr, nullptr);
  if (is_compiled) return;
  jq_teardown(&state_);
  throw std::invalid_argument("the expression does not compile: " + messages);
}

JqProgram::~JqProgram() { jq_teardown(&state_); }

void JqProgram::refuse(const std::string& message) const {
  throw BadRecord("expression_error", message + " (in the expression " + expression_ + ")");
}

jv JqProgram::start(std::string_view record) {
  const jv input = parse(record);
  if (!jv_is_valid(input)) {
    const Owned message(jv_invalid_get_msg(input));
    refuse("jq cannot read the record: " + text_of(message.copy()));
  }
  jq_start(state_, jv_copy(input), 0);
  return input;
}

bool JqProgram::next(jv& value) {
  value = jq_next(state_);
  if (jv_is_valid(value)) return true;
  if (jq_halted(state_) != 0) {
    jv_free(value);
    refuse("'halt' would end the stage");
  }
  if (jv_invalid_has_msg(jv_copy(value)) == 0) {
    jv_free(value);
    return false;
  }
  const Owned message(jv_invalid_get_msg(value));
  refuse(jv_get_kind(message.view()) == JV_KIND_STRING ? text_of(message.copy())
                                                       : text_of(jv_dump_string(message.copy(), 0)));
}

bool JqProgram::is_true(std::string_view record) {
  const Owned input(start(record));
  for (jv value; next(value);) {
    const jv_kind kind = jv_get_kind(value);
    jv_free(value);
    if (kind != JV_KIND_FALSE && kind != JV_KIND_NULL) return true;
  }
  return false;
}

void JqProgram::run(std::string_view record, const std::function<void(std::string_view json)>& take) {
  const Owned input(start(record));
  std::string text;
  for (jv value; next(value);) {
    const Owned owned(value);
    text.clear();
    Writer(text).write(owned, input, record);
    take(text);
  }
}

}  // namespace datagen
