// Every role of a graph dies at every store and system call, with frames that overflow; see
// tests/ipc/sweep.h.
#include "sweep.h"

namespace datagen::ipc::testing {
namespace {

constexpr std::size_t kLarge = 4000;  // more than a block takes

TEST(StoreSweep, SourceOfLargeFramesDiesAtEveryStore) { sweep({Role::source, kLarge}, 20); }
TEST(StoreSweep, TeeOfLargeFramesDiesAtEveryStore) { sweep({Role::tee, kLarge}, 40); }
// No frame follows those of the victim, whose producer would clear away what it left.
TEST(StoreSweep, JoinOfLargeFramesInFilesDiesAtEveryStore) {
  sweep({Role::join, kLarge, true, false, kByVictim}, 30);
}
TEST(StoreSweep, SinkOfLargeFramesDiesAtEveryStore) {
  sweep({Role::sink, kLarge, false, false, kByVictim}, 15);
}

}  // namespace
}  // namespace datagen::ipc::testing

// A string instruction traps at each of its rounds, so that copying a large frame would take thousands of
// steps.
int main(int argc, char** argv) {
  if (std::getenv("GLIBC_TUNABLES") == nullptr) {
    setenv("GLIBC_TUNABLES",
           "glibc.cpu.x86_rep_movsb_threshold=1048576:glibc.cpu.x86_rep_stosb_threshold=1048576", 1);
    execv("/proc/self/exe", argv);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
