// The other program at memory://: `memory_peer feed NAME FRAMES` pushes frames of ten records, `memory_peer
// read NAME FILE` appends what it is given to FILE. Either may be killed anywhere and started again.
#include <datagen/memory.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace {

constexpr std::uint64_t kRecords = 10;
constexpr std::chrono::seconds kTimeout(20);

std::string frame(std::uint64_t seq) {
  std::string lines;
  for (std::uint64_t row = seq * kRecords; row < (seq + 1) * kRecords; ++row)
    lines += "{\"text\":\" " + std::to_string(row) + " \"}\n";
  return lines;
}

int feed(const std::string& name, std::uint64_t frames) {
  datagen::memory::Feeder feeder(name, kTimeout);
  do {
    while (feeder.next() < frames) {
      if (feeder.next() % 8 == 0) poll(nullptr, 0, 1);  // so that the test has something to disturb
      feeder.push(frame(feeder.next()));
    }
  } while (!feeder.finish());
  return feeder.committed() == frames ? 0 : 1;
}

// Records in the file; a line that a kill left torn is cut off.
std::uint64_t count_lines(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t lines = 0, bytes = 0;
  for (std::string line; std::getline(file, line) && !file.eof(); ++lines) bytes += line.size() + 1;
  if (std::filesystem::exists(path)) std::filesystem::resize_file(path, bytes);
  return lines;
}

int read_all(const std::string& name, const std::string& path) {
  datagen::memory::Reader reader(name, count_lines(path), kTimeout);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  while (const auto given = reader.next()) {
    for (std::string_view lines = given->lines; !lines.empty();) {
      const ssize_t written = write(fd, lines.data(), lines.size());
      if (written < 0) return 1;
      lines.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string verb = argv[1];
  try {
    return verb == "feed" ? feed(argv[2], std::strtoull(argv[3], nullptr, 10)) : read_all(argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
