// source-dead-letters: the dead letters that `datagen replay` has chosen, as records of the rows that they
// were. Started by the launcher only; reads its file replay.jsonl (docs/run_directory.md).
#include <datagen/source.h>
#include <simdjson.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kFrameBytesMax = 64 << 10;

struct Letter {
  datagen::SourcePosition position;
  std::string path;
  std::string record;
  std::uint64_t end = 0;  // of its line
};

struct DeadLetters : datagen::Source {
  static void describe(datagen::Parameters& p) {
    p.describe("Reads the dead letters that are replayed; not for graphs", "datagen replay RUN");
    p.text("letters", "").help("the file that the launcher wrote");
  }

  std::vector<datagen::InputFile> freeze(const std::string&, datagen::Context&) override {
    throw std::runtime_error("dead-letters:// cannot be read by a graph; use datagen replay");
  }

  void open(const std::vector<datagen::InputFile>&, std::string_view cursor, datagen::Context& c) override {
    path_ = c.param<std::string>("letters");
    file_.open(path_, std::ios::binary);
    if (!file_) throw std::runtime_error("cannot read " + path_);
    std::from_chars(cursor.data(), cursor.data() + cursor.size(), at_);
    file_.seekg(static_cast<std::streamoff>(at_));
    next_ = take();
  }

  // A frame names rows and offsets by their distance from its start, so they must be near and in order.
  bool read(datagen::SourceFrame& frame) override {
    if (!next_) return false;
    const datagen::SourcePosition start = next_->position;
    frame.start(start);
    std::size_t bytes = 0;
    while (next_ && frame.records_left() > 0 && bytes < kFrameBytesMax && is_near(start, next_->position)) {
      frame.add_child(next_->record, next_->position, next_->path);
      bytes += next_->record.size();
      end_ = next_->end;
      next_ = take();
    }
    frame.set_cursor(std::to_string(end_));
    return true;
  }

 private:
  static bool is_near(const datagen::SourcePosition& start, const datagen::SourcePosition& position) {
    constexpr std::uint64_t kFar = 1U << 31;
    return position.source == start.source && position.row >= start.row && position.row - start.row < kFar &&
           position.offset >= start.offset && position.offset - start.offset < kFar;
  }

  std::optional<Letter> take() {
    std::string line;
    while (std::getline(file_, line)) {
      at_ += line.size() + 1;
      dom::element root;
      if (parser_.parse(line).get(root) != simdjson::SUCCESS) throw std::runtime_error(path_ + " is damaged");
      if (root["lengths"].error() == simdjson::SUCCESS) continue;
      Letter letter;
      std::uint64_t source = 0;
      std::string_view path, record;
      if (root["row"].get(letter.position.row) != simdjson::SUCCESS)
        letter.position.row = datagen::SourcePosition::kNoRow;  // made at the end of the stream: a path only
      if (root["path"].get(path) != simdjson::SUCCESS || root["record"].get(record) != simdjson::SUCCESS ||
          root["source"].get(source) != simdjson::SUCCESS ||
          root["line"].get(letter.position.line) != simdjson::SUCCESS ||
          root["offset"].get(letter.position.offset) != simdjson::SUCCESS)
        throw std::runtime_error(path_ + " is damaged");
      letter.position.source = static_cast<std::uint32_t>(source);
      letter.path = path;
      letter.record = record;
      letter.end = at_;
      return letter;
    }
    return std::nullopt;
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t at_ = 0;   // behind the last line taken
  std::uint64_t end_ = 0;  // behind the last line that is in a frame
  std::optional<Letter> next_;
  dom::parser parser_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<DeadLetters>(argc, argv); }
