// What executables answer, and by what they are told apart.
#include "launcher/stage_catalog.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "launcher/build_id.h"
#include "tests/temporary_folder.h"

namespace datagen::launcher {
namespace {

namespace fs = std::filesystem;

class Catalog : public testing::Test {
 protected:
  std::string script(const std::string& body) {
    const std::string path = folder_.path() + "/stage";
    std::ofstream(path) << "#!/bin/sh\n" << body;
    chmod(path.c_str(), 0755);
    return path;
  }
  std::string described_as(const std::string& name) {
    return "echo asked >> '" + folder_.path() + "/asked'\necho '{\"datagen\":1,\"name\":\"" + name +
           "\",\"kind\":\"stage\"}'\n";
  }
  std::size_t times_asked() const {
    std::ifstream file(folder_.path() + "/asked");
    std::size_t lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }

  TemporaryFolder folder_;
  StageCatalog catalog_{{}};
};

TEST_F(Catalog, WhatWasExpectedIsAskedOnce) {
  const std::string stage = script(described_as("one"));
  catalog_.expect_describe(stage);
  catalog_.expect_describe(stage);
  EXPECT_EQ(catalog_.describe(stage).value().name, "one");
  catalog_.expect_describe(stage);
  EXPECT_EQ(catalog_.describe(stage).value().name, "one");
  EXPECT_EQ(times_asked(), 1u);
}

TEST_F(Catalog, AnExpectationThatIsNoExecutableIsToldWhenItIsAsked) {
  const std::string missing = folder_.path() + "/missing";
  catalog_.expect_describe(missing);
  const auto described = catalog_.describe(missing);
  ASSERT_FALSE(described);
  EXPECT_NE(described.error().message().find("No such file"), std::string::npos);
}

TEST_F(Catalog, AScriptIsToldByItsText) {
  const std::string stage = script("exit 0\n");
  const std::string before = catalog_.hash(stage).value();
  EXPECT_EQ(catalog_.hash(stage).value(), before);
  script("exit 1\n");
  EXPECT_NE(catalog_.hash(stage).value(), before);
  EXPECT_FALSE(catalog_.hash(folder_.path() + "/missing"));
}

TEST_F(Catalog, AnExecutableIsToldByTheIdThatItsLinkerGaveIt) {
  const std::string self = fs::read_symlink("/proc/self/exe");
  const std::string id = build_id_of(self);
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  const std::string copy = folder_.path() + "/copy";
  fs::copy_file(self, copy);
  EXPECT_EQ(catalog_.hash(copy).value(), catalog_.hash(self).value());
  EXPECT_TRUE(catalog_.hash(self).value().starts_with(id));
  std::ofstream(copy, std::ios::app) << "more";
  EXPECT_NE(catalog_.hash(copy).value(), catalog_.hash(self).value());
  const std::string shell = fs::canonical("/bin/sh");
  EXPECT_NE(catalog_.hash(shell).value(), catalog_.hash(self).value());
}

TEST_F(Catalog, AFileWithoutAnIdHasNone) {
  EXPECT_EQ(build_id_of(script("exit 0\n")), "");
  EXPECT_EQ(build_id_of(folder_.path() + "/missing"), "");
  std::ofstream(folder_.path() + "/cut") << "\177ELF";
  EXPECT_EQ(build_id_of(folder_.path() + "/cut"), "");
}

}  // namespace
}  // namespace datagen::launcher
