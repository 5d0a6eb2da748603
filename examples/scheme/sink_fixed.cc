// sink-fixed: fixed://FILE, records of `width` bytes each, JSON filled up with blanks.
#include <datagen/output_file.h>
#include <datagen/sink.h>

#include <cstdint>
#include <string>

class FixedSink : public datagen::Sink {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Writes records of a fixed width", "output: {uri: fixed://out.fixed, width: 1024}");
    p.integer("width", 1024).min(2).help("bytes of each record; one that is longer stops the run");
  }

  // When a run is planned: an output that is there already, or that two stages write, is refused.
  std::vector<std::string> outputs(const std::string& path, datagen::Context&) override { return {path}; }

  // What lies behind `written` was not committed, or is of a process that died: OutputFile cuts it off.
  void open(const std::string& path, const datagen::WrittenOutput& written,
            datagen::Context& context) override {
    width_ = context.param<std::uint64_t>("width");
    file_.open(path, written.bytes);
  }

  void write(std::string_view lines, std::uint64_t) override {
    std::string records;
    while (!lines.empty()) {
      const std::string_view record = lines.substr(0, lines.find('\n'));
      if (record.size() >= width_)
        throw datagen::CannotWrite("a record has " + std::to_string(record.size()) + " bytes, width is " +
                                   std::to_string(width_) + ": " + std::string(record.substr(0, 60)));
      records.append(record).append(width_ - record.size() - 1, ' ').push_back('\n');
      lines.remove_prefix(record.size() + 1);
    }
    file_.write(records);
  }

  std::uint64_t bytes() const override { return file_.bytes(); }
  void sync() override { file_.sync(); }
  Tail tail() const override { return {file_.path(), file_.bytes()}; }

 private:
  datagen::OutputFile file_;
  std::uint64_t width_ = 0;
};

int main(int argc, char** argv) { return datagen::run_sink<FixedSink>(argc, argv); }
