// For other programs: feed a running graph, or read from one, through shared memory.
//
//   input: memory://raw      a Feeder("raw") pushes records in
//   output: memory://clean   a Reader("clean") takes them out
//
// Both wait for the run and outlive its processes: when one dies and is replaced, or the run is stopped and
// resumed, they go over to its successor. Nothing is lost or doubled when the program keeps to two rules,
// also if it is killed and started again itself:
// - a Feeder gives the same bytes whenever it is asked for the same frame: next() may go back, at most to
//   committed();
// - a Reader is told, by `from`, how many records an earlier process of the program has dealt with.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace datagen::memory {

// No run at the other end within the time given; a name that cannot be, is another user's or the other end of
// a graph; shared memory that is full.
struct MemoryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Timeout = std::chrono::milliseconds;

class Feeder {
 public:
  // Waits for a run that reads memory://`name`, now and whenever its process is gone. One at a time.
  explicit Feeder(const std::string& name, Timeout timeout = std::chrono::seconds(60));
  ~Feeder();

  // The frame that the run wants next. Frames are numbered from 0.
  std::uint64_t next() const;
  // JSON Lines, any number, the last with or without newline, as frame next(); waits for room. False: the run
  // went back and wants another frame first: look at next().
  bool push(std::string_view lines);
  // Frames below are durable in every output: they are never asked for again.
  std::uint64_t committed() const;
  // There is nothing behind frame next() - 1. Waits until the run is complete; false: it went back.
  bool finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Reader {
 public:
  struct Frame {
    std::uint64_t first = 0;    // how many records lie before it
    std::uint64_t records = 0;  // in it
    std::string_view lines;     // JSON Lines; valid until the next call of next()
  };

  // Waits for a run that writes memory://`name`, now and whenever its process is gone. Records below `from`
  // are skipped. One at a time.
  explicit Reader(const std::string& name, std::uint64_t from = 0,
                  Timeout timeout = std::chrono::seconds(60));
  ~Reader();

  // Says that the frame before is dealt with (the run commits it then, and does not give it again), and waits
  // for another. Nothing: that was all, and the run is complete.
  std::optional<Frame> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datagen::memory
