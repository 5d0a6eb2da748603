// Which files a path stands for.
#include "datagen/input_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/temporary_folder.h"

namespace datagen {
namespace {

namespace fs = std::filesystem;

class InputFiles : public testing::Test {
 protected:
  InputFiles() {
    for (const char* name :
         {"b.jsonl", "a.jsonl.gz", "a.ndjson", "notes.txt", ".hidden.jsonl", "sub/c.jsonl.zst",
          "sub/deep/d.jsonl", "sub/deep/e.csv", ".git/x.jsonl", "odd[1].jsonl"}) {
      fs::create_directories((fs::path(folder_) / name).parent_path());
      std::ofstream(folder_ + "/" + name) << "{}\n";
    }
    fs::create_directory_symlink(folder_, folder_ + "/sub/loop");
  }

  std::string list(const std::string& path) const {
    std::string names;
    try {
      for (const InputFile& file : list_input_files(folder_ + "/" + path, {".jsonl", ".ndjson"})) {
        EXPECT_EQ(file.bytes, 3u);
        names += (names.empty() ? "" : " ") + file.uri.substr(folder_.size() + 1);
      }
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return names;
  }
  void expect_refused(const std::string& path, const std::string& why) const {
    EXPECT_NE(list(path).find(why), std::string::npos) << list(path);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }

  TemporaryFolder own_;
  std::string folder_ = own_.path();
};

TEST_F(InputFiles, AFileIsItselfWhateverItsName) {
  EXPECT_EQ(list("notes.txt"), "notes.txt");
  EXPECT_EQ(list("sub/../b.jsonl"), "b.jsonl");
  EXPECT_EQ(list("odd[1].jsonl"), "odd[1].jsonl");
}

TEST_F(InputFiles, AFolderHasTheFilesOfTheFormatSorted) {
  EXPECT_EQ(list(""), "a.jsonl.gz a.ndjson b.jsonl odd[1].jsonl sub/c.jsonl.zst sub/deep/d.jsonl");
  EXPECT_EQ(list("sub"), "sub/c.jsonl.zst sub/deep/d.jsonl");
}

TEST_F(InputFiles, PatternsFitWithinNamesAndAcrossFolders) {
  EXPECT_EQ(list("*.jsonl"), "b.jsonl odd[1].jsonl");
  EXPECT_EQ(list("?.jsonl"), "b.jsonl");
  EXPECT_EQ(list("**/*.jsonl"), "b.jsonl odd[1].jsonl sub/deep/d.jsonl");
  EXPECT_EQ(list("sub/**"), "sub/c.jsonl.zst sub/deep/d.jsonl sub/deep/e.csv");
  EXPECT_EQ(list("**/**/d.*"), "sub/deep/d.jsonl");
  EXPECT_EQ(list("s*/d*/*.jsonl"), "sub/deep/d.jsonl");
  EXPECT_EQ(list(".*.jsonl"), ".hidden.jsonl");
}

TEST_F(InputFiles, AListNamesThemInItsOrder) {
  write("files.txt", "# mine\nsub/deep/d.jsonl\r\n\nb.jsonl\nsub/*.zst\n");
  EXPECT_EQ(list("@files.txt"), "sub/deep/d.jsonl b.jsonl sub/c.jsonl.zst");
  write("twice.txt", "b.jsonl\n*.jsonl\n");
  expect_refused("@twice.txt", "twice.txt:2: ");
  expect_refused("@twice.txt", "b.jsonl is named in line 1 already");
  write("wrong.txt", "b.jsonl\nsub/*.parquet\n");
  expect_refused("@wrong.txt", "wrong.txt:2: no file fits to");
  write("empty.txt", "\n#\n");
  expect_refused("@empty.txt", "names no files");
  expect_refused("@nowhere.txt", "cannot read the list");
}

TEST_F(InputFiles, NothingFoundIsAnErrorThatShowsWhatIsThere) {
  expect_refused("nowhere.jsonl", "nowhere.jsonl: No such file or directory; " + folder_ + " has ");
  expect_refused("sub/deep/*.parquet", "no file fits to");
  expect_refused("sub/deep/*.parquet", "deep has d.jsonl, e.csv");
  fs::create_directories(folder_ + "/none");
  expect_refused("none", "has no *.jsonl, *.ndjson (also as .gz or .zst); " + folder_ + "/none is empty");
}

TEST_F(InputFiles, ACursorIsReadAsItWasMade) {
  const FileCursor cursor{{3, 1000, 17, 4096}, {64, 4000}};
  EXPECT_LE(cursor.bytes().size(), 256u);
  EXPECT_EQ(FileCursor::read(cursor.bytes()).bytes(), cursor.bytes());
  EXPECT_EQ(FileCursor::read("").position.line, 1u);
  EXPECT_THROW(FileCursor::read("x"), std::runtime_error);
}

}  // namespace
}  // namespace datagen
