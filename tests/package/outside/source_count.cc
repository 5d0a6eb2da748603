// source-count: count://N makes the records {"n":0} to {"n":N-1}.
#include <datagen/source.h>

#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

class CountSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) { p.describe("Counts from 0", "input: count://1000"); }

  std::vector<datagen::InputFile> freeze(const std::string& path, datagen::Context&) override {
    const std::string digits = std::filesystem::path(path).filename();
    return {{path, number(digits)}};
  }

  void open(const std::vector<datagen::InputFile>& inputs, std::string_view cursor,
            datagen::Context&) override {
    end_ = inputs.at(0).bytes;
    if (!cursor.empty()) next_ = number(cursor);
  }

  bool read(datagen::SourceFrame& frame) override {
    constexpr std::uint64_t kPerFrame = 100;
    frame.start({0, next_, next_ + 1, next_});
    for (std::uint64_t count = 0; count < kPerFrame && next_ < end_; ++count, ++next_) {
      frame.add("{\"n\":" + std::to_string(next_) + "}", {0, next_, next_ + 1, next_});
    }
    frame.set_cursor(std::to_string(next_));
    return frame.size() > 0;
  }

 private:
  static std::uint64_t number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      throw std::runtime_error("'" + std::string(digits) + "' is not a number; write count://1000");
    }
    return value;
  }

  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<CountSource>(argc, argv); }
