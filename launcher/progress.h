// What a person sees of a run while it runs, on stderr: lines that are written anew, on a terminal; a line
// every 30 s elsewhere, as text or as JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "launcher/progress_text.h"

namespace datagen::launcher {

class Progress {
 public:
  enum class Mode : std::uint8_t { quiet, lines, json, terminal };
  explicit Progress(Mode mode) : mode_(mode) {}

  // Whether show() would write something; making a view costs a little.
  bool is_due() const;
  void show(const ProgressView& view);
  // Removes the lines that are being written anew, so that a message can follow.
  void clear();
  // A message between progress lines.
  void say(const std::string& message);
  // The same for what the run has to say at its end, also when it is quiet: lines with their newlines.
  void say_at_end(const std::string& lines);

 private:
  using Clock = std::chrono::steady_clock;
  Mode mode_;
  // The first comes after a while: a run of a second needs none.
  Clock::time_point next_;
  bool has_begun_ = false;
  std::size_t lines_open_ = 0;
};

}  // namespace datagen::launcher
