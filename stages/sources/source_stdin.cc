// source-stdin: JSON Lines from the launcher's standard input. A file there is read as any other; a pipe can
// be read once only.
#include <datagen/json_lines.h>
#include <datagen/source.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>

#include "datagen/input_files.h"
#include "standard_stream.h"

namespace {

using datagen::Context;
using datagen::FileCursor;
using datagen::InputFile;

bool is_file(const InputFile& input) { return input.uri.starts_with('/'); }

class Pipe final : public datagen::InputStream {
 public:
  Pipe(int fd, const Context& context) : fd_(fd), context_(context) {}
  ~Pipe() override { close(fd_); }

  bool wait(int milliseconds) override {
    pollfd wanted{fd_, POLLIN, 0};
    return poll(&wanted, 1, milliseconds) > 0;
  }
  std::size_t read(char* to, std::size_t most) override {
    constexpr int kLookMs = 50;  // for the run being stopped in the middle of a line
    for (;;) {
      if (context_.cancelled()) throw std::runtime_error("the run is being stopped");
      if (!wait(kLookMs)) continue;
      const ssize_t got = ::read(fd_, to, most);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN)
        throw std::system_error(errno, std::generic_category(), "cannot read the standard input");
    }
  }
  datagen::AccessPoint access_point(std::uint64_t offset) override { return {offset, offset}; }
  bool is_live() const override { return true; }

 private:
  int fd_;
  const Context& context_;
};

class StdinSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads JSON Lines from the standard input", "input: stdin://");
    datagen::declare_record_limit(p, "line");
  }

  // A pipe by its number, so that a second run with another pipe is not taken for the same.
  std::vector<InputFile> freeze(const std::string&, Context&) override {
    const std::string name = datagen::standard_stream_name(STDIN_FILENO);
    struct stat info {};
    if (stat(datagen::standard_stream_path(STDIN_FILENO).c_str(), &info) != 0)
      throw std::system_error(errno, std::generic_category(), "cannot look at the standard input");
    if (S_ISREG(info.st_mode)) return {{name, static_cast<std::uint64_t>(info.st_size)}};
    if (S_ISSOCK(info.st_mode))
      throw std::runtime_error("the standard input is a socket; put cat | before this program");
    return {{"stdin://" + name, 0}};
  }

  bool is_resumable(const std::vector<InputFile>& inputs) const override { return is_file(inputs.at(0)); }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    const FileCursor begin = FileCursor::read(cursor);
    if (is_file(inputs.at(0)))
      return reader_->open(datagen::open_input(inputs[0], begin.from, begin.position.offset), begin.position);
    if (datagen::standard_stream_name(STDIN_FILENO) != inputs[0].uri.substr(sizeof "stdin://" - 1))
      throw std::runtime_error(
          "the standard input is not the one that this run began with; begin anew: --fresh");
    const int fd = ::open(datagen::standard_stream_path(STDIN_FILENO).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open the standard input");
    reader_->open(std::make_unique<Pipe>(fd, context), begin.position);
  }

  bool read(datagen::SourceFrame& frame) override {
    if (!reader_->read(frame)) return false;
    frame.set_cursor(FileCursor{reader_->position(), reader_->access_point()}.bytes());
    return true;
  }

 private:
  std::optional<datagen::JsonLinesReader> reader_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<StdinSource>(argc, argv); }
