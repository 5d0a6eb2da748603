// How a run went over time: samples of what each stage had done by then and how full the rings were. Bounded:
// when there are too many, every second one is dropped and the interval doubles, so a run of days keeps as
// many as one of minutes.
//
// Owner: the launcher, in history.json in the run directory; written from time to time and at the end, whole
// or not at all, and gone on with by the next start of the run. For display: what is exact is in the commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/bottleneck.h"
#include "launcher/stage_load.h"

namespace datagen::launcher {

// Of a stage, over the whole run; grows from sample to sample.
struct StageTotals {
  std::uint64_t in = 0, out = 0, bytes = 0, dropped = 0, dead = 0;
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;
  std::uint64_t wait_input_ns = 0, wait_room_ns = 0;
  std::uint64_t live_ns = 0;  // that its workers lived, added up
  std::uint64_t cost_nano = 0;
};

struct Sample {
  double seconds = 0;  // of running time, all starts of the run together
  std::vector<StageTotals> stages;
  std::vector<double> fills;  // by edge
};

struct StageResources {
  double cpu_seconds = 0;        // of all its processes
  std::uint64_t peak_bytes = 0;  // resident, of the largest of them
  std::uint64_t restarts = 0;
};

class History {
 public:
  static constexpr std::size_t kSamplesMax = 256;

  // Of a run with so many stages and edges, from its beginning.
  History(std::size_t stages, std::size_t edges);
  // As history.json has it; from the beginning when there is none, or one of another graph.
  static History load(const std::string& run_directory, const Plan& plan);
  // A program's view of it ("version": 1).
  std::string json(const Plan& plan) const;
  // Into the run directory. Failures are ignored: nothing depends on this file.
  void save(const std::string& run_directory, const Plan& plan) const;
  // What a launcher that died had begun to save; by its successor.
  static void remove_begun(const std::string& run_directory);

  // What the workers' counters say `seconds` after this start of the run. Counters that fell began anew.
  void look(double seconds, const std::vector<StageSums>& sums, const std::vector<double>& fills);
  // A process of the stage has ended, and used this.
  void note_end(std::size_t stage, double cpu_seconds, std::uint64_t peak_bytes);
  void note_restart(std::size_t stage) { ++resources_[stage].restarts; }
  // A sample of what was seen last, whenever the next is due: at the end.
  void close();

  const std::vector<Sample>& samples() const { return samples_; }
  const std::vector<StageTotals>& totals() const { return now_.stages; }
  // Living processes included.
  std::vector<StageResources> resources() const;
  double seconds() const { return now_.seconds; }

  // Over the whole run.
  std::vector<StageLoad> loads(const Plan& plan) const;
  std::vector<double> mean_fills() const;
  Bottleneck bottleneck(const Plan& plan) const;

 private:
  void keep(const Sample& sample);

  std::vector<Sample> samples_;
  double interval_ = 0.25;                 // seconds between two samples
  double offset_ = 0;                      // running time of the starts before this one
  Sample now_;                             // what was seen last
  std::vector<StageSums> last_;            // the counters of that look
  std::vector<StageResources> resources_;  // of processes that have ended
  std::vector<StageResources> living_;
};

}  // namespace datagen::launcher
