// source-fixed: fixed://FILE has records of `width` bytes each, JSON filled up with blanks. So a record can
// be found by its number, and a cursor is a number.
#include <datagen/source.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

class FixedSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads records of a fixed width", "input: {uri: fixed://in.fixed, width: 1024}");
    p.integer("width", 1024).min(2).help("bytes of each record");
  }

  // When a run is planned. What it gives is frozen: a file that grows later is read up to here.
  std::vector<datagen::InputFile> freeze(const std::string& path, datagen::Context& context) override {
    const std::uint64_t bytes = std::filesystem::file_size(path);
    if (bytes % context.param<std::uint64_t>("width") != 0)
      throw std::runtime_error(path + " does not consist of records of that width");
    return {{path, bytes}};
  }

  // At the start, and whenever another process goes on with the run.
  void open(const std::vector<datagen::InputFile>& inputs, std::string_view cursor,
            datagen::Context& context) override {
    width_ = context.param<std::uint64_t>("width");
    rows_ = inputs.at(0).bytes / width_;
    if (!cursor.empty()) row_ = std::stoull(std::string(cursor));
    file_.open(inputs[0].uri, std::ios::binary);
    file_.seekg(static_cast<std::streamoff>(row_ * width_));
    if (!file_) throw std::runtime_error("cannot read " + inputs[0].uri);
  }

  bool read(datagen::SourceFrame& frame) override {
    if (row_ == rows_) return false;
    frame.start(position());
    const std::uint64_t fit =
        std::max<std::uint64_t>(1, frame.room().size() / (width_ + 32));  // with its entry
    const std::uint64_t end = std::min({rows_, row_ + fit, row_ + frame.records_left()});
    for (std::string record(width_, ' '); row_ < end; ++row_) {
      if (!file_.read(record.data(), static_cast<std::streamsize>(width_)))
        throw datagen::BadInput("the input has become shorter than it was");
      frame.add(std::string_view(record).substr(0, record.find_last_not_of(" \n") + 1), position());
    }
    frame.set_cursor(std::to_string(row_));
    return true;
  }

  std::uint64_t bytes_read() const override { return row_ * width_; }

 private:
  datagen::SourcePosition position() const { return {0, row_, row_ + 1, row_ * width_}; }

  std::ifstream file_;
  std::uint64_t width_ = 0, rows_ = 0;
  std::uint64_t row_ = 0;  // next
};

int main(int argc, char** argv) { return datagen::run_source<FixedSource>(argc, argv); }
