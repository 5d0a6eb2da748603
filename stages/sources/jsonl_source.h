// Reads files of JSON Lines, plain or compressed: one, a folder, a pattern, or a list.
#pragma once

#include <datagen/input_files.h>
#include <datagen/json_lines.h>
#include <datagen/source.h>

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

namespace datagen {

class JsonlSource : public Source {
 public:
  static void describe(Parameters& p) {
    p.describe("Reads JSON Lines: one JSON object a line",
               "input: jsonl://data/raw.jsonl  # or data/, data/**/*.jsonl.zst, @files.txt");
    declare_record_limit(p, "line");
  }

  std::vector<InputFile> freeze(const std::string& path, Context&) override {
    return list_input_files(path, {".jsonl", ".ndjson"});
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    inputs_ = inputs;
    reader_.emplace(context.param<std::uint64_t>("max_record"));
    const FileCursor begin = FileCursor::read(cursor);
    check_files_before(inputs_, begin);
    bytes_before_ = bytes_before(inputs_, begin.position.source);
    if (begin.position.source < inputs_.size()) open_file(begin);
  }

  bool read(SourceFrame& frame) override {
    if (!is_open_) return false;
    while (!reader_->read(frame)) {
      const SourcePosition end = reader_->position();
      is_open_ = false;
      if (end.source + 1 >= inputs_.size()) return false;
      bytes_before_ += inputs_[end.source].bytes;
      open_file({{end.source + 1, end.row, 1, 0}, {}});
    }
    frame.set_cursor(FileCursor{reader_->position(), reader_->access_point()}.bytes());
    return true;
  }

  std::uint64_t bytes_read() const override { return bytes_before_ + reader_->file_offset(); }

 private:
  void open_file(const FileCursor& begin) {
    const SourcePosition& position = begin.position;
    try {
      reader_->open(open_input(inputs_[position.source], begin.from, position.offset), position);
    } catch (const std::system_error& error) {
      throw BadInput(error.what());  // gone, or forbidden
    }
    is_open_ = true;
  }

  std::vector<InputFile> inputs_;
  std::uint64_t bytes_before_ = 0;  // of the files before the one that is open
  std::optional<JsonLinesReader> reader_;
  bool is_open_ = false;
};

}  // namespace datagen
