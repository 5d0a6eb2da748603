// sink-jsonl: one file of JSON Lines.
#include <datagen/output_file.h>
#include <datagen/sink.h>

#include <filesystem>
#include <stdexcept>

namespace {

using datagen::Context;

class JsonlSink : public datagen::Sink {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Writes JSON Lines: one JSON object a line", "output: jsonl://data/clean.jsonl");
  }

  std::vector<std::string> outputs(const std::string& path, Context&) override {
    const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
    if (std::filesystem::is_directory(absolute) || !absolute.has_filename()) {
      throw std::runtime_error(absolute.string() + " is a folder; name a file in it");
    }
    return {absolute};
  }

  void open(const std::string& path, std::uint64_t bytes, Context&) override { file_.open(path, bytes); }
  void write(std::string_view lines, std::uint64_t) override { file_.write(lines); }
  std::uint64_t bytes() const override { return file_.bytes(); }
  void sync() override { file_.sync(); }
  Tail tail() const override { return file_.is_regular() ? Tail{file_.path(), file_.bytes()} : Tail{}; }

 private:
  datagen::OutputFile file_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<JsonlSink>(argc, argv); }
