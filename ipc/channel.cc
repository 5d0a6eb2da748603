#include "ipc/channel.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <random>
#include <span>
#include <string_view>
#include <utility>

#include "ipc/frame_checksum.h"

namespace datagen::ipc {

namespace {

constexpr RingGeometry kGeometry{16, 256 << 10};
constexpr long kLookNs = 50'000'000;

Result<std::string> object_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 100 || !std::ranges::all_of(name, fits))
    return Error("memory://" + name + ": a name has up to 100 letters, digits, _ and -");
  return "datagen-memory." + name;
}

std::string ring_of(const std::string& channel, std::uint64_t epoch) {
  return channel + "." + std::to_string(epoch);
}

// One byte of the file. F_OFD_SETLK: held until the description is closed, that is, until its process dies.
struct flock byte_lock(Channel::Side side) {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  wanted.l_start = side == Channel::Side::run ? 0 : 1;
  wanted.l_len = 1;
  return wanted;
}

// The ring of that channel and its overflows, whichever epoch they are of.
void remove_rings(const std::string& channel) {
  std::error_code error;
  const std::string prefix = channel + ".";
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", error)) {
    if (const std::string found = entry.path().filename(); found.starts_with(prefix)) remove_segment(found);
  }
}

}  // namespace

Channel::Channel(Channel&& other) noexcept { *this = std::move(other); }

Channel& Channel::operator=(Channel&& other) noexcept {
  if (this == &other) return *this;
  leave();
  name_ = std::move(other.name_);
  side_ = other.side_;
  fd_ = std::exchange(other.fd_, -1);
  mapping_ = std::move(other.mapping_);
  header_ = std::exchange(other.header_, nullptr);
  ring_ = std::move(other.ring_);
  overflow_ = std::move(other.overflow_);
  return *this;
}

Channel::~Channel() { leave(); }

void Channel::leave() {
  if (fd_ < 0) return;
  if (side_ == Side::run) {
    remove_segment(
        name_);  // while the lock is held: a name that is there unlocked was left by a dead process
    remove_rings(name_);
    if (header_ != nullptr) {  // else it was not made in full
      std::uint64_t open = ChannelHeader::kOpen;
      header_->state.compare_exchange_strong(open, ChannelHeader::kLeft);
      wake_other();
    }
  }
  close(fd_);
  fd_ = -1;
}

bool Channel::lock(Side side) const {
  struct flock wanted = byte_lock(side);
  return fcntl(fd_, F_OFD_SETLK, &wanted) == 0;
}

bool Channel::has_other() const {
  struct flock found = byte_lock(side_ == Side::run ? Side::peer : Side::run);
  return fcntl(fd_, F_OFD_GETLK, &found) == 0 && found.l_type != F_UNLCK;
}

Result<Channel> Channel::create(const std::string& name, ChannelDirection direction,
                                std::uint64_t first_seq) {
  Channel channel;
  DATAGEN_TRY(channel.name_, object_name(name));
  const Error in_use("memory://" + name + " is used by another run; end that one, or take another name");
  const std::string path = segment_path(channel.name_);
  if (channel.fd_ = open(path.c_str(), O_RDWR | O_CLOEXEC); channel.fd_ >= 0) {
    const bool is_stale = channel.lock(Side::run);
    if (is_stale) {
      remove_rings(channel.name_);
      remove_segment(channel.name_);
    }
    close(std::exchange(channel.fd_, -1));
    if (!is_stale) return in_use;
  }
  const std::uint64_t epoch = std::random_device{}();
  const std::string ring = ring_of(channel.name_, epoch);
  DATAGEN_TRY(Ring::create(ring, kGeometry, epoch, first_seq));
  if (const auto made = create_segment(channel.name_, kPageBytes); !made) {
    remove_segment(ring);
    if (access(path.c_str(), F_OK) == 0) return in_use;
    return made.error();
  }
  channel.fd_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (channel.fd_ < 0 || !channel.lock(Side::run)) {
    if (channel.fd_ >= 0) close(std::exchange(channel.fd_, -1));
    return in_use;
  }
  DATAGEN_TRY(channel.mapping_, map_segment(channel.name_, Access::read_write));
  auto* header = new (channel.mapping_.data()) ChannelHeader{};
  channel.header_ = header;
  header->version = kLayoutVersion;
  header->direction = direction;
  header->slots = kGeometry.slots;
  header->block_bytes = kGeometry.block_bytes;
  header->epoch = epoch;
  sem_init(&header->run_semaphore, 1, 0);
  sem_init(&header->peer_semaphore, 1, 0);
  header->committed.store(first_seq, std::memory_order_relaxed);
  const auto role = direction == ChannelDirection::feed ? Ring::Role::consumer : Ring::Role::producer;
  DATAGEN_TRY(channel.ring_, Ring::attach(ring, kGeometry, epoch, role));
  channel.overflow_ = {"/dev/shm", ~std::uint64_t{0}};
  header->magic.store(ChannelHeader::kMagic, std::memory_order_release);
  return channel;
}

