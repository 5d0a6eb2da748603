#include "csv/csv_reader.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "json_write.h"

namespace datagen {

namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kRawBytesKept = 4096;

int no_space(unsigned char) { return 0; }  // spaces belong to their field
int is_line_end(unsigned char byte) { return byte == '\n' ? 1 : 0; }

}  // namespace

CsvReader::CsvReader(CsvFormat format) : format_(std::move(format)) { start_parser(); }
CsvReader::~CsvReader() { csv_free(&parser_); }

void CsvReader::start_parser() {
  csv_free(&parser_);
  csv_init(&parser_, 0);  // a quote within an unquoted field is itself
  csv_set_delim(&parser_, static_cast<unsigned char>(format_.delimiter));
  csv_set_space_func(&parser_, no_space);
  csv_set_term_func(&parser_, is_line_end);
  fields_.clear();
  ends_.clear();
  row_is_done_ = false;
  raw_.clear();
  raw_bytes_ = 0;
}

void CsvReader::open(const InputFile& file, const AccessPoint& from, const SourcePosition& position) {
  columns_ = format_.columns;
  if (position.offset > 0 && (format_.has_header || columns_.empty())) {
    begin(open_input(file, {}, 0), {});
    if (format_.has_header) {
      read_header(file);
    } else if (next_row()) {
      number_columns();
    }
  }
  begin(open_input(file, from, position.offset), position);
  if (format_.has_header && position.offset == 0) read_header(file);
  keys_.clear();
}

void CsvReader::begin(std::unique_ptr<InputStream> stream, const SourcePosition& position) {
  stream_ = std::move(stream);
  failure_ = nullptr;
  at_end_ = false;
  buffer_.clear();
  taken_ = 0;
  position_ = position;
  start_parser();
  if (position.offset != 0) return;
  while (buffer_.size() < 3 && fill()) {
  }
  if (buffer_.view().starts_with("\xef\xbb\xbf")) {
    taken_ = 3;
    position_.offset = 3;
  }
}

void CsvReader::read_header(const InputFile& file) {
  if (!next_row()) return;  // an empty file
  if (!record_.reason.empty()) throw BadInput(file.uri + ":1: the header cannot be read: " + record_.message);
  std::vector<std::string> names;
  for (std::size_t index = 0, begin = 0; index < ends_.size(); begin = ends_[index++])
    names.emplace_back(fields_.view().substr(begin, ends_[index] - begin));
  if (format_.columns.empty()) {
    std::set<std::string> known;
    for (const std::string& name : names) {
      if (!known.insert(name).second)
        throw BadInput(file.uri + ":1: the header has '" + name +
                       "' twice; name the columns with columns: a,b,c");
    }
    columns_ = std::move(names);
  } else if (names.size() != columns_.size()) {
    throw BadInput(file.uri + ":1: the header has " + std::to_string(names.size()) +
                   " columns, 'columns' names " + std::to_string(columns_.size()));
  }
}

// Reads more; false at the end of what can be read.
bool CsvReader::fill() {
  if (at_end_ || failure_) return false;
  const std::string rest(buffer_.view().substr(taken_));
  buffer_.clear();
  buffer_.append(rest);
  taken_ = 0;
  try {
    const std::size_t got = stream_->read(buffer_.reserve(kReadBytes), kReadBytes);
    at_end_ = got == 0;
    buffer_.commit(got);
  } catch (const std::exception&) {
    failure_ = std::current_exception();
  }
  return !at_end_ && !failure_;
}

void CsvReader::on_field(void* text, std::size_t size, void* self) {
  static_cast<CsvReader*>(self)->add_field({static_cast<const char*>(text), size});
}

void CsvReader::on_row(int, void* self) { static_cast<CsvReader*>(self)->row_is_done_ = true; }

void CsvReader::add_field(std::string_view text) {
  fields_.append(text);
  ends_.push_back(fields_.size());
}

// A whole line without quotes needs no parser. False: it does.
bool CsvReader::split(std::string_view line) {
  if (line.find('"') != std::string_view::npos) return false;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return false;
  raw_.assign(line.substr(0, kRawBytesKept));
  raw_bytes_ = line.size();
  for (;;) {
    const std::size_t end = line.find(format_.delimiter);
    add_field(line.substr(0, end));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return row_is_done_ = true;
}

void CsvReader::parse(std::string_view text) {
  if (raw_.size() < kRawBytesKept) raw_.append(text.substr(0, kRawBytesKept - raw_.size()));
  raw_bytes_ += text.size();
  csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this);
}

