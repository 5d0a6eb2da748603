#include "launcher/build_id.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <libelf.h>
#include <unistd.h>

#include <memory>
#include <span>

namespace datagen::launcher {

std::string build_id_of(const std::string& path) {
  elf_version(EV_CURRENT);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string id;
  {
    // Mapped, not read: only its headers and notes are looked at.
    const std::unique_ptr<Elf, decltype(&elf_end)> elf(elf_begin(fd, ELF_C_READ_MMAP, nullptr), elf_end);
    const void* bytes = nullptr;
    const ssize_t count = elf ? dwelf_elf_gnu_build_id(elf.get(), &bytes) : 0;
    if (count > 0) {
      const std::span digits(static_cast<const unsigned char*>(bytes), static_cast<std::size_t>(count));
      id = fmt::format("{:02x}", fmt::join(digits, ""));
    }
  }
  close(fd);
  return id;
}

}  // namespace datagen::launcher
