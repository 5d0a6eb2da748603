// sink-jsonl: a file of JSON Lines, or parts of one; plain or compressed.
#include <datagen/record_files.h>
#include <datagen/sink.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using datagen::Context;

class JsonlSink : public datagen::RecordFilesSink {
 public:
  JsonlSink() : RecordFilesSink(".jsonl") {}

  static void describe(datagen::Parameters& p) {
    p.describe("Writes JSON Lines: one JSON object a line",
               "output: {uri: jsonl://data/clean/, split: 1GiB, compress: zst}");
    datagen::RecordFiles::declare(p);
  }

  std::vector<std::string> outputs(const std::string& path, Context& context) override {
    return files_.outputs(path, context);
  }
  void open(const std::string& path, const datagen::WrittenOutput& written, Context& context) override {
    files_.open(path, written, context);
  }

  void write(std::string_view lines, std::uint64_t records) override {
    ends_.clear();
    if (files_.is_split()) find_ends(lines, records);
    files_.write(lines, ends_);
  }

 private:
  void find_ends(std::string_view lines, std::uint64_t records) {
    ends_.reserve(records);
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t newline = lines.find('\n', at);
      at = newline == std::string_view::npos ? lines.size() : newline + 1;
      ends_.push_back(at);
    }
  }

  std::vector<std::size_t> ends_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<JsonlSink>(argc, argv); }
