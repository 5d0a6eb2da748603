#include "ipc/overflow.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace datagen::ipc {
namespace bip = boost::interprocess;

namespace {

std::string overflow_name(const Ring& ring, std::uint64_t seq) {
  return ring.name() + ".o" + std::to_string(seq % ring.capacity());
}

std::string overflow_file(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy) {
  return policy.directory + "/" + overflow_name(ring, seq);
}

std::uint64_t bytes_in_segments(const Ring& ring) {
  std::uint64_t total = 0;
  for (std::uint32_t index = 0; index < ring.capacity(); ++index) {
    const SlotWord word = ring.word(index);
    if (word.state() == SlotState::free) continue;
    const BlockHeader header = ring.read_block_header(index);
    std::atomic_thread_fence(std::memory_order_acquire);
    // A word that changed: freed meanwhile, and the header may be a sibling's next frame, half written.
    if (header.placement != Placement::segment || ring.word(index).seq() != word.seq()) continue;
    total += std::min(header.frame_bytes, kFrameBytesMax);
  }
  return total;
}

Result<void> write_segment(const std::string& name, std::span<const std::byte> frame) {
  remove_segment(name);  // left by a producer that died before publishing
  DATAGEN_TRY(create_segment(name, frame.size() + kReadPadding));
  auto mapping = map_segment(name, Access::read_write);
  if (!mapping) {
    remove_segment(name);
    return std::move(mapping).as_failure();
  }
  std::memcpy(mapping.value().data(), frame.data(), frame.size());
  return success();
}

Result<void> write_file(const std::string& path, const std::string& directory,
                        std::span<const std::byte> frame) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("cannot create " + directory, errno);
  }
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error::from_errno("cannot create " + path, errno);
  int error = 0;
  do {
    error = posix_fallocate(fd, 0, static_cast<off_t>(frame.size() + kReadPadding));
  } while (error == EINTR);
  for (std::size_t done = 0; error == 0 && done < frame.size();) {
    const ssize_t written = pwrite(fd, frame.data() + done, frame.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  close(fd);
  if (error == 0) return success();
  unlink(path.c_str());
  return Error::from_errno("cannot write " + path + " (" + std::to_string(frame.size()) + " bytes)", error);
}

}  // namespace

Result<void> write_overflow(Ring& ring, std::uint64_t seq, std::span<const std::byte> frame,
                            const OverflowPolicy& policy) {
  BlockHeader* header = ring.block_header(seq);
  header->seq = seq;
  header->frame_bytes = frame.size();
  header->placement = Placement::segment;
  if (bytes_in_segments(ring) + frame.size() <= policy.segment_bytes_max) {
    if (write_segment(overflow_name(ring, seq), frame)) return success();
  }
  header->placement = Placement::file;
  return write_file(overflow_file(ring, seq, policy), policy.directory, frame);
}

Result<Mapping> map_overflow(const Ring& ring, std::uint64_t seq, Placement placement,
                             std::uint64_t frame_bytes, const OverflowPolicy& policy) {
  if (placement == Placement::segment) {
    return map_segment(overflow_name(ring, seq), Access::read_only, 0, frame_bytes + kReadPadding);
  }
  const std::string path = overflow_file(ring, seq, policy);
  try {
    bip::file_mapping file(path.c_str(), bip::read_only);
    // Of this descriptor, not of the name: for a launcher that looks at a ring in use, the name may stand for
    // another frame's file by now.
    struct stat info {};
    if (fstat(file.get_mapping_handle().handle, &info) != 0)
      return Error::from_errno("cannot read " + path, errno);
    if (static_cast<std::uint64_t>(info.st_size) < frame_bytes + kReadPadding)
      return Error("overflow file " + path + " is shorter than its frame");
    bip::mapped_region region(file, bip::read_only, 0, frame_bytes + kReadPadding);
    if (madvise(region.get_address(), region.get_size(), MADV_DONTFORK) != 0) {
      return Error::from_errno("cannot protect the mapping of " + path, errno);
    }
    return Mapping(std::move(region));
  } catch (const bip::interprocess_exception& exception) {
    return Error::from_errno("cannot map " + path, exception.get_native_error());
  }
}

void remove_overflow(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy) noexcept {
  // Both: a redo may have chosen another place than the attempt that died.
  remove_segment(overflow_name(ring, seq));
  if (!policy.directory.empty()) unlink(overflow_file(ring, seq, policy).c_str());
}

}  // namespace datagen::ipc
