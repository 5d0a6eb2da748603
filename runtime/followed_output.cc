#include "followed_output.h"

#include <poll.h>

#include <algorithm>

#include "commit_log.h"
#include "datagen/input_files.h"

namespace datagen {

FollowedOutput::FollowedOutput(const Weld& weld, const ipc::Ports& ports, std::string_view cursor)
    : weld_(weld),
      ports_(ports),
      checkpoint_(ports.control().cell(weld.follows->source_cell).checkpoint_mark),
      inputs_(weld.inputs) {
  const FileCursor begin = FileCursor::read(cursor);
  const bool is_compressed = without_compression(inputs_.front().uri) != inputs_.front().uri;
  inputs_.front().bytes = is_compressed ? begin.from.file_offset : begin.position.offset;
}

Result<bool> FollowedOutput::wait_for_more() {
  constexpr int kPauseMs = 10;
  for (; !ports_.is_cancelled(); poll(nullptr, 0, kPauseMs)) {
    const std::uint64_t checkpoint = checkpoint_.load(std::memory_order_acquire);
    if (checkpoint == seen_) {
      if (checkpoint == ipc::kEndMark) return false;
      continue;
    }
    DATAGEN_TRY(const std::uint64_t bytes, committed_bytes(checkpoint));
    seen_ = checkpoint;
    if (bytes <= inputs_.front().bytes) continue;
    inputs_.front().bytes = bytes;
    return true;
  }
  return false;
}

Result<std::uint64_t> FollowedOutput::committed_bytes(std::uint64_t checkpoint) const {
  DATAGEN_TRY(const auto commits, read_commits(weld_.follows->done_path, weld_.stage_names));
  const auto found = std::find_if(commits.rbegin(), commits.rend(), [&](const LoggedCommit& logged) {
    return logged.commit.sealed ? checkpoint == ipc::kEndMark : logged.commit.mark <= checkpoint;
  });
  return found == commits.rend() ? 0 : found->commit.file_bytes;
}

}  // namespace datagen
