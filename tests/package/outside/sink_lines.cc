
#include <string>
#include <string_view>
#include <vector>
// sink-lines: lines://FILE writes one record a line.
#include <datagen/output_file.h>
#include <datagen/sink.h>

namespace {

class LinesSink : public datagen::Sink {
 public:
  static void describe(datagen::Parameters& p) { p.describe("Writes lines", "output: lines://out.txt"); }

  std::vector<std::string> outputs(const std::string& path, datagen::Context&) override { return {path}; }
  void open(const std::string& path, const datagen::WrittenOutput& written, datagen::Context&) override {
    file_.open(path, written.bytes);
  }
  void write(std::string_view lines, std::uint64_t) override { file_.write(lines); }
  std::uint64_t bytes() const override { return file_.bytes(); }
  void sync() override { file_.sync(); }
  Tail tail() const override { return {file_.path(), file_.bytes()}; }

 private:
  datagen::OutputFile file_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_sink<LinesSink>(argc, argv); }
