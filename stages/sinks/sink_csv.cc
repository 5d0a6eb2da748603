// sink-csv: a file of CSV (RFC 4180), or parts of one; plain or compressed.
#include <datagen/record_files.h>
#include <datagen/sink.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "byte_buffer.h"
#include "csv/csv_parameters.h"
#include "csv/csv_reader.h"

namespace {

using datagen::CannotWrite;
using datagen::Context;
namespace ondemand = simdjson::ondemand;

class CsvSink : public datagen::RecordFilesSink {
 public:
  CsvSink() : RecordFilesSink(".csv") {}

  static void describe(datagen::Parameters& p) {
    p.describe("Writes CSV: a column for each field",
               "output: {uri: csv://clean.csv, columns: \"text,len\"}");
    datagen::declare_delimiter(p);
    p.boolean("header", true).help("every file begins with the names of the columns");
    p.text("columns", "").help("fields to write, as a,b,c; empty: those of the first record, in its order");
    p.choice("other_fields", {"fail", "ignore"}, "fail").help("what a field that has no column does");
    p.choice("line_end", {"crlf", "lf"}, "crlf").help("crlf is what RFC 4180 says");
    datagen::RecordFiles::declare(p);
  }

  std::vector<std::string> outputs(const std::string& path, Context& context) override {
    configure(path, context);
    return files_.outputs(path, context);
  }

  void open(const std::string& path, const datagen::WrittenOutput& written, Context& context) override {
    configure(path, context);
    files_.open(path, written, context);
    if (columns_.empty()) columns_ = written_columns();
    if (!columns_.empty()) set_header();
  }

  void write(std::string_view lines, std::uint64_t) override {
    text_.clear();
    ends_.clear();
    padded_.clear();
    padded_.append(lines);
    padded_.append(std::string(simdjson::SIMDJSON_PADDING, ' '));
    for (std::size_t begin = 0; begin < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', begin), lines.size());
      write_record(padded_.data() + begin, end - begin);
      if (files_.is_split()) ends_.push_back(text_.size());
      begin = end + 1;
    }
    files_.write(text_.view(), ends_);
  }

 private:
  void configure(const std::string& path, Context& context) {
    delimiter_ =
        datagen::read_delimiter(context.param<std::string>("delimiter"), datagen::without_compression(path));
    has_header_ = context.param<bool>("header");
    columns_ = datagen::read_columns(context.param<std::string>("columns"));
    ignores_others_ = context.param<std::string>("other_fields") == "ignore";
    line_end_ = context.param<std::string>("line_end") == "lf" ? "\n" : "\r\n";
    if (!has_header_ && columns_.empty())
      throw std::runtime_error("header: false needs columns: a,b,c, so that a resume knows them");
  }

  // Those that an earlier process took from the first record.
  std::vector<std::string> written_columns() const {
    const datagen::InputFile file = files_.first_file();
    if (file.uri.empty()) return {};
    datagen::CsvReader reader({delimiter_, true, {}, std::uint64_t{256} << 20});
    reader.open(file, {}, {});
    return reader.columns();
  }

  void set_header() {
    values_.resize(columns_.size());
    datagen::ByteBuffer header;
    if (has_header_) {
      for (std::size_t index = 0; index < columns_.size(); ++index)
        append_field(header, columns_[index], index);
      header.append(line_end_);
    }
    files_.set_header(std::string(header.view()));
  }

  void write_record(const char* json, std::size_t size) {
    ondemand::document document = parser_.iterate(json, size, size + simdjson::SIMDJSON_PADDING);
    if (columns_.empty()) {
      for (auto field : document.get_object()) columns_.emplace_back(field.unescaped_key().value());
      document.rewind();
      if (columns_.empty())
        throw CannotWrite("the first record has no fields to name the columns by; give columns: a,b,c");
      set_header();
    }
    for (std::string& value : values_) value.clear();
    std::size_t next = 0;
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (next >= columns_.size() || columns_[next] != key)
        next = static_cast<std::size_t>(std::ranges::find(columns_, key) - columns_.begin());
      if (next < columns_.size()) {
        take_value(field.value(), values_[next++]);
      } else if (!ignores_others_) {
        throw CannotWrite(
            "a record has the field '" + std::string(key) +
            "', for which there is no column: " + std::string(json, std::min<std::size_t>(size, 200)) +
            " (name all columns: columns: a,b,c; or leave others out: other_fields: ignore)");
      }
    }
    for (std::size_t index = 0; index < values_.size(); ++index) append_field(text_, values_[index], index);
    text_.append(line_end_);
  }

  // Texts as they are, null as nothing, all else as its JSON.
  static void take_value(ondemand::value value, std::string& text) {
    switch (value.type()) {
      case ondemand::json_type::string:
        text = std::string_view(value.get_string());
        return;
      case ondemand::json_type::null:
        return;
      case ondemand::json_type::array:
        text = std::string_view(value.get_array().value().raw_json());
        return;
      case ondemand::json_type::object:
        text = std::string_view(value.get_object().value().raw_json());
        return;
      default:
        text = value.raw_json_token();
        while (!text.empty() && text.back() <= ' ') text.pop_back();
    }
  }

  void append_field(datagen::ByteBuffer& out, const std::string& text, std::size_t index) const {
    if (index > 0) out.push_back(delimiter_);
    const char special[] = {delimiter_, '"', '\r', '\n', '\0'};
    // A row of one empty field would be a blank line.
    const bool is_quoted =
        text.find_first_of(special) != std::string::npos || (text.empty() && columns_.size() == 1);
    if (!is_quoted) return out.append(text);
    char* to = out.reserve(text.size() * 2 + 2);
    out.commit(csv_write(to, text.size() * 2 + 2, text.data(), text.size()));
  }

  char delimiter_ = ',';
  bool has_header_ = true, ignores_others_ = false;
  std::string line_end_;
  std::vector<std::string> columns_;
  std::vector<std::string> values_;
  ondemand::parser parser_;
  datagen::ByteBuffer padded_, text_;
  std::vector<std::size_t> ends_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<CsvSink>(argc, argv); }
