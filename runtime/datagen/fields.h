// What an operator writes: field values of every plain type, without ambiguity.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <datagen/value.h>

namespace datagen {

// An array or object that was built by array() or object(); owns its bytes (msgpack).
class Composite {
 public:
  std::string_view bytes() const { return bytes_; }

 private:
  friend struct CompositeBuilder;
  std::string bytes_;
};

template <class T>
concept StringLike =
    std::convertible_to<const T&, std::string_view> && !std::same_as<std::remove_cvref_t<T>, std::nullptr_t>;

// Not bool, and not a character of any width (wchar_t is signed here and unsigned there).
template <class I>
inline constexpr bool kIsNumber =
    !std::same_as<I, bool> && !std::same_as<I, char> && !std::same_as<I, wchar_t> &&
    !std::same_as<I, char8_t> && !std::same_as<I, char16_t> && !std::same_as<I, char32_t>;

// One value to write. Converts implicitly from null, bool, every integral and floating type, every string
// type, Value (its bytes are passed on), Composite and std::optional of these. Only a bool makes a boolean: a
// string literal is a string, and a pointer or a char does not compile. Holds views: use it within the call.
class FieldValue {
 public:
  enum class Kind : std::uint8_t {
    null,
    boolean,
    signed_integer,
    unsigned_integer,
    number,
    text,
    json,
    msgpack
  };

  FieldValue(std::nullptr_t) {}
  template <std::same_as<bool> B>
  FieldValue(B value) : kind_(Kind::boolean), unsigned_(value ? 1 : 0) {}
  template <std::signed_integral I>
  requires(kIsNumber<I>) FieldValue(I value) : kind_(Kind::signed_integer), signed_(value) {}
  template <std::unsigned_integral I>
  requires(kIsNumber<I>) FieldValue(I value) : kind_(Kind::unsigned_integer), unsigned_(value) {}
  template <std::floating_point F>
  FieldValue(F value) : kind_(Kind::number), number_(static_cast<double>(value)) {}
  template <StringLike S>
  FieldValue(const S& text) : kind_(Kind::text), text_(std::string_view(text)) {}
  FieldValue(const Composite& composite) : kind_(Kind::msgpack), text_(composite.bytes()) {}
  FieldValue(const Value& value) : kind_(value ? Kind::json : Kind::null), text_(value ? value.raw() : "") {}
  template <class T>
  FieldValue(const std::optional<T>& value) : FieldValue(value ? FieldValue(*value) : FieldValue(nullptr)) {}

  Kind kind() const { return kind_; }
  bool boolean() const { return unsigned_ != 0; }
  std::int64_t signed_integer() const { return signed_; }
  std::uint64_t unsigned_integer() const { return unsigned_; }
  double number() const { return number_; }
  std::string_view text() const { return text_; }  // also the bytes of json and msgpack

 private:
  Kind kind_ = Kind::null;
  union {
    std::int64_t signed_ = 0;
    std::uint64_t unsigned_;
    double number_;
  };
  std::string_view text_;
};

struct Field {
  std::string_view key;
  FieldValue value;
};

// Throws std::invalid_argument for a NaN or infinity, and BadRecord for text that is not valid UTF-8.
Composite array(std::initializer_list<FieldValue> elements);
Composite array(const FieldValue* elements, std::size_t count);
// The last of duplicate keys counts.
Composite object(std::initializer_list<Field> fields);
Composite object(const Field* fields, std::size_t count);

// An array from any range of writable values: array_of(std::vector<int>{1, 2}).
template <class Range>
Composite array_of(const Range& range) {
  std::vector<FieldValue> elements;
  for (const auto& element : range) elements.emplace_back(element);
  return array(elements.data(), elements.size());
}

}  // namespace datagen