bool CsvReader::is_within_quotes() const {
  constexpr int kWithinField = 2;  // libcsv's FIELD_BEGUN
  return parser_.pstate == kWithinField && parser_.quoted != 0;
}

// With its LF. A CR before it is part of a quoted field, and else of the line's end.
void CsvReader::parse_line(std::string_view line) {
  const bool has_cr = line.ends_with('\r');
  if (has_cr) line.remove_suffix(1);
  parse(line);
  parse(has_cr && is_within_quotes() ? "\r\n" : "\n");
}

// The next row into fields_ and ends_, from begin_ to position_; or record_.reason says why it is none.
bool CsvReader::next_row() {
  fields_.clear();
  ends_.clear();
  row_is_done_ = false;
  raw_.clear();
  raw_bytes_ = 0;
  begin_ = position_;
  record_.reason.clear();
  while (!row_is_done_) {
    if (taken_ == buffer_.size() && !fill()) {
      if (failure_) std::rethrow_exception(failure_);
      if (at_end_) return finish_file(), row_is_done_ || !record_.reason.empty();
    }
    // A row ends with a line, unless that ends within quotes: so where rows end is known to the byte.
    const char* begin = buffer_.data() + taken_;
    const std::size_t left = buffer_.size() - taken_;
    const auto* newline = static_cast<const char*>(std::memchr(begin, '\n', left));
    std::size_t size = newline == nullptr ? left : static_cast<std::size_t>(newline - begin) + 1;
    // A CR may belong to an LF that is not read yet.
    if (newline == nullptr && begin[left - 1] == '\r' && --size == 0 && fill()) continue;
    if (failure_ && size == 0) std::rethrow_exception(failure_);
    if (newline != nullptr) {
      if (raw_bytes_ != 0 || !split({begin, size - 1})) parse_line({begin, size - 1});
    } else if (size != 0) {
      parse({begin, size});
    } else {  // a CR at the file's end
      if (is_within_quotes()) parse("\r");
      size = 1;
    }
    taken_ += size;
    position_.offset += size;
    if (newline != nullptr) next_line();
    if (newline != nullptr && !row_is_done_ && ends_.empty() && parser_.pstate == 0) {  // a blank line
      raw_.clear();
      raw_bytes_ = 0;
      begin_ = position_;
    }
    if (!row_is_done_ && raw_bytes_ > format_.record_bytes_max && newline != nullptr) {
      reject("too_long", "the row has more than " + std::to_string(format_.record_bytes_max) +
                             " bytes: a quote may be missing");
      break;
    }
  }
  return true;
}

// The end may be that of the last row.
void CsvReader::finish_file() {
  if (raw_bytes_ == 0) return;
  if (is_within_quotes()) {
    reject("unclosed_quote", "the file ends within quotes that begin in this row");
  } else {
    csv_fini(&parser_, on_field, on_row, this);
  }
  next_line();
}

// Rows are counted by lines, as those of JSON Lines are: so a frame can tell a record's line from its row.
void CsvReader::next_line() {
  ++position_.line;
  ++position_.row;
}

void CsvReader::reject(const char* reason, std::string message) {
  record_.reason = reason;
  record_.message = std::move(message);
  record_.raw = raw_;
  if (!row_is_done_) start_parser();
}

const CsvRecord* CsvReader::next() {
  if (!next_row()) return nullptr;
  if (record_.reason.empty()) make_record();
  record_.begin = begin_;
  record_.end = position_;
  return &record_;
}

void CsvReader::number_columns() {
  for (std::size_t index = 0; index < ends_.size(); ++index)
    columns_.push_back("column" + std::to_string(index));
}

void CsvReader::make_record() {
  if (columns_.empty()) number_columns();
  if (keys_.empty()) {
    for (const std::string& column : columns_) {
      ByteBuffer key;
      key.push_back(keys_.empty() ? '{' : ',');
      append_json_string(key, column);
      key.push_back(':');
      keys_.emplace_back(key.view());
    }
  }
  if (ends_.size() != columns_.size()) {
    return reject("ragged_row", "the row has " + std::to_string(ends_.size()) + " fields, there are " +
                                    std::to_string(columns_.size()) + " columns");
  }
  json_.clear();
  for (std::size_t index = 0, begin = 0; index < ends_.size(); begin = ends_[index++]) {
    json_.append(keys_[index]);
    append_json_string(json_, fields_.view().substr(begin, ends_[index] - begin));
  }
  json_.push_back('}');
  record_.json = json_.view();
}

}  // namespace datagen
