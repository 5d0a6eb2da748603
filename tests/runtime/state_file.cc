#include "state_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "durable_file.h"
#include "tests/temporary_folder.h"

namespace datagen {
namespace {

TEST(StateFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/tally.7";
  for (const std::string& state : {std::string(), std::string("a\nb\n"), std::string(100'000, '\0')}) {
    ASSERT_TRUE(write_state(path, state));
    const auto read = read_state(path);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read.value(), state);
  }
}

TEST(StateFile, AnyDamageIsFound) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/tally.7";
  ASSERT_TRUE(write_state(path, "domain\t12\n"));
  const std::string whole = read_file(path).value();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_FALSE(read_state(path)) << "byte " << at;
    std::ofstream(path, std::ios::binary) << whole.substr(0, at);
    EXPECT_FALSE(read_state(path)) << "cut at " << at;
  }
  std::ofstream(path, std::ios::binary) << whole + "x";
  EXPECT_FALSE(read_state(path));
  EXPECT_FALSE(read_state(folder.path() + "/gone"));
}

}  // namespace
}  // namespace datagen
