// A jq expression, compiled by libjq and applied to records. One thread at a time.
//
// libjq reads numbers as doubles, so an integer beyond 2^53 would lose digits on its way through it. What an
// expression leaves at its place is therefore taken from the record's own text, byte for byte; an integer
// beyond 2^53 at a place where the record has another value is refused.
#pragma once

#include <functional>
#include <string>
#include <string_view>

extern "C" {  // version 1.6 does not say so itself
#include <jq.h>
}

namespace datagen {

class JqProgram {
 public:
  // Throws std::invalid_argument with jq's message for an expression that does not compile.
  explicit JqProgram(const std::string& expression);
  ~JqProgram();
  JqProgram(const JqProgram&) = delete;
  JqProgram& operator=(const JqProgram&) = delete;

  // Whether the expression gives a value other than false and null for the record, which is valid JSON.
  // Throws BadRecord "expression_error" with the expression and jq's message.
  bool is_true(std::string_view record);
  // Calls `take` with each value that the expression gives, as JSON text. Throws as is_true, and BadRecord
  // "number_precision".
  void run(std::string_view record, const std::function<void(std::string_view json)>& take);

  // For Parameters::checked_by.
  static void check(std::string_view expression) { JqProgram{std::string(expression)}; }

 private:
  jv start(std::string_view record);
  // The next value (owned by the caller); false at the end.
  bool next(jv& value);
  [[noreturn]] void refuse(const std::string& message) const;

  std::string expression_;
  jq_state* state_;
};

}  // namespace datagen
