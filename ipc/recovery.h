// What the launcher does in shared memory after it has reaped a worker (waitid), and before it starts the
// replacement.
//
// Owner: the launcher only, one thread. The dead process writes nothing any more (its mappings are not
// inherited by what it forked); all its neighbours live and go on during all of this. If the launcher itself
// dies between any two stores here, every worker ends too, and the epoch is over; nothing is left half
// repaired.
//
// The order matters, and recover_worker() keeps it:
//   1. clear_cell: nobody may spend its one wake on the dead worker any more.
//   2. check_ring: what it could write is sound, or the graph stops here and goes on from the commits.
//   3. take_back_claims: its frames are FULL again.
//   4. rouse: everyone looks again, for wakes that it took with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ipc/control.h"
#include "ipc/ports.h"
#include "ipc/ring.h"

namespace datagen::ipc {

// CLAIMED(n, owner) → FULL(n) for every n; `owner` is the dead worker's cell + 1. The number of frames taken
// back. Each is one CAS, so a word that has moved on stays as it is. Only the first in-edge of a stage has
// claims.
std::uint32_t take_back_claims(Ring& ring, std::uint32_t owner);

// Makes the dead worker's cell that of a worker which is awake and has no tokens. Its in-flight entries,
// counters and written state are kept: they tell what it died of, and where its successor goes on.
void clear_cell(const Control& control, std::uint32_t cell);

// All in-flight entries of the cell are idle again; before the replacement starts, when they have been read.
void clear_in_flight(const Control& control, std::uint32_t cell);

// Wakes the workers of all cells, whether they look parked or not: the dead one may have taken a flag and
// died before it posted. A token too many costs its receiver one look.
void rouse(const Control& control, const CellRange& cells);

// What a wild write of the dead process has damaged, as text; empty when all is sound. `consumers` are the
// cells that may hold claims. Words: as Ring::unsound_words(), and owners that are consumers. Living
// processes may go on: read, check, read the word again, ignore if changed.
std::string check_words(const Ring& ring, const CellRange& consumers);
// The same, and of the frames that are FULL or CLAIMED header and checksum, up to the first damage.
std::string check_ring(const Ring& ring, const CellRange& consumers, const OverflowPolicy& overflow,
                       Checksums checksums = Checksums::required);

// Everything above for the worker of `cell`, one of `siblings` (itself among them). `in` and `out` are its
// stage's edges as in Ports, mapped by the launcher (Ring::Role::consumer). The number of frames taken back.
// Error: a ring is not sound. Then nothing was taken back and nobody woken: stop the graph.
Result<std::uint32_t> recover_worker(const Control& control, std::uint32_t cell, const CellRange& siblings,
                                     std::span<Edge> in, std::span<Edge> out, const OverflowPolicy& overflow,
                                     Checksums checksums = Checksums::required);

// All that a stage has to do is done: every in-edge is drained and every out-edge's end announced. The exit
// of a worker before that is a death, whatever its exit code.
bool has_finished(std::span<const Edge> in, std::span<const Edge> out);

}  // namespace datagen::ipc
