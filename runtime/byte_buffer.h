// A growing array of bytes for hot loops: reserve once, write through a plain pointer, commit the length.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

namespace datagen {

class ByteBuffer {
 public:
  static constexpr std::size_t kPadding = 16;  // see append_padded

  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  char* data() { return data_; }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  void clear() { size_ = 0; }
  void resize_down(std::size_t size) { size_ = size; }

  // Empties it, and lets it write into memory of somebody else as long as that is enough.
  void borrow(char* memory, std::size_t bytes) {
    data_ = memory;
    capacity_ = bytes;
    size_ = 0;
  }
  // It writes there still.
  bool is_borrowed() const { return data_ != own_.get(); }

  // Room for `count` more bytes behind the end; earlier pointers into the buffer become invalid.
  char* reserve(std::size_t count) {
    if (capacity_ - size_ < count) grow(size_ + count);
    return data_ + size_;
  }
  void commit(std::size_t count) { size_ += count; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // The same of a few bytes, behind which kPadding more can be read.
  void append_padded(std::string_view bytes) {
    char* const to = reserve(bytes.size() + kPadding);
    for (std::size_t at = 0; at < bytes.size(); at += kPadding)
      std::memcpy(to + at, bytes.data() + at, kPadding);
    size_ += bytes.size();
  }
  void push_back(char byte) {
    *reserve(1) = byte;
    ++size_;
  }
  // For msgpack::packer.
  void write(const char* bytes, std::size_t count) { append({bytes, count}); }

 private:
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(own_, other.own_);
  }
  void grow(std::size_t needed) {
    const bool was_borrowed = is_borrowed();
    const std::size_t capacity = std::max({std::size_t{256}, needed, 2 * (was_borrowed ? size_ : capacity_)});
    auto* moved = static_cast<char*>(std::realloc(own_.get(), capacity));
    if (moved == nullptr) throw std::bad_alloc();
    static_cast<void>(own_.release());
    own_.reset(moved);
    if (was_borrowed && size_ > 0) std::memcpy(moved, data_, size_);
    data_ = moved;
    capacity_ = capacity;
  }
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  char* data_ = nullptr;  // own_, or what was lent
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::unique_ptr<char, Free> own_;
};

}  // namespace datagen
