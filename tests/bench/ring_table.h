// What is printed at the end of bench_ring: each measurement against its reference from the same run.
#pragma once

#include <benchmark/benchmark.h>

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

// Prints medians as they come, and keeps them.
class MedianReporter : public benchmark::ConsoleReporter {
 public:
  MedianReporter() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> shown;
    for (const Run& run : runs) {
      const bool is_median = run.aggregate_name == "median";
      if (is_median) medians_[run.run_name.function_name] = run;
      // One repetition has no aggregates; a failed one is worth a line.
      if (is_median || run.repetitions <= 1) shown.push_back(run);
      if (run.run_type == Run::RT_Iteration && run.repetitions <= 1)
        medians_[run.run_name.function_name] = run;
    }
    if (!shown.empty()) ConsoleReporter::ReportRuns(shown);
  }

  void print(const std::vector<Comparison>& comparisons) const {
    std::printf("\n%-52s %12s %12s %9s %8s\n", "", "measured", "reference", "ratio", "target");
    for (const Comparison& row : comparisons) {
      const auto measured = medians_.find(row.measured);
      const auto reference = medians_.find(row.reference);
      if (measured == medians_.end() || reference == medians_.end()) continue;
      const double ours = value(measured->second, row.kind);
      const double theirs = value(reference->second, row.kind);
      if (ours <= 0 || theirs <= 0) continue;
      const double ratio = ours / theirs;
      const bool is_met = row.kind == Comparison::Kind::rate ? ratio >= row.target : ratio <= row.target;
      std::printf("%-52s %12s %12s %8.2fx %s %4.3gx %s\n", row.what, text(ours, row.kind).c_str(),
                  text(theirs, row.kind).c_str(), ratio,
                  row.kind == Comparison::Kind::rate ? ">=" : "<=", row.target, is_met ? "met" : "missed");
    }
  }

 private:
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

  std::map<std::string, Run> medians_;
};

}  // namespace datagen::bench
