// Finding a run by name, by directory, or as the newest.
#include "launcher/run_folder.h"

#include <chrono>
#include <fstream>

#include "tests/ipc/rig.h"

namespace datagen::launcher {
namespace {

namespace fs = std::filesystem;

class Runs : public ::testing::Test {
 protected:
  // `minutes` ago.
  void make(const std::string& folder, int minutes) {
    fs::create_directories(here() / folder);
    std::ofstream(here() / folder / "runtime.json") << "{}";
    fs::last_write_time(here() / folder / "runtime.json",
                        fs::file_time_type::clock::now() - std::chrono::minutes(minutes));
  }
  fs::path here() const { return scratch_.directory(); }
  std::string find(const std::string& name) const {
    const auto found = find_run(name, here());
    return found ? fs::path(found.value()).lexically_relative(here()).string() : found.error().message();
  }
  std::string runs() const { return (here() / "runs").string(); }

  ipc::testing::Scratch scratch_;
};

TEST_F(Runs, AreListedNewestFirst) {
  EXPECT_TRUE(list_runs(here()).empty());
  make("runs/old", 10);
  make("runs/new", 1);
  make("runs/middle", 5);
  make("runs/no-run/inner", 0);
  std::ofstream(here() / "runs/file") << "x";
  std::vector<std::string> names;
  for (const RunFolder& run : list_runs(here())) names.push_back(run.name);
  EXPECT_EQ(names, (std::vector<std::string>{"new", "middle", "old"}));
  EXPECT_EQ(list_runs(here())[0].path, runs() + "/new");
}

TEST_F(Runs, TheNewestIsMeantWhenNothingIsSaid) {
  EXPECT_EQ(find(""), "there are no runs in " + runs() + "; name a run's directory");
  make("runs/old", 10);
  make("runs/new", 1);
  make("other", 0);
  EXPECT_EQ(find(""), "runs/new");
}

TEST_F(Runs, AreFoundByNameAndByDirectory) {
  make("runs/corpus", 1);
  make("elsewhere/run", 1);
  EXPECT_EQ(find("corpus"), "runs/corpus");
  EXPECT_EQ(find("corpus/"), "runs/corpus");
  EXPECT_EQ(find("runs/corpus/"), "runs/corpus");
  EXPECT_EQ(find("elsewhere/run"), "elsewhere/run");
  EXPECT_EQ(find((here() / "elsewhere/run").string()), "elsewhere/run");
  EXPECT_EQ(find("./elsewhere/../elsewhere/run"), "elsewhere/run");
}

TEST_F(Runs, AFolderThatIsNoRunDoesNotHideARunOfItsName) {
  make("runs/corpus", 1);
  fs::create_directory(here() / "corpus");
  EXPECT_EQ(find("corpus"), "runs/corpus");
  make("corpus", 5);
  EXPECT_EQ(find("corpus"), "corpus") << "a directory that is one means itself";
}

TEST_F(Runs, ThatDoNotExistAreErrorsWithASuggestion) {
  make("runs/clean_corpus", 1);
  EXPECT_EQ(find("clean_corpsu"), "there is no run 'clean_corpsu', neither as a directory nor in " + runs() +
                                      " (did you mean 'clean_corpus'?)");
  fs::create_directory(here() / "data");
  EXPECT_EQ(find("data"), (here() / "data").string() + " is not a run's directory: it has no runtime.json");
  EXPECT_EQ(find(std::string("a\0b", 3)), "the name of a run cannot have a NUL byte");
}

}  // namespace
}  // namespace datagen::launcher
