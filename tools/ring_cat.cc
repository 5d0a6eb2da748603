#include "tools/ring_cat.h"

#include <fmt/format.h>
#include <poll.h>
#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <boost/beast/core/detail/base64.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/frame_bytes.h"
#include "ipc/segment.h"
#include "launcher/json_text.h"
#include "runtime/frame.h"
#include "runtime/json_document.h"
#include "runtime/json_write.h"

namespace datagen::tools {

namespace {

constexpr int kFollowMs = 20;
constexpr int kRoundsPerLauncherCheck = 50;

std::string base64(std::string_view bytes) {
  namespace codec = boost::beast::detail::base64;
  std::string text(codec::encoded_size(bytes.size()), '\0');
  text.resize(codec::encode(text.data(), bytes.data(), bytes.size()));
  return text;
}

// The record's JSON on one line; nothing when it is none: a source's bytes are checked by the first operator
// that looks.
std::optional<std::string> json_of(const RecordView& record) {
  std::string json;
  try {
    if (record.tag == Tag::msgpack) {
      ByteBuffer out;
      append_msgpack_as_json(out, record.payload);
      json = out.view();
    } else {
      json = record.payload;
    }
  } catch (const std::exception&) {  // no msgpack
    return {};
  }
  // As operators read it: integers beyond 64 bits are fine.
  simdjson::dom::parser parser;
  JsonDocument document;
  const std::size_t bytes = json.size();
  json.append(simdjson::SIMDJSON_PADDING, '\0');
  if (document.parse(parser, std::string_view(json).substr(0, bytes)) != JsonError::none) return {};
  // White space around and between values may be line breaks.
  std::string line(json.size(), '\0');
  std::size_t length = 0;
  if (simdjson::minify(json.data(), bytes, line.data(), length) != simdjson::SUCCESS) return {};
  line.resize(length);
  return line;
}

class Cat {
 public:
  Cat(const RunView& view, const CatOptions& options) : view_(view), options_(options) {}

  // Error: a ring cannot be looked into.
  Result<void> open(const EpochNames& epoch) {
    for (std::uint32_t index = 0; index < view_.plan().edges.size(); ++index) {
      if (options_.edge && *options_.edge != index) continue;
      DATAGEN_TRY(auto ring, ipc::Ring::observe(epoch.ring_name(index)));
      rings_.push_back({index, std::move(ring), 0, 0});
      rings_.back().next = rings_.back().ring.oldest_unfreed();
    }
    const auto control = ipc::Control::attach(epoch.control_name(), ipc::Access::read_only);
    if (control) launcher_ = static_cast<pid_t>(control.value().header().launcher_pid);
    return success();
  }

  int run() {
    for (int round = 1;; ++round) {
      // Before the look: what is published by then is shown by this look.
      const bool is_last = !options_.follow || has_ended(round);
      for (Followed& followed : rings_) show_ring(followed);
      std::fflush(stdout);
      if (is_last || is_done_) break;
      // A read-only observer cannot ask to be woken; it looks again.
      poll(nullptr, 0, kFollowMs);
    }
    for (const Followed& followed : rings_) {
      if (options_.follow && followed.missed > 0) {
        std::fprintf(stderr, "edge %u: %llu frames went by between two looks\n", followed.index,
                     static_cast<unsigned long long>(followed.missed));
      }
    }
    return is_damaged_ ? 4 : 0;
  }

 private:
  struct Followed {
    std::uint32_t index;
    ipc::Ring ring;
    std::uint64_t next;    // the lowest frame that was not shown
    std::uint64_t missed;  // freed before they could be shown
  };

  bool has_ended(int round) {
    const auto is_over = [](const Followed& followed) {
      return followed.ring.is_drained() || !ipc::segment_size(followed.ring.name());
    };
    if (std::ranges::all_of(rings_, is_over)) return true;
    return round % kRoundsPerLauncherCheck == 0 && !launcher::is_alive(launcher_, 0);
  }

  void show_ring(Followed& followed) {
    std::vector<std::uint64_t> frames;
    for (std::uint32_t slot = 0; slot < followed.ring.capacity(); ++slot) {
      const ipc::SlotWord word = followed.ring.word(slot);
      const bool is_published =
          word.state() == ipc::SlotState::full || word.state() == ipc::SlotState::claimed;
      if (is_published && word.seq() % followed.ring.capacity() == slot && word.seq() >= followed.next)
        frames.push_back(word.seq());
    }
    std::ranges::sort(frames);
    if (options_.follow) frames = in_order(followed, std::move(frames));
    for (const std::uint64_t seq : frames) {
      if (is_done_) return;
      show_frame(followed, seq);
    }
  }

