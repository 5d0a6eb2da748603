// source-merge: several inputs, read by a rule as one stream. Not written as an URI: the graph's `inputs` and
// `merge` become it (docs/graphs.md).
#include <datagen/source.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "merge/merge_rule.h"
#include "merge/merge_spec.h"

namespace {

using datagen::Context;
using datagen::InputFile;
using datagen::MergedInput;
using datagen::MergedRecord;
using datagen::MergeSpec;
using datagen::SourceFrame;
using datagen::SourcePosition;

constexpr std::size_t kBytesPerRecord = 64;  // of a frame's tables

// Where the merged stream goes on: the rule's state, the next row, and the place in each input.
struct MergeCursor {
  datagen::MergeState state;
  std::uint64_t row = 0;
  std::vector<MergedInput::Place> places;

  static MergeCursor read(std::string_view bytes, std::size_t inputs) {
    MergeCursor cursor;
    cursor.places.resize(inputs);
    if (bytes.empty()) return cursor;
    const auto take = [&](auto& value) {
      if (bytes.size() < sizeof value) throw std::runtime_error("a cursor that another source made");
      std::memcpy(&value, bytes.data(), sizeof value);
      bytes.remove_prefix(sizeof value);
    };
    take(cursor.state.turn);
    take(cursor.state.ended);
    take(cursor.row);
    for (MergedInput::Place& place : cursor.places) {
      std::uint16_t size = 0;
      take(place.taken);
      take(size);
      place.cursor = bytes.substr(0, size);
      bytes.remove_prefix(place.cursor.size());
    }
    return cursor;
  }

  std::string bytes() const {
    std::string text;
    const auto put = [&](const auto& value) {
      text.append(reinterpret_cast<const char*>(&value), sizeof value);
    };
    put(state.turn);
    put(state.ended);
    put(row);
    for (const MergedInput::Place& place : places) {
      put(place.taken);
      put(static_cast<std::uint16_t>(place.cursor.size()));
      text += place.cursor;
    }
    return text;
  }
};

class MergeSource : public datagen::Source {
 public:
  static void describe(datagen::Parameters& p) {
    p.describe("Reads several inputs by a rule",
               "inputs: {web: jsonl://web/, books: csv://books.csv}\nmerge: {weights: {web: 3, books: 1}}");
    p.json("inputs", "[]").help("what `inputs` says").checked_by([](std::string_view text) {
      datagen::read_merge_specs(text);
    });
    p.choice("rule", {"concat", "interleave", "mix", "zip"}, "concat")
        .help(
            "concat: one after the other; interleave: in turn, record by record; mix: in turn, by weights; "
            "zip: "
            "their first records together, their second ones, …");
    p.json("weights", "{}").help("with mix: how many records of each go into a round");
    p.choice("until", {"all", "first"}, "all").help("end with the last input, or with the first that ends");
  }

  std::vector<InputFile> freeze(const std::string&, Context& context) override {
    std::vector<InputFile> files;
    std::vector<MergeSpec> specs = datagen::read_merge_specs(context.param<std::string>("inputs"));
    settings(context, specs);
    for (MergeSpec& spec : specs) {
      datagen::detail::ContextState state(spec.name, 0, spec.parameters);
      Context own(state);
      try {
        for (InputFile& file : spec.source->freeze(spec.path, own)) {
          file.input = spec.name;
          files.push_back(std::move(file));
        }
      } catch (const std::exception& error) {
        throw std::runtime_error("'" + spec.name + "': " + error.what());
      }
    }
    return files;
  }

  void open(const std::vector<InputFile>& files, std::string_view cursor, Context& context) override {
    std::vector<MergeSpec> specs = datagen::read_merge_specs(context.param<std::string>("inputs"));
    rule_ = datagen::make_merge_rule(settings(context, specs), specs.size());
    const MergeCursor begin = MergeCursor::read(cursor, specs.size());
    state_ = begin.state;
    row_ = begin.row;
    inputs_.clear();
    std::uint32_t first = 0;
    for (MergeSpec& spec : specs) {
      std::vector<InputFile> own;
      std::ranges::copy_if(files, std::back_inserter(own),
                           [&](const InputFile& file) { return file.input == spec.name; });
      const auto count = static_cast<std::uint32_t>(own.size());
      auto& input = inputs_.emplace_back(std::make_unique<MergedInput>(
          spec.name, std::move(spec.source), std::move(spec.parameters), std::move(own), first));
      input->open(begin.places[inputs_.size() - 1]);
      first += count;
    }
    taken_.assign(inputs_.size(), 0);
  }

  bool read(SourceFrame& frame) override {
    frame.start_mixed(row_);
    const std::size_t room = frame.room().size();
    std::size_t bytes = 0, records = 0;
    try {
      while (frame.records_left() > 0) {
        const MergedRecord* record = rule_->peek(inputs_, state_);
        if (record == nullptr) break;
        bytes += record->bytes.size() + kBytesPerRecord;
        if (records > 0 && bytes > room) break;
        add(frame, *record);
        ++records;
      }
    } catch (const datagen::BadInput&) {
      if (records == 0) throw;  // else it is thrown again when the next frame begins
    }
    for (std::size_t index = 0; index < inputs_.size(); ++index) {
      if (const auto taken = std::exchange(taken_[index], 0)) frame.count(inputs_[index]->name(), taken);
    }
    MergeCursor cursor{state_, row_, {}};
    for (const auto& input : inputs_) cursor.places.push_back(input->place());
    frame.set_cursor(cursor.bytes());
    return records > 0;
  }

  std::uint64_t bytes_read() const override {
    std::uint64_t bytes = 0;
    for (const auto& input : inputs_) bytes += input->bytes_read();
    return bytes;
  }

 private:
  static datagen::MergeSettings settings(Context& context, const std::vector<MergeSpec>& specs) {
    datagen::MergeSettings settings;
    settings.rule = context.param<std::string>("rule");
    settings.until_first = context.param<std::string>("until") == "first";
    if (settings.rule == "mix")
      settings.weights = datagen::read_merge_weights(context.param<std::string>("weights"), specs);
    return settings;
  }

  void add(SourceFrame& frame, const MergedRecord& record) {
    SourcePosition position = record.position;
    position.row = row_++;
    if (record.reason.empty()) {
      frame.add(record.bytes, position);
    } else {
      frame.reject(record.bytes, position, std::string(record.reason), std::string(record.message));
    }
    const std::uint32_t from = rule_->take(inputs_, state_);
    for (std::size_t index = 0; index < inputs_.size(); ++index) taken_[index] += (from >> index) & 1;
    frame.joined(static_cast<std::size_t>(std::popcount(from)));
  }

  datagen::MergedInputs inputs_;
  std::unique_ptr<datagen::MergeRule> rule_;
  datagen::MergeState state_;
  std::uint64_t row_ = 0;
  std::vector<std::int64_t> taken_;  // of each input, for this frame
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_source<MergeSource>(argc, argv); }
