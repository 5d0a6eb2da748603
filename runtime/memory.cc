#include "datagen/memory.h"

#include <poll.h>

#include <cstring>
#include <utility>

#include "ipc/channel.h"
#include "memory_frame.h"

namespace datagen::memory {

namespace {

using ipc::Channel;
using ipc::ChannelDirection;
using ipc::ChannelHeader;
using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) throw MemoryError(result.error().message());
  return std::move(result).value();
}

// One end of a channel, which goes over to the run's next process when there is one.
class Peer {
 public:
  Peer(std::string name, ChannelDirection direction, Timeout timeout)
      : name_(std::move(name)), direction_(direction), timeout_(timeout) {
    attach();
  }

  Channel& operator*() { return *channel_; }
  Channel* operator->() { return &*channel_; }

  void attach() {
    constexpr int kPauseMs = 10;
    channel_.reset();
    const auto deadline = Clock::now() + timeout_;
    while (!(channel_ = must(Channel::attach(name_, direction_)))) {
      if (Clock::now() >= deadline) {
        throw MemoryError("no run " + std::string(direction_ == ChannelDirection::feed ? "reads" : "writes") +
                          " memory://" + name_ + ", or another process is attached to it (waited " +
                          std::to_string(timeout_.count()) +
                          " ms): start it, or go on with it: datagen resume");
      }
      poll(nullptr, 0, kPauseMs);
    }
  }

  std::uint64_t state() { return channel_->header().state.load(std::memory_order_acquire); }
  // Nobody will do anything at the other end of this ring.
  bool is_left() { return state() == ChannelHeader::kLeft || !channel_->has_other(); }

 private:
  std::string name_;
  ChannelDirection direction_;
  Timeout timeout_;
  std::optional<Channel> channel_;
};

}  // namespace

// ---- feeding

struct Feeder::State {
  Peer peer;
  std::uint64_t next;
};

Feeder::Feeder(const std::string& name, Timeout timeout)
    : state_(new State{Peer(name, ChannelDirection::feed, timeout), 0}) {
  state_->next = state_->peer->ring().first_unpublished();
}

Feeder::~Feeder() = default;

std::uint64_t Feeder::next() const { return state_->next; }

std::uint64_t Feeder::committed() const {
  return state_->peer->header().committed.load(std::memory_order_acquire);
}

bool Feeder::push(std::string_view lines) {
  Peer& peer = state_->peer;
  while (!peer->ring().word(state_->next).has_room_for(state_->next)) {
    if (!peer.is_left()) {
      peer->wait();
      continue;
    }
    peer.attach();
    const std::uint64_t wanted = peer->ring().first_unpublished();
    if (wanted != std::exchange(state_->next, wanted)) return false;
  }
  std::string ended;
  if (!lines.ends_with('\n')) lines = ended.append(lines).append("\n");
  if (const auto done = peer->publish(state_->next, lines); !done) throw MemoryError(done.error().message());
  ++state_->next;
  return true;
}

bool Feeder::finish() {
  Peer& peer = state_->peer;
  peer->ring().set_end_seq(state_->next);
  peer->wake_other();
  while (peer.state() != ChannelHeader::kComplete) {
    if (!peer.is_left()) {
      peer->wait();
      continue;
    }
    if (peer.state() == ChannelHeader::kComplete) break;  // and left, since
    peer.attach();
    state_->next = peer->ring().first_unpublished();
    return false;
  }
  return true;
}

// ---- reading

struct Reader::State {
  Peer peer;
  std::uint64_t next;      // in the ring
  std::uint64_t position;  // records that were dealt with, or given out
  bool is_out = false;     // frame `next` was given out
  ipc::FrameBytes bytes;   // of it

  // Frame `next` is dealt with.
  void free() {
    peer->free(next++);
    is_out = false;
  }
  void go_over() {
    peer.attach();
    next = peer->ring().oldest_unfreed();
    is_out = false;
  }
  std::optional<Frame> open();
};

namespace {

// Behind so many lines.
std::size_t behind_lines(std::string_view lines, std::uint64_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < lines.size(); --count) {
    const std::size_t newline = lines.find('\n', at);
    at = newline == std::string_view::npos ? lines.size() : newline + 1;
  }
  return at;
}

}  // namespace

// Frame `next` without what was dealt with before; nothing when that is all of it.
std::optional<Reader::Frame> Reader::State::open() {
  bytes = must(peer->read(next));
  MemoryFrameHeader header{};
  if (bytes.bytes.size() < sizeof header) throw MemoryError("a frame is shorter than its header");
  std::memcpy(&header, bytes.bytes.data(), sizeof header);
  std::string_view lines(reinterpret_cast<const char*>(bytes.bytes.data()) + sizeof header,
                         bytes.bytes.size() - sizeof header);
  if (header.first > position) {
    throw MemoryError("the run has gone on to record " + std::to_string(header.first) + ", but only " +
                      std::to_string(position) +
                      " were dealt with: what lies between was taken by another process");
  }
  const std::uint64_t known = position - header.first;
  if (known >= header.records) return std::nullopt;
  lines.remove_prefix(behind_lines(lines, known));
  const Frame frame{position, header.records - known, lines};
  position = header.first + header.records;
  return frame;
}

Reader::Reader(const std::string& name, std::uint64_t from, Timeout timeout)
    : state_(new State{Peer(name, ChannelDirection::read, timeout), 0, from, false, {}}) {
  state_->next = state_->peer->ring().oldest_unfreed();
}

Reader::~Reader() = default;

std::optional<Reader::Frame> Reader::next() {
  State& state = *state_;
  Peer& peer = state.peer;
  if (state.is_out) state.free();
  for (;;) {
    if (peer->ring().word(state.next).is_full(state.next)) {
      if (auto frame = state.open()) {
        state.is_out = true;
        return frame;
      }
      state.free();
    } else if (peer->ring().end_seq() <= state.next) {
      peer->header().end_seen.store(1, std::memory_order_release);
      peer->wake_other();
      return std::nullopt;
    } else if (peer.is_left()) {
      state.go_over();
    } else {
      peer->wait();
    }
  }
}

}  // namespace datagen::memory