Result<std::optional<Channel>> Channel::attach(const std::string& name, ChannelDirection direction) {
  Channel channel;
  channel.side_ = Side::peer;
  DATAGEN_TRY(channel.name_, object_name(name));
  channel.fd_ = open(segment_path(channel.name_).c_str(), O_RDWR | O_CLOEXEC);
  if (channel.fd_ < 0) {
    if (errno == ENOENT) return std::optional<Channel>();
    return Error::from_errno("cannot open memory://" + name, errno);
  }
  struct stat info {};
  if (fstat(channel.fd_, &info) != 0 || info.st_uid != geteuid() || (info.st_mode & 077) != 0)
    return Error("memory://" + name + " is not of this user, or others may open it: " +
                 segment_path(channel.name_) + " must be of mode 0600");
  if (info.st_size < static_cast<off_t>(kPageBytes)) return std::optional<Channel>();
  auto mapping = map_segment(channel.name_, Access::read_write);
  if (!mapping) return std::optional<Channel>();  // gone just now
  channel.mapping_ = std::move(mapping).value();
  channel.header_ = reinterpret_cast<ChannelHeader*>(channel.mapping_.data());
  const ChannelHeader& header = *channel.header_;
  if (header.magic.load(std::memory_order_acquire) != ChannelHeader::kMagic) return std::optional<Channel>();
  if (header.version != kLayoutVersion)
    return Error("memory://" + name + " has layout version " + std::to_string(header.version) +
                 "; this program knows " + std::to_string(kLayoutVersion));
  if (header.direction != direction)
    return Error("memory://" + name +
                 (direction == ChannelDirection::feed ? " is the output of a run; read it with a Reader"
                                                      : " is the input of a run; feed it with a Feeder"));
  if (!channel.has_other() || !channel.lock(Side::peer)) return std::optional<Channel>();
  const auto role = direction == ChannelDirection::feed ? Ring::Role::producer : Ring::Role::consumer;
  auto ring = Ring::attach(ring_of(channel.name_, header.epoch), {header.slots, header.block_bytes},
                           header.epoch, role);
  if (!ring) return std::optional<Channel>();
  channel.ring_ = std::move(ring).value();
  channel.overflow_ = {"/dev/shm", ~std::uint64_t{0}};
  channel.wake_other();
  return std::optional<Channel>(std::move(channel));
}

void Channel::wait() const {
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += kLookNs;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  sem_t& own = side_ == Side::run ? header_->run_semaphore : header_->peer_semaphore;
  sem_clockwait(&own, CLOCK_MONOTONIC, &until);
}

void Channel::wake_other() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  sem_t& other = side_ == Side::run ? header_->peer_semaphore : header_->run_semaphore;
  int tokens = 0;
  // One is enough, since who takes it looks at everything.
  if (sem_getvalue(&other, &tokens) != 0 || tokens == 0) sem_post(&other);
}

Result<void> Channel::publish(std::uint64_t seq, std::string_view bytes) {
  const auto frame = std::as_bytes(std::span(bytes.data(), bytes.size()));
  BlockHeader* header = ring_->block_header(seq);
  if (header->placement != Placement::block) remove_overflow(*ring_, seq, overflow_);
  std::uint64_t checksum = 0;
  if (frame.size() > ring_->frame_space(seq).size()) {
    DATAGEN_TRY(write_overflow(*ring_, seq, frame, overflow_));
    checksum = frame_checksum(frame, seq);
  } else {
    checksum = copy_frame(ring_->frame_space(seq).data(), frame, FrameChecksum(seq));
    header->seq = seq;
    header->frame_bytes = frame.size();
    header->placement = Placement::block;
  }
  header->checksum = checksum;
  header->has_checksum = 1;
  ring_->publish(seq);
  wake_other();
  return success();
}

Result<FrameBytes> Channel::read(std::uint64_t seq) const {
  return read_frame(*ring_, seq, overflow_, Checksums::required);
}

void Channel::free(std::uint64_t seq) {
  if (ring_->read_block_header(seq).placement != Placement::block) remove_overflow(*ring_, seq, overflow_);
  ring_->free(seq);
  wake_other();
}

}  // namespace datagen::ipc
