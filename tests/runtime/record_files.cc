// What a sink writes: one file or parts, plain or packed; the same content after a death at any write.
#include "datagen/record_files.h"

#include <gtest/gtest.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "context_state.h"
#include "packed.h"
#include "tests/temporary_folder.h"

namespace datagen {
namespace {

namespace fs = std::filesystem;

struct Settings {
  std::string name;
  std::map<std::string, ParameterValue> values;
};

class Sinking {
 public:
  explicit Sinking(const Settings& settings) : settings_(settings) { RecordFiles::declare(declared_); }

  // A new process.
  void open(const WrittenOutput& written, const std::string& header = "") {
    files_ = std::make_unique<RecordFiles>(".jsonl");
    ParameterValues values(settings_.values.begin(), settings_.values.end());
    detail::ContextState state("sink", 0, complete_parameters(declared_, values));
    Context context(state);
    outputs = files_->outputs(path(), context);
    files_->open(path(), written, context);
    files_->set_header(header);
  }
  void write(const std::vector<std::string>& records) {
    std::string text;
    std::vector<std::size_t> ends;
    for (const std::string& record : records) {
      text += record;
      ends.push_back(text.size());
    }
    files_->write(text, files_->is_split() ? ends : std::vector<std::size_t>());
  }
  RecordFiles& files() { return *files_; }
  void die() { files_.reset(); }
  std::string path() const { return folder_ + "/" + settings_.name; }

  // By name, unpacked.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const auto stream = open_input({entry.path(), entry.file_size()}, {}, 0);
      std::string& content = contents[entry.path().filename()];
      char space[4096];
      while (const std::size_t got = stream->read(space, sizeof space)) content.append(space, got);
    }
    return contents;
  }
  const std::string& folder() const { return folder_; }
  std::vector<std::string> outputs;

 private:
  Settings settings_;
  TemporaryFolder own_;
  std::string folder_ = own_.path();
  Parameters declared_;
  std::unique_ptr<RecordFiles> files_;
};

const std::vector<Settings> kSettings = {
    {"out.jsonl", {}},
    {"out.jsonl", {{"direct", "always"}}},
    {"out.jsonl.gz", {}},
    {"out.jsonl.zst", {}},
    {"", {{"split", std::int64_t{5000}}}},
    {"", {{"split", std::int64_t{20000}}, {"direct", "always"}}},
    {"", {{"split", std::int64_t{5000}}, {"compress", "zst"}}},
    {"out.jsonl.gz", {{"split", std::int64_t{300}}}},
    {"", {{"split_records", std::int64_t{7}}}},
    {"out.jsonl.zst", {{"split_records", std::int64_t{1000}}}},
    {"", {{"split_records", std::int64_t{3}}, {"compress", "gz"}}},
};

std::vector<std::vector<std::string>> random_frames(std::mt19937_64& random) {
  std::vector<std::vector<std::string>> frames(random() % 20);
  for (auto& frame : frames) {
    frame.resize(random() % 30);
    for (std::string& record : frame)
      record = std::string(random() % 400, static_cast<char>('a' + random() % 26)) +
               std::to_string(random()) + "\n";
  }
  return frames;
}

TEST(RecordFiles, ADeathAnywhereGivesTheSameFiles) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 6; ++round) {
    const auto frames = random_frames(random);
    for (const Settings& settings : kSettings) {
      const std::string header = round % 2 == 0 ? "" : "header\n";
      Sinking calm(settings);
      calm.open({}, header);
      for (const auto& frame : frames) calm.write(frame);
      calm.files().flush(0);
      EXPECT_EQ(calm.files().held(), 0u);

      Sinking shaken(settings);
      WrittenOutput written;
      std::size_t next = 0, first = 0;  // frames; `first` is the first one that this process has written
      std::uint64_t records_before_first = 0;
      shaken.open(written, header);
      const auto records_below = [&](std::size_t end) {
        std::uint64_t records = records_before_first;
        for (std::size_t index = first; index < end; ++index) records += frames[index].size();
        return records;
      };
      while (next < frames.size()) {
        shaken.write(frames[next++]);
        if (random() % 5 == 0) {
          const std::uint64_t most = random() % 3;
          shaken.files().flush(most);
          EXPECT_LE(shaken.files().held(), most);
        }
        if (random() % 50 == 0) shaken.files().sync();
        if (random() % 4 != 0) continue;
        const std::size_t covered = next - shaken.files().held();
        written = {shaken.files().bytes(), records_below(covered)};
        records_before_first = written.records;
        first = next = covered;
        shaken.die();
        shaken.open(written, header);
      }
      shaken.files().flush(0);
      EXPECT_EQ(shaken.files().held(), 0u);
      EXPECT_EQ(shaken.contents(), calm.contents()) << settings.name << " round " << round;
      EXPECT_EQ(shaken.files().tail().bytes, fs::file_size(shaken.files().tail().path));
    }
  }
}

