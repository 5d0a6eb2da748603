// Reads files of CSV (RFC 4180), plain or compressed. A record's fields are texts.
#pragma once

#include <datagen/input_files.h>
#include <datagen/source.h>

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "csv/csv_parameters.h"
#include "csv/csv_reader.h"

namespace datagen {

class CsvSource : public Source {
 public:
  static void describe(Parameters& p) {
    p.describe("Reads CSV: each row becomes an object of texts",
               "input: {uri: csv://data/*.csv.gz, delimiter: ;}");
    declare_delimiter(p);
    p.boolean("header", true).help("the first row of each file has the names of the columns");
    p.text("columns", "").help("names of the columns, as a,b,c; instead of the header's");
    declare_record_limit(p, "row");
  }

  std::vector<InputFile> freeze(const std::string& path, Context& context) override {
    configure(context);
    return list_input_files(path, {".csv", ".tsv"});
  }

  void open(const std::vector<InputFile>& inputs, std::string_view cursor, Context& context) override {
    inputs_ = inputs;
    configure(context);
    const FileCursor begin = FileCursor::read(cursor);
    check_files_before(inputs_, begin);
    bytes_before_ = bytes_before(inputs_, begin.position.source);
    if (begin.position.source < inputs_.size()) open_file(begin);
  }

  bool read(SourceFrame& frame) override {
    SourcePosition end;
    while (reader_ && (!pending_ && (pending_ = reader_->next()) == nullptr)) {
      end = reader_->position();
      reader_.reset();
      if (end.source + 1 >= inputs_.size()) break;
      bytes_before_ += inputs_[end.source].bytes;
      open_file({{end.source + 1, end.row, 1, 0}, {}});
    }
    if (!pending_) return false;
    frame.start(pending_->begin);
    const std::size_t room = frame.room().size();
    std::size_t bytes = 0;
    do {  // at least one, however large
      add(frame, *pending_);
      bytes += pending_->json.size() + kBytesPerRecord;
      end = pending_->end;
      pending_ = next();
    } while (pending_ && frame.records_left() > 0 && bytes + pending_->json.size() + kBytesPerRecord <= room);
    frame.set_cursor(FileCursor{end, reader_->access_point(end.offset)}.bytes());
    return true;
  }

  std::uint64_t bytes_read() const override { return reader_ ? bytes_before_ + reader_->file_offset() : 0; }

 private:
  static constexpr std::size_t kBytesPerRecord = 32;  // of a frame's table

  void configure(Context& context) {
    delimiter_ = context.param<std::string>("delimiter");
    read_delimiter(delimiter_, "");
    format_.has_header = context.param<bool>("header");
    format_.columns = read_columns(context.param<std::string>("columns"));
    format_.record_bytes_max = context.param<std::uint64_t>("max_record");
  }

  void open_file(const FileCursor& begin) {
    const InputFile& file = inputs_[begin.position.source];
    format_.delimiter = read_delimiter(delimiter_, without_compression(file.uri));
    reader_.emplace(format_);
    try {
      reader_->open(file, begin.from, begin.position);
    } catch (const std::system_error& error) {
      throw BadInput(error.what());  // gone, or forbidden
    }
  }

  // What fails now fails again when the next frame begins: this one is published first.
  const CsvRecord* next() {
    try {
      return reader_->next();
    } catch (const BadInput&) {
      return nullptr;
    }
  }

  static void add(SourceFrame& frame, const CsvRecord& record) {
    if (record.reason.empty()) {
      frame.add(record.json, record.begin);
    } else {
      frame.reject(record.raw, record.begin, record.reason, record.message);
    }
  }

  std::vector<InputFile> inputs_;
  std::uint64_t bytes_before_ = 0;  // of the files before the one that is open
  std::string delimiter_;
  CsvFormat format_;
  std::optional<CsvReader> reader_;
  const CsvRecord* pending_ = nullptr;  // read, but not yet in a frame
};

}  // namespace datagen
