// Results and errors, for what can happen in a healthy system: a full disk, a dead peer, bad input.
// A broken invariant is not an error: it aborts (see DATAGEN_CHECK).
#pragma once

// Not result.hpp, which costs each file that includes it a second more to compile.
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace datagen {

// What went wrong, where, and what to do; with the chain of causes joined by ": ".
class Error {
 public:
  Error() = default;
  explicit Error(std::string message) : message_(std::move(message)) {}

  // "WHAT: No such file or directory", from an errno value.
  static Error from_errno(std::string what, int error_number);

  // The same error seen from further out: "CONTEXT: message".
  Error within(std::string context) const { return Error(std::move(context) + ": " + message_); }

  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

// Reading the value of a failed result, or the error of a good one, ends the process.
template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

inline auto success() { return boost::outcome_v2::success(); }

}  // namespace datagen

// `DATAGEN_TRY(auto x, f())` or `DATAGEN_TRY(f())`: the value, or return the error to the caller. Not
// Outcome's own macro, whose first argument changed its meaning between versions.
#define DATAGEN_TRY(...) DATAGEN_TRY_CHOOSE(__VA_ARGS__, DATAGEN_TRY_VALUE, DATAGEN_TRY_VOID, )(__VA_ARGS__)
#define DATAGEN_TRY_CHOOSE(a, b, name, ...) name
#define DATAGEN_TRY_JOIN(a, b) a##b
#define DATAGEN_TRY_NAME(line) DATAGEN_TRY_JOIN(datagen_try_, line)
#define DATAGEN_TRY_VOID(expression)                   \
  if (auto&& datagen_try = (expression); !datagen_try) \
  return std::forward<decltype(datagen_try)>(datagen_try).as_failure()
#define DATAGEN_TRY_VALUE(declaration, expression)                                            \
  auto&& DATAGEN_TRY_NAME(__LINE__) = (expression);                                           \
  if (!DATAGEN_TRY_NAME(__LINE__)) return std::move(DATAGEN_TRY_NAME(__LINE__)).as_failure(); \
  declaration = std::move(DATAGEN_TRY_NAME(__LINE__)).value()

// A broken invariant ends the process with the place and the values that broke it.
#define DATAGEN_CHECK(condition, ...)                                                        \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: broken invariant: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                                     \
      std::fputc('\n', stderr);                                                              \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
