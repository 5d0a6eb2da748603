// What is printed at the end of bench_ring: each measurement against its reference from the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace datagen::bench {

// A measurement against its reference. A rate should reach `target` times the reference, a time at most that.
struct Comparison {
  enum class Kind { rate, time };
  const char* what;
  const char* measured;   // name of a benchmark
  const char* reference;  // likewise
  Kind kind;
  double target;
};

// Prints what comes, and keeps all measurements of a name, whose median counts.
class MedianReporter : public benchmark::ConsoleReporter {
 public:
  MedianReporter() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration && !run.error_occurred)
        measured_[run.run_name.function_name].push_back(run);
    }
    ConsoleReporter::ReportRuns(runs);
  }

  void print(const std::vector<Comparison>& comparisons) const {
    std::printf("\n%-52s %12s %12s %9s %8s\n", "", "measured", "reference", "ratio", "target");
    for (const Comparison& row : comparisons) {
      const double ours = median(row.measured, row.kind);
      const double theirs = median(row.reference, row.kind);
      if (ours <= 0 || theirs <= 0) continue;
      const double ratio = ours / theirs;
      const bool is_met = row.kind == Comparison::Kind::rate ? ratio >= row.target : ratio <= row.target;
      std::printf("%-52s %12s %12s %8.2fx %s %4.3gx %s\n", row.what, text(ours, row.kind).c_str(),
                  text(theirs, row.kind).c_str(), ratio,
                  row.kind == Comparison::Kind::rate ? ">=" : "<=", row.target, is_met ? "met" : "missed");
    }
  }

 private:
  // 0: there is none.
  double median(const char* name, Comparison::Kind kind) const {
    const auto found = measured_.find(name);
    if (found == measured_.end()) return 0;
    std::vector<double> values;
    for (const Run& run : found->second) values.push_back(value(run, kind));
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

  static double value(const Run& run, Comparison::Kind kind) {
    if (kind == Comparison::Kind::time) return run.GetAdjustedRealTime();
    for (const char* name : {"bytes_per_second", "items_per_second"}) {
      if (const auto rate = run.counters.find(name); rate != run.counters.end()) return rate->second.value;
    }
    return 0;
  }

  static std::string text(double value, Comparison::Kind kind) {
    char line[32];
    if (kind == Comparison::Kind::time) {
      std::snprintf(line, sizeof line, "%.0f ns", value);
    } else if (value >= 1e9) {
      std::snprintf(line, sizeof line, "%.2f G/s", value / 1e9);
    } else {
      std::snprintf(line, sizeof line, "%.2f M/s", value / 1e6);
    }
    return line;
  }

  std::map<std::string, std::vector<Run>> measured_;
};

}  // namespace datagen::bench
