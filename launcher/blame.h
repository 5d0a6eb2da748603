// Who is to blame for a death: pure decisions, without processes, clocks, files or shared memory. Whoever
// drives it (launcher/session.cc) says how a worker died and what it had begun, and carries out the
// judgement.
//
//   several records begun   -> each of them is run alone next time; only a death alone counts against a
//   record one call of many records -> the next calls do not cross its middle; so a death halves the suspects
//   one record              -> one attempt more, before the other records of its frame; the attempt number
//                              `crash_attempts` gives the record up
//
// Every judgement that is `attributed` brings the end nearer: a record alone that was not before, a smaller
// batch, an attempt more. So deaths that do not count towards restart intensity cannot go on for ever.
//
// Owner: the launcher, one thread; lives as long as the run. When the launcher dies, `datagen resume` counts
// anew.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "ipc/control.h"
#include "ipc/quarantine.h"

namespace datagen::launcher {

struct Death {
  enum class Cause : std::uint8_t {
    crash,          // a signal that says that the code went wrong: see is_crash_signal
    exit,           // the operator called exit()
    timeout,        // this launcher killed it, for a record that took too long
    out_of_memory,  // the kernel killed it for memory, or the runtime had none left for the record
    foreign_kill,   // SIGKILL, SIGTERM and the like, by somebody else: says nothing about a record
    own_kill,       // by this launcher, to end it
  };
  std::uint32_t stage = 0;   // index in the plan
  bool keeps_frames = true;  // it restarts in place, so its frame comes again as it was; false: stateful
  Cause cause = Cause::crash;
  // What the dead worker had begun (ipc::Control::begun); of a timeout only what is overdue.
  std::vector<ipc::Begun> suspects;
};

// SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL and others that a process brings upon itself.
bool is_crash_signal(int signal);

// "crash", "timeout" or "out_of_memory": the reason in the dead letter.
const char* reason_of(Death::Cause cause);

struct GivenUp {
  std::uint64_t number = 0;  // the details' file: quarantine/<number>.json
  std::uint32_t stage = 0;
  std::uint64_t row = 0;
  std::uint64_t path_hash = 0;
  std::uint64_t frame = 0;
  std::uint64_t record = 0;
  int attempts = 0;
  friend bool operator==(const GivenUp&, const GivenUp&) = default;
};

struct Judgement {
  bool is_attributed = false;  // does not count towards restart intensity
  // To be written, the details' file first, before the dead worker's claims are taken back.
  std::vector<ipc::Directive> directives;
  std::optional<GivenUp> given_up;
};

class Blame {
 public:
  // `crash_attempts`: deaths that give a record up, at least 1.
  Judgement judge(const Death& death, int crash_attempts);

  // Frames are numbered anew, possibly with other records in them. What is known about records stays: the
  // directives that the new table begins with.
  std::vector<ipc::Directive> new_epoch();

  // Frames below `seq` are committed by every sink that the stages lead to: they do not come again in any
  // epoch.
  void retire(std::uint64_t seq, const std::function<bool(std::uint32_t stage)>& is_meant);

  // The deaths that count against a record.
  int attempts(std::uint32_t stage, std::uint64_t row, std::uint64_t path_hash) const;

 private:
  // A record's identity: stage, row, hash of its path.
  using Identity = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>;
  struct Record {
    std::uint64_t frame = 0;  // the last that it was seen in, or kAnyFrame
    int attempts = 0;
    std::optional<std::uint64_t> number;  // given up
  };

  Judgement judge_record(const Death& death, const ipc::Begun& suspect, int crash_attempts);
  Judgement judge_batch(const Death& death, const ipc::Begun& suspect);
  Judgement judge_threads(const Death& death);
  // Adds it to the judgement; false when it was given before.
  bool give(Judgement& judgement, const ipc::Directive& directive);

  std::map<Identity, Record> records_;
  std::vector<ipc::Directive> given_;  // about frames of this epoch, without skips
  // Stages whose batches cannot be split by frame numbers, because a death brings a new epoch: they run one
  // record at a time until the frame of the death is committed, or the record is found.
  std::map<std::uint32_t, std::uint64_t> careful_;
  std::uint64_t next_number_ = 0;
};

}  // namespace datagen::launcher
