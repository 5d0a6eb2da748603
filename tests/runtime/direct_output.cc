// A file whose bulk passes by the page cache holds what was written, at any time, and where it was cut.
#include "direct_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>
#include <vector>

#include "durable_file.h"
#include "page_writer.h"
#include "tests/temporary_folder.h"

namespace datagen {
namespace {

using Bypass = DirectOutput::Bypass;

constexpr std::uint64_t kMiB = 1 << 20;

std::string random_text(std::mt19937_64& random, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>('a' + random() % 26);
  return text;
}

std::string content(const std::string& path) {
  auto text = read_file(path);
  return text ? text.value() : text.error().message();
}

TEST(DirectOutput, HoldsWhatWasWrittenAndGoesOnWhereItIsCut) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const char* parent : {"/tmp", "/dev/shm"}) {
    const TemporaryFolder folder(parent);
    const std::string path = folder.path() + "/out";
    std::string expected;
    for (int life = 0; life < 6; ++life) {
      DirectOutput output(Bypass::always);
      output.open(path, expected.size());
      for (int write = 0; write < 20; ++write) {
        const std::string text = random_text(random, random() % (random() % 8 == 0 ? 3 * kMiB : 9000));
        output.write(text);
        expected += text;
        ASSERT_EQ(output.bytes(), expected.size());
        const std::uint64_t before = output.written();
        if (random() % 4 == 0 && output.wait_for_piece()) {
          ASSERT_GT(output.written(), before);
        }
        const std::uint64_t written = output.written();
        ASSERT_LE(written, expected.size());
        if (random() % 8 == 0) {
          ASSERT_EQ(content(path).substr(0, written), expected.substr(0, written));
        }
        if (random() % 8 != 0) continue;
        output.flush();
        ASSERT_EQ(output.written(), expected.size());
        ASSERT_EQ(content(path), expected);
        output.sync();
      }
      // Dies: what is not in the file by then is another's to write, behind a place of its choice.
      expected.resize(output.written() - random() % std::min<std::uint64_t>(output.written() + 1, 10000));
    }
  }
}

TEST(DirectOutput, LeavesThePageCacheAlone) {
  const TemporaryFolder folder;
  struct statfs system {};
  ASSERT_EQ(statfs(folder.path().c_str(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "a file system in memory";
  const std::string path = folder.path() + "/out";
  DirectOutput output(Bypass::always);
  output.open(path, 0);
  const std::string text(4 * kMiB + 100, 'x');
  output.write(text);
  output.flush();
  output.sync();
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fcntl(fd, F_SETFL, O_DIRECT) != 0) GTEST_SKIP() << "a file system without O_DIRECT";
  void* const mapped = mmap(nullptr, text.size(), PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  std::vector<unsigned char> pages((text.size() + PageWriter::kPage - 1) / PageWriter::kPage);
  ASSERT_EQ(mincore(mapped, text.size(), pages.data()), 0);
  std::size_t cached = 0;
  for (const unsigned char page : pages) cached += page & 1;
  EXPECT_LE(cached, 1u) << "of " << pages.size() << "; the last is no whole page";
  munmap(mapped, text.size());
  close(fd);
}

TEST(DirectOutput, AutomaticBypassesInLargeFilesAndForLargeWritesOnly) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/out";
  constexpr std::uint64_t kLarge = 16 << 20;
  const std::string frame(100'000, 'x');
  {
    DirectOutput small(Bypass::automatic);
    small.open(path, 0);
    for (int write = 0; write < 20; ++write) small.write(frame);
    EXPECT_EQ(small.written(), small.bytes());
  }
  std::filesystem::resize_file(path, kLarge + 5);
  DirectOutput large(Bypass::automatic);
  large.open(path, kLarge + 5);
  large.write(frame);
  EXPECT_LT(large.written(), large.bytes());
  // A stream that trickles is to be seen at once.
  large.write("last");
  EXPECT_EQ(large.written(), kLarge + 5 + frame.size() + 4);
  EXPECT_EQ(std::filesystem::file_size(path), large.bytes());

  DirectOutput never(Bypass::never);
  never.open(path, kLarge + 5);
  never.write(frame);
  EXPECT_EQ(never.written(), never.bytes());
}

class LimitedFiles {
 public:
  explicit LimitedFiles(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
  }
  ~LimitedFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

TEST(DirectOutput, AFullDiskIsToldAndNothingFollowsIt) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/out";
  DirectOutput output(Bypass::always);
  output.open(path, 0);
  const std::string text(10 * kMiB, 'x');
  {
    const LimitedFiles limited(3 * kMiB);
    const auto fails = [&](auto action) {
      try {
        action();
        ADD_FAILURE() << "did not throw";
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EFBIG);
        EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      }
    };
    fails([&] { output.write(text); });
    fails([&] { output.flush(); });
  }
  EXPECT_LE(output.written(), 3 * kMiB);
  EXPECT_LE(std::filesystem::file_size(path), 3 * kMiB);
}

}  // namespace
}  // namespace datagen
