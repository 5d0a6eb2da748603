// The words of progress: for a terminal, for a file, for a program. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/stage_load.h"
#include "launcher/usage_books.h"

namespace datagen::launcher {

struct StageProgress {
  StageSums sums;
  StageLoad load;
  std::optional<double> fill;   // of its fullest in-edge; none: it has none
  std::optional<double> share;  // of the input that it is done with, where that is known
  std::uint64_t restarts = 0;
  Spent spent;  // on model calls
};

struct ProgressView {
  std::string pipeline;
  std::vector<std::string> ids;  // of the stages
  std::chrono::milliseconds time{0};
  std::uint64_t read = 0, written = 0, dropped = 0, dead = 0;
  Spent spent;                  // of all stages
  std::optional<double> share;  // of the input that is through
  std::optional<std::chrono::milliseconds> left;
  std::vector<StageProgress> stages;
  std::vector<std::string> notes;  // what a person should know: hung workers
};

// A heading, a line for each stage, the notes; none longer than `columns`.
std::vector<std::string> progress_lines(const ProgressView& view, std::size_t columns);
// All that matters on one line.
std::string progress_line(const ProgressView& view);
// {"event": "progress", …} on one line.
std::string progress_json(const ProgressView& view);

// "1,234,567"
std::string show_count(std::uint64_t count);
// Money, as exact as small amounts need: "12.30", "0.000125".
std::string show_cost(double cost);
// "3m12s", "0.8s"
std::string show_duration(std::chrono::milliseconds time);
// "61,204/s", "0.25/s": three figures when it is small
std::string show_rate(double per_second);
// "112.0 MB/s"
std::string show_byte_rate(double bytes_per_second);

}  // namespace datagen::launcher
