// For sinks: the files that records are written to. One file, or parts of a given size (split,
// split_records); plain, or compressed by suffix (.gz, .zst).
//
// Owner: the one worker of a sink. Compressed records are gathered into units (gzip members, zstd frames) of
// about 1 MiB, plain ones of a large file into somewhat smaller pieces that bypass the page cache; what is
// not yet written as whole units or pieces is `held`: its frames stay in the ring, so a successor that cuts
// the output behind the last frame that is written finds them there again.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <datagen/input_stream.h>
#include <datagen/sink.h>

namespace datagen {

class DirectOutput;
class PackQueue;
struct PackUnit;

class RecordFiles {
 public:
  // `suffix` is what a part's name ends with: ".jsonl".
  explicit RecordFiles(std::string suffix);
  ~RecordFiles();

  // The parameters that open() reads: compress, level, pack_threads, split, split_records, direct.
  static void declare(Parameters& parameters);

  // What Sink::outputs() is to answer. Throws std::runtime_error for a path or parameters that do not fit.
  std::vector<std::string> outputs(const std::string& path, Context& context);
  // Begins behind what is written; further parts are removed.
  void open(const std::string& path, const WrittenOutput& written, Context& context);
  // What every part begins with; once, before the first write().
  void set_header(std::string header);
  // The first file, as it is when its beginning was written by an earlier process; else no path.
  InputFile first_file() const;

  // Whether write() needs to be told where records end.
  bool is_split() const { return split_bytes_ != 0 || split_records_ != 0; }
  // The records of one frame; `ends` is the offset behind each.
  void write(std::string_view text, std::span<const std::size_t> ends = {});

  // As in Sink.
  std::uint64_t held() const { return writes_ - covered_writes_; }
  void flush(std::uint64_t most);
  std::uint64_t bytes() const { return covered_bytes_; }
  void sync();
  Sink::Tail tail() const;

 private:
  void configure(const std::string& path, Context& context);
  std::string part_path(std::uint64_t part) const;
  std::vector<std::uint64_t> existing_parts() const;
  void remove_parts_behind(std::uint64_t part);
  void open_part(std::uint64_t part, std::uint64_t bytes);
  std::uint64_t content_bytes(std::uint64_t bytes) const;
  bool is_full_for(std::size_t record_bytes) const;
  void begin_part();
  void put(std::string_view text);
  void push_unit(std::uint64_t writes, bool ends_part);
  void collect(std::size_t most);
  void cover();
  void cover_written();
  bool wait_for_oldest();
  void begin_file();
  void sync_files(bool with_current);

  std::string suffix_;
  std::string path_;  // of the only file
  std::string folder_, stem_, part_suffix_, header_;
  Compression compression_ = Compression::none;
  int level_ = 0;
  std::uint64_t split_bytes_ = 0, split_records_ = 0;  // 0: not split by it
  std::string direct_;

  std::uint64_t part_ = 0;                           // that put() goes into
  std::uint64_t part_bytes_ = 0, part_records_ = 0;  // of its content
  std::uint64_t file_part_ = 0;                      // that is open; units for it may be on their way
  std::uint64_t parts_bytes_ = 0;                    // of the files before it
  std::uint64_t writes_ = 0, covered_writes_ = 0;  // calls of write(), and those that the output has in full
  std::uint64_t covered_bytes_ = 0;                // of the output, behind them
  struct Uncovered {
    std::uint64_t writes, bytes;  // of the output, behind that write
  };
  std::deque<Uncovered> uncovered_;  // not compressed
  std::unique_ptr<PackQueue> queue_;
  std::unique_ptr<PackUnit> unit_;  // being filled
  std::size_t units_max_ = 0;
  bool is_new_ = true;  // nothing of the part is written yet

  // sync() runs on another thread.
  std::mutex files_mutex_;  // the two below
  std::mutex sync_mutex_;
  std::shared_ptr<DirectOutput> file_;
  std::vector<std::shared_ptr<DirectOutput>> retired_;  // parts that are written, not yet durable
};

// A sink whose output is record files: what it adds is the text.
class RecordFilesSink : public Sink {
 public:
  explicit RecordFilesSink(std::string suffix) : files_(std::move(suffix)) {}
  std::uint64_t held() const override { return files_.held(); }
  void flush(std::uint64_t most) override { files_.flush(most); }
  std::uint64_t bytes() const override { return files_.bytes(); }
  void sync() override { files_.sync(); }
  Tail tail() const override { return files_.tail(); }

 protected:
  RecordFiles files_;
};

}  // namespace datagen
