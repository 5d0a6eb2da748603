// source-stdin: JSON Lines from the launcher's standard input. A file there is read as any other; a pipe can
// be read once only, unless it is spooled.
#include <datagen/json_lines.h>
#include <datagen/source.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "datagen/input_files.h"
#include "sources/spool.h"
#include "standard_stream.h"

namespace {

using datagen::Context;
using datagen::FileCursor;
using datagen::InputFile;

constexpr int kLookMs = 50;                        // for the run being stopped in the middle of a line
constexpr std::string_view kSpooled = "spool://";  // spool://FILE#PIPE

bool is_file(const InputFile& input) { return input.uri.starts_with('/'); }
bool is_spooled(const InputFile& input) { return input.uri.starts_with(kSpooled); }

[[noreturn]] void throw_stopped() { throw std::runtime_error("the run is being stopped"); }

class Pipe final : public datagen::InputStream {
 public:
  Pipe(int fd, const Context& context) : fd_(fd), context_(context) {}
  ~Pipe() override { close(fd_); }

  bool wait(int milliseconds) override {
    pollfd wanted{fd_, POLLIN, 0};
    return poll(&wanted, 1, milliseconds) > 0;
  }
  std::size_t read(char* to, std::size_t most) override {
    for (;;) {
      if (context_.cancelled()) throw_stopped();
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

class SpooledPipe final : public datagen::InputStream {
 public:
  SpooledPipe(std::unique_ptr<datagen::Spool> spool, std::uint64_t offset, const Context& context)
      : spool_(std::move(spool)), offset_(offset), context_(context) {}

  bool wait(int milliseconds) override { return spool_->wait(offset_, milliseconds); }
  std::size_t read(char* to, std::size_t most) override {
    while (!wait(kLookMs)) {
      if (context_.cancelled()) throw_stopped();
    }
    const std::size_t got = spool_->read(offset_, to, most);
    offset_ += got;
    return got;
  }
  datagen::AccessPoint access_point(std::uint64_t offset) override { return {offset, offset}; }
  bool is_live() const override { return true; }

 private:
  std::unique_ptr<datagen::Spool> spool_;
  std::uint64_t offset_;
  const Context& context_;
};

class StdinSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads JSON Lines from the standard input", "input: stdin://");
    datagen::declare_record_limit(p, "line");
    p.text("spool", "").help("a file for what comes out of a pipe, so that the run can be gone on with");
  }

  // A pipe by its number, so that a second run with another pipe is not taken for the same.
  std::vector<InputFile> freeze(const std::string&, Context& context) override {
    const std::string name = datagen::standard_stream_name(STDIN_FILENO);
    struct stat info {};
    if (stat(datagen::standard_stream_path(STDIN_FILENO).c_str(), &info) != 0)
      throw std::system_error(errno, std::generic_category(), "cannot look at the standard input");
    if (S_ISREG(info.st_mode)) return {{name, static_cast<std::uint64_t>(info.st_size)}};
    if (S_ISSOCK(info.st_mode))
      throw std::runtime_error("the standard input is a socket; put cat | before this program");
    const auto spool = context.param<std::string>("spool");
    if (spool.empty() || !S_ISFIFO(info.st_mode)) return {{"stdin://" + name, 0}};
    const auto file = std::filesystem::absolute(spool).lexically_normal();
    if (!std::filesystem::is_directory(file.parent_path()))
      throw std::runtime_error("spool: there is no folder " + file.parent_path().string());
    return {{std::string(kSpooled) + file.string() + "#" + name, 0}};
  }

  bool is_resumable(const std::vector<InputFile>& inputs) const override {
    return is_file(inputs.at(0)) || is_spooled(inputs.at(0));
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    const FileCursor begin = FileCursor::read(cursor);
    if (is_file(inputs.at(0)))
      return reader_->open(datagen::open_input(inputs[0], begin.from, begin.position.offset), begin.position);
    if (is_spooled(inputs[0])) return open_spooled(inputs[0], begin, context);
    if (datagen::standard_stream_name(STDIN_FILENO) != inputs[0].uri.substr(sizeof "stdin://" - 1))
      throw std::runtime_error(
          "the standard input is not the one that this run began with; begin anew: --fresh");
    reader_->open(std::make_unique<Pipe>(open_pipe(), context), begin.position);
  }

  bool read(datagen::SourceFrame& frame) override {
    if (!reader_->read(frame)) return false;
    frame.set_cursor(FileCursor{reader_->position(), reader_->access_point()}.bytes());
    return true;
  }

 private:
  static int open_pipe() {
    const int fd = ::open(datagen::standard_stream_path(STDIN_FILENO).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open the standard input");
    return fd;
  }

  void open_spooled(const InputFile& input, const FileCursor& begin, Context& context) {
    const std::string place = input.uri.substr(kSpooled.size());
    const std::size_t name = place.rfind('#');
    std::error_code none;  // closed: the file may hold all
    std::string pipe = std::filesystem::read_symlink(datagen::standard_stream_path(STDIN_FILENO), none);
    if (!pipe.starts_with("pipe:")) pipe.clear();
    const int fd = pipe.empty() ? -1 : open_pipe();
    auto spool = std::make_unique<datagen::Spool>(place.substr(0, name), place.substr(name + 1), pipe, fd);
    if (spool->bytes() < begin.position.offset)
      throw std::runtime_error("the spool " + place.substr(0, name) + " has fewer than the " +
                               std::to_string(begin.position.offset) +
                               " bytes that were read of it; put it back, or start anew: --fresh");
    reader_->open(std::make_unique<SpooledPipe>(std::move(spool), begin.position.offset, context),
                  begin.position);
  }

  std::optional<datagen::JsonLinesReader> reader_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<StdinSource>(argc, argv); }
