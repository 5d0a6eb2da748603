// memory://NAME: a ring between a run and another process of the same user, and the rendezvous of the two.
//
// Two objects in /dev/shm, mode 0600, made by the run's end (a source or sink):
//   datagen-memory.NAME          the channel: ChannelHeader; its first byte is locked by the run's end, the
//                                second by the peer, as long as they live (F_OFD_SETLK: the kernel lets go)
//   datagen-memory.NAME.EPOCH    the ring (ipc/ring.h), whose number the channel states
//
// Every process of the run that opens this end makes both anew, with the first frame that it wants or has.
// So nothing in them is repaired after a death: the ring dies with the run's process that made it, and the
// peer goes over to the next one. What a peer leaves undone is a block behind a FREE word, which its
// successor writes again, or a FULL word, which its successor reads again.
//
// Words: a slot's word is stored by the producer FREE -> FULL and by the consumer FULL -> FREE; `end_seq` by
// the producer; `committed` and `state` by the run's end; `end_seen` by the peer. A post of a semaphore is a
// hint: who waits looks again every 50 ms. docs/ring_format.md argues what a death between any two of them
// does.
#pragma once

#include <semaphore.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ipc/frame_bytes.h"
#include "ipc/ring.h"

namespace datagen::ipc {

enum class ChannelDirection : std::uint32_t { feed = 1, read = 2 };  // into the run, out of it

struct ChannelHeader {
  static constexpr std::uint64_t kMagic = 0x316e616843474431;  // "1DGChan1"
  static constexpr std::uint64_t kOpen = 0, kLeft = 1, kComplete = 2;
  AtomicWord magic;  // stored last
  std::uint32_t version;
  ChannelDirection direction;
  std::uint32_t slots;
  std::uint32_t reserved;
  std::uint64_t block_bytes;
  std::uint64_t epoch;
  alignas(kCacheLine) AtomicWord state;
  AtomicWord committed;  // feed: frames below it are never asked for again
  AtomicWord end_seen;   // read: the peer has all and knows that it is all
  alignas(kCacheLine) sem_t run_semaphore;
  alignas(kCacheLine) sem_t peer_semaphore;
};
static_assert(sizeof(ChannelHeader) == 4 * kCacheLine);

class Channel {
 public:
  enum class Side : std::uint8_t { run, peer };

  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  ~Channel();  // the run's end: says that it left, and removes the names

  // By the run's end. Removes what a dead process of that name has left. Errors: the name cannot be; another
  // run uses it; those of create_segment.
  static Result<Channel> create(const std::string& name, ChannelDirection direction, std::uint64_t first_seq);
  // By the peer. No value: there is no run at the other end just now, or another peer is attached.
  // Errors: the name cannot be; it is another user's, or the other end of a graph.
  static Result<std::optional<Channel>> attach(const std::string& name, ChannelDirection direction);

  ChannelHeader& header() const { return *header_; }
  Ring& ring() { return *ring_; }
  // The process at the other end lives.
  bool has_other() const;
  // Sleeps until the other end does something, or 50 ms.
  void wait() const;
  void wake_other() const;

  // By the producer, when the ring has room for `seq`. Errors: those of write_overflow.
  Result<void> publish(std::uint64_t seq, std::string_view bytes);
  Result<FrameBytes> read(std::uint64_t seq) const;
  void free(std::uint64_t seq);

 private:
  Channel() = default;
  bool lock(Side side) const;
  void leave();

  std::string name_;  // in /dev/shm
  Side side_ = Side::run;
  int fd_ = -1;  // of the channel, for its locks
  Mapping mapping_;
  ChannelHeader* header_ = nullptr;
  std::optional<Ring> ring_;
  OverflowPolicy overflow_;
};

}  // namespace datagen::ipc
