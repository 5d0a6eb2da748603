// For sinks: a file that is only appended to, whose bulk passes by the page cache: the system neither takes
// pages for it nor copies it, and what others have there stays.
//
// Owner: the one worker of a sink. Whole pages go to the disk in large pieces (PageWriter), what is not a
// page goes through the page cache; no page goes both ways, but at a resume. What waits to be a piece is not
// in the file: written() says up to where it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datagen/output_file.h"

namespace datagen {

class PageWriter;

class DirectOutput {
 public:
  // automatic: a large file, written in large pieces, on a fast disk.
  enum class Bypass { automatic, never, always };

  explicit DirectOutput(Bypass bypass);
  ~DirectOutput();

  // As of OutputFile; sync() makes durable what is written().
  void open(const std::string& path, std::uint64_t bytes) { file_.open(path, bytes); }
  void write(std::string_view data);
  void sync() { file_.sync(); }
  const std::string& path() const { return file_.path(); }
  bool is_regular() const { return file_.is_regular(); }
  // With what is still to be written.
  std::uint64_t bytes() const;

  // The system has taken all bytes below it.
  std::uint64_t written();
  // Waits until more is written than now; false: nothing is on its way. Throws as write().
  bool wait_for_piece();
  // Writes all that was given to write().
  void flush();
  // The same, and nothing more follows.
  void finish();

 private:
  bool wants_bypass(std::size_t bytes);

  OutputFile file_;
  Bypass bypass_;
  std::unique_ptr<PageWriter> pages_;  // from the first use on
  bool is_in_use_ = false;             // pages_ has what follows the file's bytes
};

}  // namespace datagen
