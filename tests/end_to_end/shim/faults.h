// What the shim does at a call: nothing, an error, a death. Decided from the environment, once per process:
//
//   FAULTS_ROLE    the executable's name whose processes count their calls; of a stage its workers only
//   FAULTS_KILL    SIGKILL at the call of this number; only who can unlink FAULTS_TOKEN dies, so it happens
//   once FAULTS_TORN    1: a write that is killed has written its first half FAULTS_CUT     1: the launcher
//   dies with its worker, and so everything FAULTS_RULES   errors: OP,PATTERN,ERRNO,NTH,TOKEN separated by
//   ';'. OP is write, sync, create, rename or
//                  truncate; PATTERN is a glob over the path; NTH 0 is every call; TOKEN, when given, is a
//                  file that is unlinked, so that it happens once in all processes
//   FAULTS_SHORT   write() takes at most so many bytes of a file below FAULTS_ROOT
//   FAULTS_ROOT    the disk whose durable content is kept in the folder FAULTS_DISK (disk.h)
//   FAULTS_FORGET  1: what a failed sync has lost of a file is zeros at once, and not only behind a power
//   failure
//
// Calls are counted at the C library's functions: of what it calls within itself (stdio) nothing is seen.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace faults {

enum class Op { write, sync, create, rename, truncate };

// Before a call. Returns the error that it is to fail with, or 0. `bytes` of a write may become fewer; its
// `offset` is negative where the descriptor knows it. When the process is to die here, it does.
int enter(Op op, const std::string& path, int fd = -1, const void* data = nullptr,
          std::size_t* bytes = nullptr, off_t offset = -1);

std::string path_of(int fd);

}  // namespace faults
