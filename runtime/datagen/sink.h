// Write a sink: an executable `sink-<scheme>` that puts records where they are wanted.
//
//   int main(int argc, char** argv) { return datagen::run_sink<MySink>(argc, argv); }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/context.h>
#include <datagen/parameters.h>

namespace datagen {

// What of an output stands for certain.
struct WrittenOutput {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
};

// A record cannot be written as it is, so that no other process would fare better: the run stops with this
// message.
struct CannotWrite : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Sink {
  virtual ~Sink() = default;
  static void describe(Parameters&) {}
  // Absolute paths of what will be written for a URI's path. Throw to say what is wrong with it.
  virtual std::vector<std::string> outputs(const std::string& path, Context&) = 0;
  // False: what was written cannot be cut (a pipe). A second process of the run is refused then.
  virtual bool is_resumable() const { return true; }
  // Begins to write behind what is written; what lies beyond is removed.
  virtual void open(const std::string& path, const WrittenOutput& written, Context&) = 0;
  // The records of one frame as JSON Lines, each checked, "_i" added. Returns when the system has taken them,
  // or holds them.
  virtual void write(std::string_view lines, std::uint64_t records) = 0;
  // How many of the last calls of write() are not in the output yet, since records are gathered into larger
  // units: their frames stay in the ring, and go to a successor again should this process die.
  virtual std::uint64_t held() const { return 0; }
  // Writes what is held, the oldest first, until it is no more than `most` calls. Called behind each write(),
  // with as many as the ring can spare; with 0 before every commit and at the end.
  virtual void flush([[maybe_unused]] std::uint64_t most) {}
  // Bytes of output so far, behind the last call of write() that is not held: what open() is told to go on
  // behind.
  virtual std::uint64_t bytes() const = 0;
  // Makes all that was written durable; called from another thread while write() goes on. Throw when that
  // fails: it is never tried again.
  virtual void sync() = 0;
  // Everything is written and committed for good, and the run has nothing more for this sink.
  virtual void complete() {}
  // The file that the output so far ends in, and its length: a resume checks by them that nobody else changed
  // it. Without a path there is nothing to check.
  struct Tail {
    std::string path;
    std::uint64_t bytes = 0;
  };
  virtual Tail tail() const { return {}; }
};

namespace detail {
struct SinkDefinition {
  Parameters parameters;
  std::function<std::unique_ptr<Sink>()> make;
};
int run_sink(int argc, char** argv, const SinkDefinition& definition);
}  // namespace detail

template <class S>
int run_sink(int argc, char** argv) {
  detail::SinkDefinition definition;
  S::describe(definition.parameters);
  definition.make = [] { return std::make_unique<S>(); };
  return detail::run_sink(argc, argv, definition);
}

}  // namespace datagen
