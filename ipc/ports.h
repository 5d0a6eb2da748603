// A worker's side of the rings around it: claim a frame, publish it, free it, and park when there is
// nothing to do. Bytes only; what a frame means is the runtime's affair.
//
// Rules (docs/ring_format.md argues them, tests/model checks them):
// - A worker with outputs never waits while it holds a claim: a frame is claimed only when its output has
// room.
// - Publishing on the first out-edge is the decision. A worker that finds its claimed frame published there
//   took it over from a dead one: it completes the other stores, and runs nothing again.
// - To wait: set `parked`, full fence, look at all edges again, then sleep. To wake: store the word, full
//   fence, take `parked`, post. Without the two fences both could miss each other and sleep for ever.
//
// Dies at any point: its claims stay CLAIMED until the launcher takes them back, its half-written blocks are
// behind FREE words, and whoever it should have woken is woken by the launcher.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ipc/control.h"
#include "ipc/frame_bytes.h"
#include "ipc/frame_checksum.h"
#include "ipc/overflow.h"
#include "ipc/ring.h"

namespace datagen::ipc {

struct Edge {
  Ring ring;
  CellRange peers;  // the workers at the other end
};

// Several threads of a worker may each work on a frame: one of them at a time is in claim(); read, publish,
// free and what they need touch only the words and blocks of their own frame.
class Ports {
 public:
  enum class Order { any, strict };  // strict: frames are taken as n = first, first + 1, …
  enum class Outcome { frame, end, cancelled };

  Ports(std::vector<Edge> in, std::vector<Edge> out, Control control, std::uint32_t cell, CellRange siblings,
        Order order, std::uint64_t first_seq, OverflowPolicy overflow, bool checksums = true);

  // Waits for a claimable frame and claims it. `end`: the stream is over and all its frames are freed
  // (strict: taken). Not for edges without inputs. A strict worker
  // without outputs may hold several claims while it waits, if the rest of the ring leaves its producers
  // room.
  Outcome claim(std::uint64_t& seq);
  // For a source, or a stage's frame behind its input's end: waits until every out-edge has room for frame
  // `seq`, or the first shows it published. Never `end`.
  Outcome wait_for_room(std::uint64_t seq);

  // The frame's bytes on an in-edge, checked against the geometry and its checksum. Valid until free(seq).
  // Errors: the ring was damaged.
  Result<FrameBytes> read(std::size_t in_edge, std::uint64_t seq) const;

  // A copy of the frame in `to`, checked as it is made; `to` means nothing when that fails. For who wants a
  // copy anyway: the bytes come from another processor once, and are hashed when they are near (see
  // read_copy). Errors: the ring was damaged; the frame is longer than `to`.
  Result<std::span<std::byte>> copy(std::size_t in_edge, std::uint64_t seq, std::span<std::byte> to,
                                    FrameSteps* steps = nullptr) const;
  // Whether it would not be longer, as far as its header says.
  bool fits(std::size_t in_edge, std::uint64_t seq, std::span<const std::byte> to) const {
    return frame_length(in_[in_edge].ring, seq) <= to.size();
  }

  // Frame `seq` is published on the first out-edge already, by a worker that died since.
  bool is_published(std::uint64_t seq) const;
  // The frame before `seq` waits for who reads the first out-edge, so what is done here instead of there
  // delays nobody. A hint.
  bool readers_lag(std::uint64_t seq) const;
  // Where the next frame may be built in place: the first out-edge's block (see kReadPadding behind it).
  std::span<std::byte> space(std::uint64_t seq) const { return out_.front().ring.frame_space(seq); }
  // Writes `frame` into all out-edges (nothing is copied where it was built in place) and publishes it.
  // Errors: a frame too large for its block could not be stored elsewhere.
  Result<void> publish(std::uint64_t seq, std::span<const std::byte> frame) {
    return publish(seq, frame, frame, FrameChecksum(seq));
  }
  // The same with `others` on all out-edges but the first; `begun` is what is known of the checksum, and true
  // of both.
  Result<void> publish(std::uint64_t seq, std::span<const std::byte> frame, std::span<const std::byte> others,
                       const FrameChecksum& begun);
  // The rest of a publish that a dead worker began.
  void complete_publish(std::uint64_t seq);
  // Frees `seq` on all in-edges, the claimed one last. May be repeated after a death at any of its stores.
  void free(std::uint64_t seq);
  // For a sink's successor, before its first claim: frees what the dead one had written but not freed, all
  // frames below `end` (see WrittenState). Frames are claimed from `end` on then.
  void free_below(std::uint64_t end);
  // Tells everyone downstream that the stream ends before frame `end`.
  void announce_end(std::uint64_t end);

  // One past the last frame of the first in-edge, or kNoEnd.
  std::uint64_t input_end() const { return in_.front().ring.end_seq(); }
  // One past the last frame of the first out-edge, or kNoEnd: a predecessor has said that the stream ends.
  std::uint64_t output_end() const { return out_.front().ring.end_seq(); }
  // For a source's successor: the frame to go on with, one behind the last that is published. (That last one
  // may lack stores on further out-edges: complete_publish(next_output() - 1) makes them.)
  std::uint64_t next_output() const { return out_.front().ring.first_unpublished(); }
  // That last frame's bytes, as they stand in this producer's own block: nobody but a producer writes there,
  // so they are whole also after the frame was consumed. Errors: an overflow that its consumer has removed;
  // damage.
  Result<FrameBytes> read_published(std::uint64_t seq) const;
  // Number of the first frame of this epoch on the first out-edge.
  std::uint64_t first_output() const { return out_.front().ring.first_seq(); }
  std::size_t inputs() const { return in_.size(); }
  std::size_t outputs() const { return out_.size(); }
  bool is_cancelled() const { return cell_->cancel.load(std::memory_order_relaxed) != 0; }
  Cell& cell() const { return *cell_; }
  const Control& control() const { return control_; }
  std::uint32_t cell_index() const { return cell_index_; }

 private:
  Checksums wanted_checksums() const { return checksums_ ? Checksums::required : Checksums::if_present; }
  bool is_ready(std::uint64_t seq) const;
  bool has_room(std::uint64_t seq) const;
  bool try_claim(std::uint64_t& seq);
  bool try_claim_lowest(std::uint64_t& seq);
  bool is_another_ready() const;
  bool has_ended() const;
  template <class Attempt>
  std::optional<Outcome> spin(Attempt attempt) const;
  template <class Attempt>
  Outcome park(Attempt attempt, bool for_input);
  void leave_parking();
  bool input_is_missing() const;
  Result<void> write_frame(Edge& edge, std::uint64_t seq, std::span<const std::byte> frame,
                           const FrameChecksum& begun);
  std::uint64_t write_block(Edge& edge, std::uint64_t seq, std::span<const std::byte> frame,
                            const FrameChecksum& begun);
  void wake_one(const CellRange& cells) const;
  void wake_all(const CellRange& cells) const;

  std::vector<Edge> in_;
  std::vector<Edge> out_;
  Control control_;
  std::uint32_t cell_index_;
  Cell* cell_;
  CellRange siblings_;
  Order order_;
  std::uint64_t scan_from_;  // every frame below it is freed (strict: the next one)
  OverflowPolicy overflow_;
  bool checksums_;
};

}  // namespace datagen::ipc
