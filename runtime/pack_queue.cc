#include "pack_queue.h"

#include <utility>

#include "unit_packer.h"

namespace datagen {

PackQueue::PackQueue(Compression compression, int level, int threads) {
  for (int thread = 0; thread < threads; ++thread)
    threads_.emplace_back([this, compression, level] { run(compression, level); });
}

PackQueue::~PackQueue() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void PackQueue::push(std::unique_ptr<PackUnit> unit) {
  PackUnit* pushed = unit.get();
  units_.push_back(std::move(unit));
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(pushed);
  }
  changed_.notify_all();
}

std::unique_ptr<PackUnit> PackQueue::pop(bool wait) {
  if (units_.empty()) return nullptr;
  {
    std::unique_lock lock(mutex_);
    if (!wait && !units_.front()->is_done) return nullptr;
    changed_.wait(lock, [&] { return units_.front()->is_done; });
  }
  std::unique_ptr<PackUnit> unit = std::move(units_.front());
  units_.pop_front();
  if (unit->failure) std::rethrow_exception(unit->failure);
  return unit;
}

void PackQueue::run(Compression compression, int level) {
  std::unique_ptr<UnitPacker> packer;
  for (;;) {
    PackUnit* unit = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return is_ending_ || !waiting_.empty(); });
      if (is_ending_) return;
      unit = waiting_.front();
      waiting_.pop_front();
    }
    try {
      if (!packer) packer = make_packer(compression, level);
      packer->pack(unit->content.view(), unit->packed);
    } catch (...) {
      unit->failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      unit->is_done = true;
    }
    changed_.notify_all();
  }
}

}  // namespace datagen
