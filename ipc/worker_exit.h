// What a worker's exit code tells the launcher. Exit 0 counts only together with WorkerState::finished in the
// cell and with drained rings, the others only together with Cell::gave_up (or when it had not come to
// its cell yet). An operator may call exit() with any number: that is a death like another.
#pragma once

namespace datagen {

constexpr int kWorkerDone = 0;
constexpr int kWorkerFailed = 1;       // a failure of this process; a new one may do better
constexpr int kWorkerCannotStart = 2;  // configuration: a new one would fail alike
constexpr int kWorkerDamagedRing = 3;  // a checksum or header in shared memory is wrong
constexpr int kWorkerCancelled = 4;
constexpr int kWorkerNeedsEpoch = 5;  // in place is impossible: go on from the commits, under a new epoch
constexpr int kWorkerStop =
    6;  // cannot go on at all (a full disk): stop the run, resumable, with its message

constexpr int kWorkerOutOfMemory = 7;  // of its memory limit, with a record in its hands
constexpr int kWorkerAtLimit = 8;      // a limit that the user has set is used up: stop the run, resumable

}  // namespace datagen
