// How large frames are, and how far a source runs ahead.
//
// A frame should take every stage about 50 ms: frames of cheap stages are as large as their blocks, those of
// a stage that calls a model hold a few records, so that commits pass soon and a crash redoes little. Nobody
// has to say what a stage costs: each worker of a stage or sink measures it and tells in its cell how many
// rows of the input it wants in a frame, and how long its frames take. The source takes the smallest wish
// (ten times that where another stage pays for each frame, such as a program that is started for it: else
// the starts keep all others slow, whose wishes for small frames bring more starts), and waits when what lies
// before a stage is more than half a second's work for it. Where workers die one after the other, frames are
// smaller: a quarter of the time since the last death, so that the next undoes little.
//
// All of it is a hint, written by the worker whose cell it is (of its deaths by the launcher): a value that
// is old, lost with an epoch or wrong changes the size of frames and nothing else. Records hang on rows, not
// on frames, so the output is the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ipc/control.h"

namespace datagen {

// A worker's part.
class FramePace {
 public:
  // `round`: records that the threads take at once, or a batch call has; a frame is made of whole rounds, of
  // threads two at least, since in a part of one most would wait for the others. 0: a batch call takes the
  // whole frame, which may cost the same however many records it has: then frames are as large as they come.
  // `frames`: that the worker has in work at once.
  FramePace(std::size_t round, bool is_batch, std::size_t frames = 1)
      : round_(round), rounds_min_(round > 1 && !is_batch ? 2 : 1), frames_(frames) {}
  // A frame of `rows` rows of the input, `records` of them when they reached this stage, took so long.
  void note(ipc::Cell& cell, std::uint64_t elapsed_ns, std::uint64_t rows, std::uint64_t records);

 private:
  std::size_t round_;
  double rounds_min_;
  std::size_t frames_;
  std::optional<std::size_t> unsure_;  // frames still to come that say nothing; known from the first on
  double frame_ns_ = 0;                // moving averages
  double row_ns_ = 0;
};

// Of a frame for a stage that nobody has seen work.
constexpr std::size_t kFirstRecords = 8;

struct PacedStage {
  ipc::CellRange workers;
  std::uint32_t frames = 1;  // that each works on at once
  // Of its first frames: what one call takes, for a stage that takes batches.
  std::size_t first_records = kFirstRecords;
};

// The source's part.
class SourcePace {
 public:
  // `stages`: every other stage. `first_seq`: of this epoch. `records_max`: what the user set,
  // 0: nothing.
  SourcePace(const ipc::Control& control, std::vector<PacedStage> stages, std::uint64_t first_seq,
             std::size_t records_max);
  // Most records for the next frame; the clock is CLOCK_MONOTONIC.
  std::size_t records(std::uint64_t now_ns) const;
  // Frame `seq` would only lie and wait: look again in kPauseMs. Never true for long: it needs a stage that
  // has not even begun one of the last frames.
  bool is_far_ahead(std::uint64_t seq) const;
  static constexpr int kPauseMs = 2;

 private:
  const ipc::Control& control_;
  std::vector<PacedStage> stages_;
  std::uint64_t first_seq_;
  std::size_t records_max_;
};

}  // namespace datagen
