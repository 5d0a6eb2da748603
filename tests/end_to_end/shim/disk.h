// A disk that forgets: what has been made durable below FAULTS_ROOT is noted in the folder FAULTS_DISK, so
// that a test can take everything else away (tests/end_to_end/disk.py). Strict: an fsync of a file makes its
// content durable and not its name; names are durable when their folder was synced.
//
// A file is known by its inode and birth time, since numbers of inodes are used again. Notes: KEY.file is a
// file's durable content, KEY.dir a folder's durable names, KEY.lost a range that a failed sync has lost: no
// later sync brings it back, only writing it anew does.
#pragma once

#include <cstdint>
#include <string>

namespace faults {

// Whether this path is on the disk.
bool is_on_disk(const std::string& path);

// Notes what a sync of this descriptor makes durable.
void note_sync(int fd);
// What was not durable yet is lost.
void note_failed_sync(int fd);
void note_write(int fd, std::uint64_t begin, std::uint64_t end);
void note_truncate(int fd, std::uint64_t bytes);

}  // namespace faults
