// Splits a file of CSV (RFC 4180) into records, as JSON objects whose values are texts. libcsv parses what
// has quotes.
//
// Owner: the one worker of source-csv. When it dies, its successor opens a new reader at the beginning of a
// record.
#pragma once

#include <csv.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.h"
#include "datagen/input_stream.h"

namespace datagen {

struct CsvFormat {
  char delimiter = ',';
  bool has_header = true;
  std::vector<std::string> columns;  // their names; empty: from the header, or column0, column1, …
  std::uint64_t record_bytes_max = 256 << 20;
};

struct CsvRecord {
  SourcePosition begin, end;
  std::string json;
  std::string reason, message;  // set: it is none; `raw` is what stood there
  std::string raw;              // its first bytes
};

class CsvReader {
 public:
  explicit CsvReader(CsvFormat format);
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;
  ~CsvReader();

  // Reads from the beginning of a record on; reads the header first, from the file's beginning. Throws
  // BadInput for a header that cannot be used, and what the stream throws.
  void open(const InputFile& file, const AccessPoint& from, const SourcePosition& position);
  // The next record, or nothing at the end. Throws what the stream throws, when all records before are read.
  const CsvRecord* next();
  const SourcePosition& position() const { return position_; }  // behind the last record
  AccessPoint access_point(std::uint64_t offset) { return stream_->access_point(offset); }
  std::uint64_t file_offset() const { return stream_->file_offset(); }
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void begin(std::unique_ptr<InputStream> stream, const SourcePosition& position);
  void read_header(const InputFile& file);
  bool next_row();
  bool fill();
  bool split(std::string_view line);
  void parse(std::string_view text);
  void parse_line(std::string_view line);
  bool is_within_quotes() const;
  void finish_file();
  void next_line();
  void start_parser();
  void add_field(std::string_view text);
  void number_columns();
  void make_record();
  void reject(const char* reason, std::string message);
  static void on_field(void* text, std::size_t size, void* self);
  static void on_row(int end, void* self);

  CsvFormat format_;
  std::vector<std::string> columns_;
  std::vector<std::string> keys_;  // `,"name":`, escaped
  std::unique_ptr<InputStream> stream_;
  std::exception_ptr failure_;
  bool at_end_ = false;
  ByteBuffer buffer_;
  std::size_t taken_ = 0;  // of buffer_
  csv_parser parser_{};

  // The row that is being read, and the one that was.
  SourcePosition position_, begin_;
  ByteBuffer fields_;
  std::vector<std::size_t> ends_;  // of each field in fields_
  bool row_is_done_ = false;
  std::string raw_;
  std::uint64_t raw_bytes_ = 0;
  ByteBuffer json_;
  CsvRecord record_;
};

}  // namespace datagen
