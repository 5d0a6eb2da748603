// The control segment: refusals, and what a cell keeps through its worker's death.
#include "rig.h"

#include <string>

namespace datagen::ipc {
namespace {

using testing::error_of;
using testing::must;
using testing::Rig;
using testing::Scratch;
using testing::tiny;

int tokens(const Control& control, std::uint32_t cell) {
  int value = 0;
  sem_getvalue(&control.cell(cell).semaphore, &value);
  return value;
}

TEST(Control, BeginsWithIdleCells) {
  Rig rig({tiny(2)}, 3);
  const Control control = rig.control();
  EXPECT_EQ(control.size(), 3u);
  EXPECT_STREQ(control.header().run_directory, "/nowhere");
  EXPECT_EQ(control.header().epoch, Rig::kEpoch);
  for (std::uint32_t index = 0; index < 3; ++index) {
    EXPECT_EQ(control.cell(index).parked, 0u);
    EXPECT_EQ(control.cell(index).state, WorkerState::absent);
    EXPECT_EQ(tokens(control, index), 0);
    EXPECT_EQ(control.in_flight(index, 1).frame, InFlight::kNothing);
    EXPECT_EQ(load_written(control.cell(index)), WrittenState{});
  }
}

TEST(Control, RefusesWhatIsNoControlSegment) {
  Rig rig({tiny(2)}, 2);
  const Mapping mapping = must(map_segment(rig.control_name(), Access::read_write));
  auto* header = reinterpret_cast<ControlHeader*>(mapping.data());
  const auto attach = [&] { return error_of(Control::attach(rig.control_name(), Access::read_only)); };
  EXPECT_EQ(attach(), "no error");
  header->cells = 1000;
  EXPECT_NE(attach().find("shorter than its header says"), std::string::npos);
  // Products that wrap around 64 bits must not pass for small ones.
  header->cells = ~0u;
  header->in_flight_per_cell = ~0u;
  EXPECT_NE(attach(), "no error");
  header->cells = 1u << 31;
  header->in_flight_per_cell = 1u << 31;
  EXPECT_NE(attach(), "no error");
  header->cells = 2;
  header->in_flight_per_cell = 2;
  header->version = 9;
  EXPECT_NE(attach().find("layout version 9"), std::string::npos);
  header->magic = kRingMagic;
  EXPECT_NE(attach().find("wrong magic"), std::string::npos);
}

TEST(Control, RefusesImpossibleCountsAndPaths) {
  Scratch scratch;
  const auto create = [&](std::uint32_t cells, std::uint32_t entries, const std::string& path) {
    return error_of(Control::create(scratch.name("c"), cells, entries, 1, path));
  };
  EXPECT_NE(create(0, 1, "/d").find("1 to 16382 workers"), std::string::npos);
  EXPECT_NE(create(SlotWord::kOwnerMax, 1, "/d").find("workers"), std::string::npos);
  EXPECT_NE(create(1, 5000, "/d").find("4096 threads"), std::string::npos);
  EXPECT_NE(create(1, 1, std::string(1024, 'x')).find("longer than 1023"), std::string::npos);
  EXPECT_TRUE(scratch.segments().empty());
  EXPECT_EQ(create(1, 1, std::string(1023, 'x')), "no error");
}

TEST(Control, OnlyAParkedWorkerIsWokenAndOnce) {
  Rig rig({tiny(2)}, 1);
  const Control control = rig.control();
  EXPECT_FALSE(control.wake(0));
  EXPECT_EQ(tokens(control, 0), 0);
  control.cell(0).parked = 1;
  EXPECT_TRUE(control.wake(0));
  EXPECT_FALSE(control.wake(0));
  EXPECT_EQ(tokens(control, 0), 1);
  EXPECT_EQ(control.cell(0).parked, 0u);
}

TEST(Control, WrittenStateIsTheLastOneStoredWhole) {
  Rig rig({tiny(2)}, 1);
  const Control control = rig.control();
  Cell& cell = control.cell(0);
  store_written(cell, {5, 500, 1, 50});
  EXPECT_EQ(load_written(cell), (WrittenState{5, 500, 1, 50}));
  store_written(cell, {6, 600, 2, 60});
  EXPECT_EQ(load_written(cell), (WrittenState{6, 600, 2, 60}));
  // A sink that dies before the version's store has filled the copy which nobody reads.
  cell.written[(cell.written_version + 1) % 2].seq = 7;
  EXPECT_EQ(load_written(cell), (WrittenState{6, 600, 2, 60}));
}

TEST(Control, ClearingACellKeepsWhatItsWorkerDiedOf) {
  Rig rig({tiny(2)}, 2);
  const Control control = rig.control();
  Cell& cell = control.cell(1);
  cell.parked = 1;
  sem_post(&cell.semaphore);
  sem_post(&cell.semaphore);
  cell.pid = 4711;
  cell.state = WorkerState::running;
  cell.counters.records_in = 12;
  store_written(cell, {3, 30, 0, 7});
  control.in_flight(1, 0).frame = 3;
  control.in_flight(1, 0).record = 17;
  clear_cell(control, 1);
  EXPECT_EQ(cell.parked, 0u);
  EXPECT_EQ(tokens(control, 1), 0);
  EXPECT_EQ(cell.pid, 0u);
  EXPECT_EQ(cell.state, WorkerState::absent);
  EXPECT_EQ(cell.counters.records_in, 12u);
  EXPECT_EQ(load_written(cell), (WrittenState{3, 30, 0, 7}));
  EXPECT_EQ(control.in_flight(1, 0).frame, 3u);
  EXPECT_EQ(control.in_flight(1, 0).record, 17u);
  clear_in_flight(control, 1);
  EXPECT_EQ(control.in_flight(1, 0).frame, InFlight::kNothing);
}

using ControlDeathTest = ::testing::Test;

TEST(ControlDeathTest, CellsBehindTheEndAbort) {
  Rig rig({tiny(2)}, 2);
  const Control control = rig.control();
  EXPECT_DEATH(control.cell(2), "broken invariant");
  EXPECT_DEATH(control.in_flight(0, 2), "broken invariant");
  EXPECT_DEATH(control.in_flight(2, 0), "broken invariant");
}

}  // namespace
}  // namespace datagen::ipc
