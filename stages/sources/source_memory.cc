// source-memory: JSON Lines that another process pushes into a ring (datagen/memory.h). Its frames are
// numbered by that process, and asked for again from the number in the cursor on.
#include <datagen/input_files.h>
#include <datagen/json_lines.h>
#include <datagen/source.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/channel.h"

namespace {

using datagen::Context;
using datagen::FileCursor;
using datagen::InputFile;
using datagen::ipc::Channel;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kScheme = "memory://";

// The frames of a ring, one behind the other. Its access points are the beginnings of frames, by number.
class RingInput final : public datagen::InputStream {
 public:
  RingInput(Channel& channel, const datagen::AccessPoint& from, std::uint64_t content_offset,
            const Context& context, std::string name, std::chrono::milliseconds patience)
      : channel_(channel),
        context_(context),
        name_(std::move(name)),
        patience_(patience),
        next_(from.file_offset),
        at_(from.content_offset),
        points_{from},
        skip_(content_offset - from.content_offset) {}

  bool wait(int milliseconds) override {
    const auto until = Clock::now() + std::chrono::milliseconds(milliseconds);
    while (!is_there()) {
      if (Clock::now() >= until) return false;
      channel_.wait();
      check_peer();
    }
    return true;
  }

  std::size_t read(char* to, std::size_t most) override {
    constexpr int kLookMs = 50;
    for (;;) {
      while (!wait(kLookMs)) {
        if (context_.cancelled()) throw std::runtime_error("the run is being stopped");
      }
      if (!is_full()) return 0;
      if (const std::size_t got = take(to, most)) return got;
    }
  }

  datagen::AccessPoint access_point(std::uint64_t content_offset) override {
    while (points_.size() > 1 && points_[1].content_offset <= content_offset) points_.pop_front();
    return points_.front();
  }
  bool is_live() const override { return true; }

 private:
  bool is_full() const { return channel_.ring().word(next_).is_full(next_); }
  bool is_there() const { return is_full() || channel_.ring().end_seq() <= next_; }

  // Some bytes of frame `next_`, copied; freed when that is all of it. 0: it lies before what is wanted.
  std::size_t take(char* to, std::size_t most) {
    const auto frame = channel_.read(next_);
    if (!frame) throw std::runtime_error(name_ + ": " + frame.error().message());
    const auto bytes =
        frame.value().bytes.subspan(std::min<std::size_t>(in_frame_, frame.value().bytes.size()));
    const std::size_t skipped = std::min<std::size_t>(bytes.size(), skip_);
    const std::size_t got = std::min(most, bytes.size() - skipped);
    std::memcpy(to, bytes.data() + skipped, got);
    skip_ -= skipped;
    in_frame_ += skipped + got;
    at_ += skipped + got;
    if (skipped + got == bytes.size()) {
      channel_.free(next_++);
      in_frame_ = 0;
      points_.push_back({next_, at_});
    }
    return got;
  }

  void check_peer() {
    if (channel_.has_other()) {
      missing_since_.reset();
      return;
    }
    if (!missing_since_) missing_since_ = Clock::now();
    if (patience_.count() == 0 || Clock::now() - *missing_since_ < patience_) return;
    throw datagen::BadInput("nobody has fed " + name_ + " for " + std::to_string(patience_.count() / 1000) +
                            " s; start the program that does, then go on: datagen resume");
  }

  Channel& channel_;
  const Context& context_;
  std::string name_;
  std::chrono::milliseconds patience_;
  std::uint64_t next_;        // frame
  std::size_t in_frame_ = 0;  // bytes of it that were taken
  std::uint64_t at_;          // of all content
  std::deque<datagen::AccessPoint> points_;
  std::uint64_t skip_;  // bytes that a predecessor has published already
  std::optional<Clock::time_point> missing_since_;
};

class MemorySource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads JSON Lines that another process pushes into shared memory",
               "input: memory://raw  # datagen::memory::Feeder(\"raw\")");
    p.integer("wait", 0).min(0).help("seconds without a feeder after which the run stops; 0: never");
    datagen::declare_record_limit(p, "line");
  }

  std::vector<InputFile> freeze(const std::string& path, Context&) override {
    return {{std::string(kScheme) + path, 0}};
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    const FileCursor begin = FileCursor::read(cursor);
    const std::string& name = inputs.at(0).uri;
    auto made = Channel::create(name.substr(kScheme.size()), datagen::ipc::ChannelDirection::feed,
                                begin.from.file_offset);
    if (!made) throw std::runtime_error(made.error().message());
    channel_.emplace(std::move(made).value());
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    const std::chrono::seconds patience(context.param<std::int64_t>("wait"));
    reader_->open(
        std::make_unique<RingInput>(*channel_, begin.from, begin.position.offset, context, name, patience),
        begin.position);
  }

  bool read(datagen::SourceFrame& frame) override {
    if (!reader_->read(frame)) return false;
    frame.set_cursor(FileCursor{reader_->position(), reader_->access_point()}.bytes());
    return true;
  }

  void committed(std::string_view cursor) override {
    channel_->header().committed.store(FileCursor::read(cursor).from.file_offset, std::memory_order_release);
    channel_->wake_other();
  }

  // The feeder learns that it may forget everything.
  bool wants_completion() const override { return true; }
  void complete() override {
    channel_->header().committed.store(channel_->ring().end_seq(), std::memory_order_release);
    channel_->header().state.store(datagen::ipc::ChannelHeader::kComplete, std::memory_order_release);
  }

 private:
  std::optional<Channel> channel_;  // outlives its reader
  std::optional<datagen::JsonLinesReader> reader_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<MemorySource>(argc, argv); }
