// A run made by hand: runtime.json, a control segment and two rings, with frames as a test fills them; and
// the program run on it. source → clean (two workers) → sink: cells 0, 1 and 2, 3.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "frame.h"
#include "ipc/frame_checksum.h"
#include "ipc/overflow.h"
#include "json_write.h"
#include "launcher/process.h"
#include "tests/ipc/rig.h"

namespace datagen::tools::testing {

using ipc::testing::Child;
using ipc::testing::must;
using ipc::testing::Scratch;

inline std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class MadeRun : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kEpoch = 0x1a2b3c4d;
  static constexpr ipc::RingGeometry kGeometry{4, 2 * ipc::kPageBytes};

  MadeRun() {
    std::filesystem::create_directories(run());
    std::ofstream(run() + "/runtime.json") << R"({
  "version": 1, "run_id": ")" << run_id_ << R"(", "pipeline": "made", "generation": 1,
  "meaning": "00000000000000000000000000000000", "ids": "add",
  "limits": {"max_record_bytes": 268435456, "overflow_bytes": 268435456},
  "stages": [
    {"id": "source", "kind": "source", "executable": "/x/source-jsonl", "executable_hash": "0000000000000000", "uri": "jsonl:///x/in.jsonl",
     "params": {}, "workers": 1, "threads": 1, "batch_size": 0, "first_cell": 0, "in": [], "out": [0]},
    {"id": "clean", "kind": "stage", "executable": "/x/clean_text", "executable_hash": "0000000000000000",
     "params": {}, "workers": 2, "threads": 1, "batch_size": 0, "first_cell": 1, "in": [0], "out": [1]},
    {"id": "sink", "kind": "sink", "executable": "/x/sink-jsonl", "executable_hash": "0000000000000000", "uri": "jsonl:///x/out.jsonl",
     "params": {}, "workers": 1, "threads": 1, "batch_size": 0, "first_cell": 3, "in": [1], "out": []}
  ],
  "edges": [{"from": 0, "to": 1, "slots": 4, "block_bytes": 8192}, {"from": 1, "to": 2, "slots": 4, "block_bytes": 8192}],
  "inputs": [{"uri": "/x/in.jsonl", "bytes": 100}]
})";
  }

  // The newest run under the folder in which the program runs.
  std::string run() const { return (scratch_.directory() / "runs" / "made").string(); }
  std::string run_id_ = "test" + std::to_string(getpid()) + "x" + std::to_string(std::random_device{}());
  Scratch scratch_{300, "datagen." + run_id_ + "."};

  void make_rings(std::uint32_t epoch = kEpoch, std::uint64_t first_seq = 0) {
    for (const std::uint32_t edge : {0u, 1u})
      must(ipc::Ring::create(ipc::ring_name(run_id_, epoch, edge), kGeometry, epoch, first_seq));
  }
  void make_control(std::uint32_t epoch = kEpoch) {
    must(ipc::Control::create(ipc::control_name(run_id_, epoch), 4, 2, epoch, run()));
  }
  // As a launcher that is dead by now.
  void make_control_of_the_dead(std::uint32_t epoch = kEpoch) {
    Child launcher([&] {
      make_control(epoch);
      return 0;
    });
    ASSERT_TRUE(launcher.exits_with(0));
  }
  void make_all() {
    make_rings();
    make_control();
  }

  std::string ring_name(std::uint32_t edge, std::uint32_t epoch = kEpoch) const {
    return ipc::ring_name(run_id_, epoch, edge);
  }
  ipc::Ring ring(std::uint32_t edge, std::uint32_t epoch = kEpoch) const {
    return must(ipc::Ring::attach(ring_name(edge, epoch), kGeometry, epoch, ipc::Ring::Role::producer));
  }
  ipc::Control control() const {
    return must(ipc::Control::attach(ipc::control_name(run_id_, kEpoch), ipc::Access::read_write));
  }

  // Publishes frame `seq` with records of one source row each, from `first_row` on.
  void publish(std::uint32_t edge, std::uint64_t seq, const std::vector<std::string>& records,
               std::uint64_t first_row, Tag tag = Tag::json) {
    ipc::Ring target = ring(edge);
    FrameOrigin origin;
    origin.first_row = first_row;
    origin.first_line = first_row + 1;
    FrameWriter writer;
    writer.begin(target.frame_space(seq), origin);
    for (std::size_t index = 0; index < records.size(); ++index) {
      Origin at;
      at.row = first_row + index;
      writer.add(records[index], "", at, tag, 0);
    }
    place(target, seq, writer.finish("side"));
  }
  void place(ipc::Ring& target, std::uint64_t seq, std::span<const std::byte> frame) {
    ipc::BlockHeader* header = target.block_header(seq);
    if (frame.size() > kGeometry.frame_capacity()) {
      must(ipc::write_overflow(target, seq, frame, {run() + "/overflow"}));
    } else {
      // In place already when a FrameWriter made it there.
      if (frame.data() != target.frame_space(seq).data())
        std::memcpy(target.frame_space(seq).data(), frame.data(), frame.size());
      *header = {};
      header->seq = seq;
      header->frame_bytes = frame.size();
    }
    header->checksum = ipc::frame_checksum(frame, seq);
    header->has_checksum = 1;
    target.publish(seq);
  }

  // Writes over bytes of a segment, as a wild pointer does.
  void damage(const std::string& name, std::uint64_t offset, const std::string& bytes) {
    const auto mapping = must(ipc::map_segment(name, ipc::Access::read_write));
    std::memcpy(mapping.data() + offset, bytes.data(), bytes.size());
  }
  static std::uint64_t block_offset(std::uint64_t slot) {
    return kGeometry.data_offset() + slot * kGeometry.block_bytes;
  }

  std::vector<std::string> segments() const {
    std::vector<std::string> found;
    const std::string prefix = "datagen." + run_id_ + ".";
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      const std::string file = entry.path().filename();
      if (file.starts_with(prefix)) found.push_back(file.substr(prefix.size()));
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  struct Answer {
    int code = -1;
    std::string out, err;
  };
  std::vector<std::string> command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {"/bin/sh", "-c", "cd \"$0\" && exec \"$@\" 2>err", scratch_.directory(), DATAGEN_RING});
    return arguments;
  }
  Answer ask(const std::vector<std::string>& arguments) const {
    const std::string out = scratch_.directory() / "out";
    std::filesystem::remove(out);
    auto process = launcher::Process::spawn({command(arguments), out});
    if (!process) return {-1, "", process.error().message()};
    const auto exit = process.value().wait();
    return {exit.signalled ? 1000 + exit.code : exit.code, file_text(out),
            file_text(scratch_.directory() / "err")};
  }
};

// The process's start time, as a worker notes it in its cell.
inline std::uint64_t start_ticks_of(pid_t pid) {
  const std::string stat = file_text("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) rest >> field;
  return std::stoull(field);
}

}  // namespace datagen::tools::testing
