// A value inside a record, as an operator reads it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace datagen {

namespace detail {
struct Node;
class ItemState;
}  // namespace detail

// A view: cheap to copy, valid until the operator returns, whatever is written to the item meanwhile.
class Value {
 public:
  // integer: a JSON number without fraction and exponent, of any size; number: any other.
  enum class Type : std::uint8_t { missing, null, boolean, integer, number, text, array, object };

  Type type() const;
  // The key is there (its value may be null).
  explicit operator bool() const { return type() != Type::missing; }
  bool is_null() const { return type() == Type::null; }

  // bool, any integral, floating or string type. Throws BadRecord naming key, type found and record id when
  // the value is missing, has another type, or does not fit T. An integer converts to a floating type; a
  // number like 1.0 does not convert to an integral one.
  template <class T>
  T as() const;

  // as<T>(), or `fallback` when the key is missing or null. A value of another type still throws.
  template <class T>
  T value_or(T fallback) const {
    return type() == Type::missing || type() == Type::null ? fallback : as<T>();
  }

  // Member of an object (the last of duplicates) or element of an array; missing when it is not there.
  // Throws BadRecord on a value that is neither missing nor a container of that kind.
  Value operator[](std::string_view key) const;
  Value operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  template <std::integral I>
  Value operator[](I index) const {
    return at(static_cast<std::size_t>(index));
  }

  // Elements of an array, members of an object; 0 for anything else.
  std::size_t size() const;

  class Iterator;
  // Over the elements of an array or the values of an object (see key()).
  Iterator begin() const;
  Iterator end() const;

  // The key of a member of an object; empty otherwise.
  std::string_view key() const;

  // The value's JSON text: the source's own bytes where there are any, so numbers keep theirs.
  std::string_view raw() const;

 private:
  friend class detail::ItemState;
  friend class Item;
  friend class FieldValue;
  explicit Value(const detail::Node* node) : node_(node) {}
  Value at(std::size_t index) const;
  bool as_bool() const;
  std::int64_t as_int64() const;
  std::uint64_t as_uint64() const;
  double as_double() const;
  std::string_view as_text() const;
  [[noreturn]] void throw_out_of_range() const;

  const detail::Node* node_;
};

class Value::Iterator {
 public:
  Value operator*() const { return Value(child_); }
  Iterator& operator++();
  bool operator==(const Iterator& other) const { return child_ == other.child_; }

 private:
  friend class Value;
  explicit Iterator(const detail::Node* child) : child_(child) {}
  const detail::Node* child_;
};

template <class T>
T Value::as() const {
  if constexpr (std::same_as<T, bool>) {
    return as_bool();
  } else if constexpr (std::signed_integral<T>) {
    const std::int64_t value = as_int64();
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) throw_out_of_range();
    return static_cast<T>(value);
  } else if constexpr (std::unsigned_integral<T>) {
    const std::uint64_t value = as_uint64();
    if (value > std::numeric_limits<T>::max()) throw_out_of_range();
    return static_cast<T>(value);
  } else if constexpr (std::floating_point<T>) {
    const double value = as_double();
    if constexpr (sizeof(T) < sizeof(double)) {
      constexpr double kMax = std::numeric_limits<T>::max();
      if (value > kMax || value < -kMax) throw_out_of_range();
    }
    return static_cast<T>(value);
  } else {
    static_assert(std::constructible_from<T, std::string_view>,
                  "as<T>: T is bool, a number or a string type");
    return T(as_text());
  }
}

}  // namespace datagen
