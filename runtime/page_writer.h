// Writes whole pages of a file past the page cache (O_DIRECT), on a thread of its own, while more are filled.
//
// Owner: one DirectOutput. What is in here when the process dies is not in the file.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace datagen {

class PageWriter {
 public:
  // Offsets, lengths and addresses are multiples of it. A disk of larger blocks refuses them, and the page
  // cache takes them then.
  static constexpr std::size_t kPage = 4096;

  // `path` is for messages.
  PageWriter(int fd, std::string path);
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;
  ~PageWriter();

  // What is appended goes into the file from `offset` on, a multiple of kPage. Until end(), the descriptor is
  // this object's alone, but for a sync.
  void begin(std::uint64_t offset);
  // Waits while all pieces are on their way. Throws std::system_error when an earlier one could not be
  // written.
  void append(std::string_view text);
  // Writes what are whole pages, and waits until all is in the file. Gives what is left, less than a page; it
  // is valid until begin(). Throws as append().
  std::string_view end();
  // Waits until another piece is in the file; false: none is on its way. Throws as append().
  bool wait_for_piece();
  // All that was appended is in the file below this offset.
  std::uint64_t written();
  // Behind all that was appended.
  std::uint64_t position() const { return piece_offset_ + filled_; }
  // Bytes per second that the disk took; 0: too few to tell.
  std::uint64_t rate();

 private:
  static constexpr std::uint64_t kPieces = 2;  // one is filled, one written

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  char* piece(std::uint64_t number) const;
  void push();
  bool is_idle();
  void run();
  int write(std::string_view pages, std::uint64_t offset);
  void set_direct(bool direct) const;
  void throw_failure() const;

  int fd_;
  std::string path_;
  std::unique_ptr<char, Free> memory_;  // of all pieces
  // The owner's: the piece that is being filled.
  std::uint64_t piece_offset_ = 0;  // in the file
  std::size_t filled_ = 0;
  std::size_t piece_bytes_;  // when so much is filled, it is handed over
  bool is_direct_ = true;  // false: the file system has refused it. The thread's while a piece is on its way

  std::mutex mutex_;  // what stands below
  std::condition_variable changed_;
  std::uint64_t pushed_ = 0, done_ = 0;       // pieces; those between them are the thread's
  std::array<std::size_t, kPieces> bytes_{};  // of those that are pushed
  std::uint64_t written_ = 0;                 // offset
  std::uint64_t timed_bytes_ = 0, timed_ns_ = 0;
  int error_ = 0;
  bool is_ending_ = false;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace datagen
