// Every role of a graph dies at every store, with small frames; see tests/ipc/sweep.h.
#include "sweep.h"

namespace datagen::ipc::testing {
namespace {

TEST(StoreSweep, SourceDiesAtEveryStore) { sweep({Role::source}, 12); }
TEST(StoreSweep, TeeDiesAtEveryStore) { sweep({Role::tee}, 30); }
TEST(StoreSweep, JoinDiesAtEveryStore) { sweep({Role::join}, 20); }
TEST(StoreSweep, SinkDiesAtEveryStore) { sweep({Role::sink}, 15); }

TEST(StoreSweep, SourceDiesAmongTheLiving) { sweep_among_living(Role::source); }
TEST(StoreSweep, TeeDiesAmongTheLiving) { sweep_among_living(Role::tee); }
TEST(StoreSweep, JoinDiesAmongTheLiving) { sweep_among_living(Role::join); }
TEST(StoreSweep, SinkDiesAmongTheLiving) { sweep_among_living(Role::sink); }

}  // namespace
}  // namespace datagen::ipc::testing
