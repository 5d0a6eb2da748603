// Objects that one thread at a time may use, such as a compiled expression or a running program: as many as
// there are threads at work. Owner: an operator; all its threads call it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace datagen {

template <class T>
class Spares {
 public:
  // Gives its object back at its end.
  class Loan {
   public:
    Loan(Spares& from, std::unique_ptr<T> object) : from_(&from), object_(std::move(object)) {}
    ~Loan() { from_->give(std::move(object_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }
    // It has gone bad: another takes its place.
    void replace(std::unique_ptr<T> object) { object_ = std::move(object); }

   private:
    Spares* from_;
    std::unique_ptr<T> object_;
  };

  // One that nobody uses, or a new one.
  template <class Make>
  Loan lend(Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (!spares_.empty()) {
        std::unique_ptr<T> spare = std::move(spares_.back());
        spares_.pop_back();
        return Loan(*this, std::move(spare));
      }
    }
    return Loan(*this, make());
  }

 private:
  void give(std::unique_ptr<T> object) {
    if (object == nullptr) return;
    const std::lock_guard lock(mutex_);
    spares_.push_back(std::move(object));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> spares_;
};

}  // namespace datagen
