// sink-memory: JSON Lines that another process takes out of a ring (datagen/memory.h). What it has not dealt
// with yet is held: its frames stay in the run's ring, and no commit passes them.
#include <datagen/sink.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>

#include "ipc/channel.h"
#include "memory_frame.h"

namespace {

using datagen::Context;
using datagen::ipc::Channel;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFrameBytes = 128 << 10;  // of lines, unless one is longer

class MemorySink : public datagen::Sink {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Writes JSON Lines into shared memory, for another process",
               "output: memory://clean  # datagen::memory::Reader(\"clean\")");
    p.integer("wait", 0).min(0).help("seconds without a reader after which the run stops; 0: never");
  }

  std::vector<std::string> outputs(const std::string& path, Context&) override {
    return {"memory://" + path};
  }

  void open(const std::string& path, const datagen::WrittenOutput& written, Context& context) override {
    context_ = &context;
    name_ = "memory://" + path;
    patience_ = std::chrono::seconds(context.param<std::int64_t>("wait"));
    auto made = Channel::create(path, datagen::ipc::ChannelDirection::read, 0);
    if (!made) throw std::runtime_error(made.error().message());
    channel_.emplace(std::move(made).value());
    records_ = written.records;
    bytes_ = taken_bytes_ = written.bytes;
  }

  void write(std::string_view lines, std::uint64_t) override {
    bytes_ += lines.size();
    while (!lines.empty()) {
      std::size_t size = lines.size();
      if (size > kFrameBytes) {
        const std::size_t newline = lines.rfind('\n', kFrameBytes);
        size = (newline == std::string_view::npos ? lines.find('\n') : newline) + 1;
      }
      push(lines.substr(0, size));
      lines.remove_prefix(size);
    }
    writes_.push_back({next_, bytes_});
  }

  std::uint64_t held() const override { return writes_.size(); }
  std::uint64_t bytes() const override { return taken_bytes_; }

  void flush(std::uint64_t most) override {
    for (look(); writes_.size() > most; look()) wait();
  }
  void sync() override {}  // what the reader has dealt with is its affair

  // Not forever: the reader may have died behind its last record.
  void complete() override {
    constexpr std::chrono::seconds kPatience(5);
    channel_->ring().set_end_seq(next_);
    channel_->header().state.store(datagen::ipc::ChannelHeader::kComplete, std::memory_order_release);
    channel_->wake_other();
    const auto until = Clock::now() + kPatience;
    while (channel_->header().end_seen.load(std::memory_order_acquire) == 0 && Clock::now() < until &&
           !context_->cancelled())
      channel_->wait();
  }

 private:
  struct Write {
    std::uint64_t end;  // behind its last frame in the ring
    std::uint64_t bytes;
  };

  void push(std::string_view lines) {
    while (!channel_->ring().word(next_).has_room_for(next_)) wait();
    const auto count = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    const datagen::MemoryFrameHeader header{records_, count};
    frame_.assign(reinterpret_cast<const char*>(&header), sizeof header);
    frame_.append(lines);
    if (const auto done = channel_->publish(next_, frame_); !done)
      throw datagen::CannotWrite(name_ + ": " + done.error().message());
    records_ += count;
    ++next_;
  }

  // What the reader has dealt with since.
  void look() {
    const std::uint64_t oldest = channel_->ring().oldest_unfreed();
    while (!writes_.empty() && writes_.front().end <= oldest) {
      taken_bytes_ = writes_.front().bytes;
      writes_.pop_front();
    }
  }

  void wait() {
    if (context_->cancelled()) throw std::runtime_error("the run is being stopped");
    if (channel_->has_other()) {
      missing_since_.reset();
    } else if (!missing_since_) {
      missing_since_ = Clock::now();
    } else if (patience_.count() > 0 && Clock::now() - *missing_since_ >= patience_) {
      throw datagen::CannotWrite("nobody has read " + name_ + " for " + std::to_string(patience_.count()) +
                                 " s; start the program that does, then go on: datagen resume");
    }
    channel_->wait();
  }

  const Context* context_ = nullptr;
  std::string name_;
  std::chrono::seconds patience_{0};
  std::optional<Channel> channel_;
  std::uint64_t next_ = 0;     // frame of the ring
  std::uint64_t records_ = 0;  // in all frames so far
  std::uint64_t bytes_ = 0, taken_bytes_ = 0;
  std::deque<Write> writes_;  // that the reader has not dealt with in full
  std::string frame_;
  std::optional<Clock::time_point> missing_since_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<MemorySink>(argc, argv); }
