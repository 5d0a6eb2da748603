// source-jsonl: files of JSON Lines, plain or compressed. jsonl://PATH names one file.
#include <datagen/json_lines.h>
#include <datagen/source.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace {

using datagen::Context;
using datagen::InputFile;
using datagen::SourceFrame;
using datagen::SourcePosition;

class JsonlSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads JSON Lines: one JSON object a line", "input: jsonl://data/raw.jsonl");
    p.integer("max_record", std::int64_t{256} << 20)
        .min(1)
        .max(std::int64_t{1} << 31)
        .help("longest line in bytes; a longer one becomes a dead letter");
  }

  std::vector<InputFile> freeze(const std::string& path, Context&) override {
    const std::string absolute = std::filesystem::absolute(path).lexically_normal();
    struct stat info {};
    if (stat(absolute.c_str(), &info) != 0) {
      throw std::runtime_error("cannot read " + absolute + ": " + std::strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) throw std::runtime_error(absolute + " is a folder; name a file in it");
    if (access(absolute.c_str(), R_OK) != 0) {
      throw std::runtime_error("cannot read " + absolute + ": " + std::strerror(errno));
    }
    return {{absolute, static_cast<std::uint64_t>(info.st_size)}};
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    inputs_ = inputs;
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    Cursor words{};
    if (!cursor.empty()) {
      if (cursor.size() != sizeof words) throw std::runtime_error("a cursor that source-jsonl did not make");
      std::memcpy(&words, cursor.data(), sizeof words);
    }
    const SourcePosition position{static_cast<std::uint32_t>(words.source), words.row,
                                  cursor.empty() ? 1 : words.line, words.offset};
    if (position.source < inputs_.size()) open_file(position, words.from);
  }

  bool read(SourceFrame& frame) override {
    if (!is_open_) return false;
    while (!reader_->read(frame)) {
      const SourcePosition end = reader_->position();
      is_open_ = false;
      if (end.source + 1 >= inputs_.size()) return false;
      open_file({end.source + 1, end.row, 1, 0}, {});
    }
    const SourcePosition& position = reader_->position();
    const Cursor words{position.source, position.row, position.line, position.offset,
                       reader_->access_point()};
    frame.set_cursor({reinterpret_cast<const char*>(&words), sizeof words});
    return true;
  }

 private:
  // Without gaps between its fields, so that equal positions are equal bytes.
  struct Cursor {
    std::uint64_t source, row, line, offset;
    datagen::AccessPoint from;
  };

  void open_file(const SourcePosition& position, const datagen::AccessPoint& from) {
    try {
      reader_->open(datagen::open_input(inputs_[position.source], from, position.offset), position);
    } catch (const std::system_error& error) {
      throw datagen::BadInput(error.what());  // gone, or forbidden
    }
    is_open_ = true;
  }

  std::vector<InputFile> inputs_;
  std::optional<datagen::JsonLinesReader> reader_;
  bool is_open_ = false;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<JsonlSource>(argc, argv); }
