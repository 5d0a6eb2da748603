// source-jsonl: files of JSON Lines, plain or compressed: one, a folder, a pattern, or a list.
#include <datagen/input_files.h>
#include <datagen/json_lines.h>
#include <datagen/source.h>

#include <optional>
#include <system_error>

namespace {

using datagen::Context;
using datagen::FileCursor;
using datagen::InputFile;
using datagen::SourceFrame;

class JsonlSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads JSON Lines: one JSON object a line",
               "input: jsonl://data/raw.jsonl  # or data/, data/**/*.jsonl.zst, @files.txt");
    datagen::declare_record_limit(p, "line");
  }

  std::vector<InputFile> freeze(const std::string& path, Context&) override {
    return datagen::list_input_files(path, {".jsonl", ".ndjson"});
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    inputs_ = inputs;
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    const FileCursor begin = FileCursor::read(cursor);
    if (begin.position.source < inputs_.size()) open_file(begin);
  }

  bool read(SourceFrame& frame) override {
    if (!is_open_) return false;
    while (!reader_->read(frame)) {
      const datagen::SourcePosition end = reader_->position();
      is_open_ = false;
      if (end.source + 1 >= inputs_.size()) return false;
      open_file({{end.source + 1, end.row, 1, 0}, {}});
    }
    frame.set_cursor(FileCursor{reader_->position(), reader_->access_point()}.bytes());
    return true;
  }

  std::uint64_t bytes_read() const override {
    return datagen::bytes_before(inputs_, reader_->position().source) + reader_->file_offset();
  }

 private:
  void open_file(const FileCursor& begin) {
    const datagen::SourcePosition& position = begin.position;
    try {
      reader_->open(datagen::open_input(inputs_[position.source], begin.from, position.offset), position);
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
