// What a worker's exit code tells the launcher. The same numbers stand in runtime/worker.h.
#pragma once

namespace datagen::launcher {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;       // a failure of this process; a new one may do better
constexpr int kExitCannotStart = 2;  // configuration: a new one would fail alike
constexpr int kExitDamagedRing = 3;  // a checksum or header in shared memory is wrong
constexpr int kExitCancelled = 4;
constexpr int kExitNeedsEpoch = 5;  // in place is impossible: go on from the commits
constexpr int kExitStop = 6;        // cannot go on at all: stop the run, resumable

}  // namespace datagen::launcher
