// What an operator may throw, and what then happens to its record.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace datagen {

// The record itself is at fault: it is dead-lettered at once, without another attempt. Thrown by accessors
// (a missing key, a wrong type) and by operators.
class BadRecord : public std::runtime_error {
 public:
  // `reason` is a short name that dead letters are counted by, e.g. "missing_field".
  BadRecord(std::string reason, const std::string& message)
      : std::runtime_error(message), reason_(std::move(reason)) {}
  explicit BadRecord(const std::string& message) : BadRecord("bad_record", message) {}
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

// Worth another attempt after a pause; counts against `retries`. Any other exception is retried likewise.
class Retry : public std::runtime_error {
 public:
  explicit Retry(std::chrono::milliseconds after, const std::string& message = "retry asked for")
      : std::runtime_error(message), after_(after) {}
  std::chrono::milliseconds after() const { return after_; }

 private:
  std::chrono::milliseconds after_;
};

// No record is at fault, and none would fare better: the run stops with this message, resumable.
class StopRun : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace datagen
