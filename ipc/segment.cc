#include "ipc/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>

namespace datagen::ipc {
namespace bip = boost::interprocess;

namespace {

// Rounded down; in KiB while a MiB would hide the difference between what is needed and what is free.
std::string amount(std::uint64_t bytes) {
  return bytes < (100u << 20) ? std::to_string(bytes >> 10) + " KiB" : std::to_string(bytes >> 20) + " MiB";
}

Error full_error(const std::string& name, std::uint64_t bytes) {
  struct statvfs info {};
  std::string free = "an unknown amount";
  if (statvfs("/dev/shm", &info) == 0) free = amount(info.f_bavail * info.f_frsize);
  return Error("/dev/shm is too small: " + name + " needs " + amount(bytes) + ", " + free +
               " is free. Make the rings smaller (rings: {slots: 8}), or raise it: "
               "mount -o remount,size=1G /dev/shm (in Docker: --shm-size=1g)");
}

}  // namespace

std::string segment_path(const std::string& name) { return "/dev/shm/" + name; }

Result<void> create_segment(const std::string& name, std::uint64_t bytes) {
  try {
    bip::permissions owner_only;
    owner_only.set_permissions(0600);
    bip::shared_memory_object object(bip::create_only, name.c_str(), bip::read_write, owner_only);
    // truncate() would leave holes that end in SIGBUS when /dev/shm is full; this allocates every page now.
    int error = 0;
    do {
      error = posix_fallocate(object.get_mapping_handle().handle, 0, static_cast<off_t>(bytes));
    } while (error == EINTR);
    if (error != 0) {
      remove_segment(name);
      if (error == ENOSPC || error == ENOMEM) return full_error(name, bytes);
      return Error::from_errno("cannot allocate shared memory " + name, error);
    }
    return success();
  } catch (const bip::interprocess_exception& exception) {
    return Error::from_errno("cannot create shared memory " + name, exception.get_native_error());
  }
}

Result<std::uint64_t> segment_size(const std::string& name) {
  try {
    bip::shared_memory_object object(bip::open_only, name.c_str(), bip::read_only);
    bip::offset_t size = 0;
    if (!object.get_size(size)) return Error::from_errno("cannot read the size of " + name, errno);
    return static_cast<std::uint64_t>(size);
  } catch (const bip::interprocess_exception& exception) {
    return Error::from_errno("cannot open shared memory " + name, exception.get_native_error());
  }
}

Result<Mapping> map_segment(const std::string& name, Access access, std::uint64_t offset,
                            std::uint64_t length) {
  try {
    const auto mode = access == Access::read_only ? bip::read_only : bip::read_write;
    bip::shared_memory_object object(bip::open_only, name.c_str(), mode);
    bip::offset_t size = 0;
    // Checked against the real size first: touching a mapping behind the end of its object is a SIGBUS.
    if (!object.get_size(size)) return Error::from_errno("cannot read the size of " + name, errno);
    const auto total = static_cast<std::uint64_t>(size);
    if (offset > total || length > total - offset || total == offset) {
      return Error("shared memory " + name + " has " + std::to_string(total) + " bytes, too few for " +
                   std::to_string(length) + " at " + std::to_string(offset));
    }
    if (length == 0) length = total - offset;
    bip::mapped_region region(object, mode, static_cast<bip::offset_t>(offset), length);
    if (madvise(region.get_address(), region.get_size(), MADV_DONTFORK) != 0) {
      return Error::from_errno("cannot protect the mapping of " + name, errno);
    }
    return Mapping(std::move(region));
  } catch (const bip::interprocess_exception& exception) {
    return Error::from_errno("cannot open shared memory " + name, exception.get_native_error());
  }
}

bool remove_segment(const std::string& name) noexcept {
  return bip::shared_memory_object::remove(name.c_str());
}

}  // namespace datagen::ipc
