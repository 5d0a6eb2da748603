// Files that must outlive a power failure: their content, and the names that lead to it.
#pragma once

#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen {

// All of a file; empty when there is none. Error: as the system tells it.
Result<std::string> read_file(const std::string& path);

// Writes all of `text` to an open file; 0, or errno.
int write_all(int fd, std::string_view text);

// The same, and makes it durable.
int write_and_sync(int fd, std::string_view text);

// Makes the name of a file durable: fsync of the folder that it is in.
Result<void> sync_folder_of(const std::string& path);

// Also the names of the folders above, up to the file system's root: any may be new, made by this process or
// by one that died behind it. Those that may not be read cannot be, and are left out.
Result<void> sync_path_to(const std::string& path);

// Writes a file so that it is there whole or not at all, also after a power failure. Error: as the system
// tells it.
Result<void> write_durably(const std::string& path, std::string_view text);

}  // namespace datagen
