// Packs units on threads of its own, and gives them back in order.
//
// Owner: the one worker of a sink. What is in here when it dies is not in the output, and is written again by
// its successor, from frames that are still in the ring.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "byte_buffer.h"
#include "datagen/input_stream.h"

namespace datagen {

struct PackUnit {
  ByteBuffer content;
  ByteBuffer packed;
  std::uint64_t writes = 0;  // not 0: it ends behind so many writes to the output
  bool ends_part = false;    // what follows goes into the next file
  bool is_done = false;
  std::exception_ptr failure;
};

class PackQueue {
 public:
  PackQueue(Compression compression, int level, int threads);
  PackQueue(const PackQueue&) = delete;
  PackQueue& operator=(const PackQueue&) = delete;
  ~PackQueue();

  void push(std::unique_ptr<PackUnit> unit);
  // The oldest unit, when it is packed; nothing when there is none, or it is not, and `wait` is false. Throws
  // what packing threw.
  std::unique_ptr<PackUnit> pop(bool wait);
  bool empty() const { return units_.empty(); }
  std::size_t size() const { return units_.size(); }

 private:
  void run(Compression compression, int level);

  std::deque<std::unique_ptr<PackUnit>> units_;  // the owner's alone
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PackUnit*> waiting_;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace datagen