// Who fills the next unit would wait for all of them, were each ended as soon as the ring runs short.
TEST(RecordFiles, ToHoldLessEndsNoUnitBeforeItsTime) {
  Sinking sink({"out.zst", {}});
  sink.open({});
  for (int frame = 0; frame < 40; ++frame) {
    sink.write({std::string(300 << 10, 'x') + "\n"});
    sink.files().flush(5);
    EXPECT_LE(sink.files().held(), 5u);
  }
  sink.files().flush(0);
  std::ifstream file(sink.path(), std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), {}};
  int units = 0;
  for (std::size_t at = 0; (at = packed.find("\x28\xb5\x2f\xfd", at)) != std::string::npos; ++at) ++units;
  EXPECT_EQ(units, 10) << "of a MiB at least: four frames each";
}

TEST(RecordFiles, PartsHoldWhatTheyAreSaidTo) {
  Sinking sized({"", {{"split", std::int64_t{10}}}});
  sized.open({});
  sized.write({"12345\n", "123\n", "1\n", "a record larger than a part\n", "2\n"});
  EXPECT_EQ(sized.contents(),
            (std::map<std::string, std::string>{{"part-00000.jsonl", "12345\n123\n"},
                                                {"part-00001.jsonl", "1\n"},
                                                {"part-00002.jsonl", "a record larger than a part\n"},
                                                {"part-00003.jsonl", "2\n"}}));
  Sinking counted({"out.jsonl", {{"split_records", std::int64_t{2}}}});
  counted.open({}, "h\n");
  counted.write({"1\n", "2\n", "3\n"});
  EXPECT_EQ(counted.contents(), (std::map<std::string, std::string>{{"out-00000.jsonl", "h\n1\n2\n"},
                                                                    {"out-00001.jsonl", "h\n3\n"}}));
}

TEST(RecordFiles, PartsOfAnEarlierRunAreNamedAndRemoved) {
  Sinking sink({"", {{"split", std::int64_t{10}}}});
  for (const char* name : {"part-00000.jsonl", "part-00007.jsonl", "part-7.jsonl", "other-00003.jsonl"})
    std::ofstream(sink.folder() + "/" + name) << "old\n";
  sink.open({});
  EXPECT_EQ(sink.outputs, (std::vector<std::string>{sink.folder() + "/part-00000.jsonl",
                                                    sink.folder() + "/part-00007.jsonl"}));
  EXPECT_EQ(sink.contents(),
            (std::map<std::string, std::string>{
                {"part-00000.jsonl", ""}, {"part-7.jsonl", "old\n"}, {"other-00003.jsonl", "old\n"}}));
}

TEST(RecordFiles, AnEmptyPackedOutputIsOneEmptyUnit) {
  for (const char* name : {"out.gz", "out.zst"}) {
    Sinking sink({name, {}});
    sink.open({});
    sink.files().flush(0);
    EXPECT_GT(fs::file_size(sink.path()), 0u);
    EXPECT_EQ(sink.contents()[name], "");
  }
}

TEST(RecordFiles, WhatDoesNotFitIsRefused) {
  const auto refuses = [](const Settings& settings, const std::string& why) {
    Sinking sink(settings);
    try {
      sink.open({});
      ADD_FAILURE() << "not refused: " << why;
    } catch (const std::exception& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  refuses({"", {}}, "is a folder");
  refuses({"a.gz", {{"level", std::int64_t{9}}}}, "1 to 3");
  refuses({"a.gz", {{"compress", "zst"}}}, "does not fit to the name");
  refuses({"a", {{"split", std::int64_t{9}}, {"split_records", std::int64_t{9}}}}, "give one of them");
}

}  // namespace
}  // namespace datagen