  // Of a stage with several workers frame n + 1 may be published before n: it is shown when n has been, or is
  // known to have gone by.
  std::vector<std::uint64_t> in_order(Followed& followed, std::vector<std::uint64_t> frames) {
    const std::uint64_t published = followed.ring.first_unpublished();
    std::erase_if(frames, [&](std::uint64_t seq) { return seq >= published; });
    followed.missed += published > followed.next ? published - followed.next - frames.size() : 0;
    followed.next = std::max(followed.next, published);
    return frames;
  }

  void show_frame(Followed& followed, std::uint64_t seq) {
    const ipc::Ring& ring = followed.ring;
    const ipc::SlotWord word = ring.word(seq);
    auto read = ipc::read_frame(ring, seq, view_.overflow(), ipc::Checksums::if_present);
    const ipc::BlockHeader header = ring.read_block_header(seq);
    std::vector<std::byte> copy;
    if (read) copy.assign(read.value().bytes.begin(), read.value().bytes.end());
    std::atomic_thread_fence(std::memory_order_acquire);
    const ipc::SlotWord after = ring.word(seq);
    if (after.seq() != seq || after.state() == ipc::SlotState::free) {  // freed while it was being copied
      ++followed.missed;
      return;
    }
    if (!read) {
      // Its consumer removes an overflow before it frees the slot.
      const bool is_removed =
          header.placement != ipc::Placement::block && word.state() == ipc::SlotState::claimed;
      return is_removed ? void(++followed.missed) : complain(read.error().message());
    }
    const auto frame = FrameReader::open(copy);
    if (!frame)
      return complain(fmt::format("ring {}, frame {}: {}", ring.name(), seq, frame.error().message()));
    show_records(followed.index, seq, after, frame.value());
  }

  void show_records(std::uint32_t edge, std::uint64_t seq, ipc::SlotWord word, const FrameReader& frame) {
    const FrameOrigin& origin = frame.origin();
    const bool is_full = word.state() == ipc::SlotState::full;
    std::string line =
        fmt::format("{{\"edge\":{},\"frame\":{},\"state\":\"{}\",", edge, seq, is_full ? "full" : "claimed");
    if (!is_full) line += fmt::format("\"cell\":{},", word.owner() - 1);
    line += fmt::format(
        "\"bytes\":{},\"records\":{},\"first_row\":{},\"source\":{},\"mark\":{},\"side_bytes\":{}}}\n",
        frame.bytes(), frame.size(), origin.first_row, origin.source, origin.mark, frame.side().size());
    put(line);
    for (std::size_t index = 0; index < frame.size() && !is_done_; ++index) {
      const RecordView record = frame[index];
      const std::string id = lineage_id(record.origin.row, record.path);
      const bool is_row = record.path.empty() && record.origin.row != kNoRow;
      line = fmt::format("{{\"edge\":{},\"frame\":{},\"index\":{},\"id\":{},", edge, seq, index,
                         is_row ? id : json_text_or_base64(id));
      const auto json = json_of(record);
      put(line + (json ? "\"record\":" + *json : "\"record_base64\":\"" + base64(record.payload) + "\"") +
          "}\n");
      is_done_ = ++shown_ == options_.records_max;
    }
  }

  static std::string json_text_or_base64(const std::string& text) {
    return launcher::json_string(simdjson::validate_utf8(text) ? text : base64(text));
  }

  void put(const std::string& line) { std::fwrite(line.data(), 1, line.size(), stdout); }

  void complain(const std::string& what) {
    std::fprintf(stderr, "datagen-ring: %s\n", what.c_str());
    is_damaged_ = true;
  }

  const RunView& view_;
  const CatOptions& options_;
  std::vector<Followed> rings_;
  pid_t launcher_ = 0;
  std::uint64_t shown_ = 0;
  bool is_done_ = false;
  bool is_damaged_ = false;
};

}  // namespace

int cat(const RunView& view, const CatOptions& options) {
  if (view.epochs.empty()) {
    std::fprintf(stderr, "datagen-ring: %s has nothing in shared memory\n", view.directory.c_str());
    return 0;
  }
  Cat command(view, options);
  if (const auto opened = command.open(view.epochs.front()); !opened) {
    std::fprintf(stderr, "datagen-ring: %s\n", opened.error().message().c_str());
    return 4;
  }
  return command.run();
}

}  // namespace datagen::tools
