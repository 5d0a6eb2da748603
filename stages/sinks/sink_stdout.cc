// sink-stdout: JSON Lines to the launcher's standard output. What is written there cannot be cut: no second
// process goes on with it.
#include <datagen/sink.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <system_error>

#include "standard_stream.h"

namespace {

class StdoutSink : public datagen::Sink {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Writes JSON Lines to the standard output", "output: stdout://");
  }

  ~StdoutSink() override {
    if (fd_ >= 0) close(fd_);
  }

  std::vector<std::string> outputs(const std::string&, datagen::Context&) override { return {}; }
  bool is_resumable() const override { return false; }

  void open(const std::string&, const datagen::WrittenOutput& written, datagen::Context&) override {
    fd_ = ::open(datagen::standard_stream_path(STDOUT_FILENO).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open the standard output");
    bytes_ = written.bytes;
    signal(SIGPIPE, SIG_IGN);  // a reader that goes is an error of write()
  }

  void write(std::string_view lines, std::uint64_t) override {
    while (!lines.empty()) {
      const ssize_t written = ::write(fd_, lines.data(), lines.size());
      if (written < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "cannot write to the standard output");
      if (written < 0) continue;
      lines.remove_prefix(static_cast<std::size_t>(written));
      bytes_ += static_cast<std::uint64_t>(written);
    }
  }

  std::uint64_t bytes() const override { return bytes_; }
  void sync() override {}  // whoever reads it has it

 private:
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<StdoutSink>(argc, argv); }
