// A record in an operator's hands.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include <datagen/errors.h>
#include <datagen/fields.h>
#include <datagen/value.h>

namespace datagen {

// Reading: views and Values stay valid until the operator returns; writing never moves or frees bytes that
// were handed out. Reading after writing sees what was written. Of duplicate keys the last counts.
// Writing: fields keep their order; a new key is added at the end.
class Item {
 public:
  explicit Item(detail::ItemState& state) : state_(&state) {}
  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;

  bool has(std::string_view key) const;
  // The text of a field. Throws BadRecord when it is missing, not text, or holds a lone surrogate.
  std::string_view text(std::string_view key) const;
  Value get(std::string_view key) const;
  // The JSON text of a field where it stands in the record as it came, which costs less than get(key).raw().
  // Nothing when it does not stand there like that, as in a record that was written to: get() knows all of
  // them. Throws BadRecord when the record is not valid JSON.
  std::optional<std::string_view> raw(std::string_view key) const;
  // In a stage that reads several branches of one source (from: [a, b]): the record's version of one of them.
  // Null where that branch does not have it, and in a stage that reads only one. Throws std::logic_error for
  // a name that is not among them, BadRecord when that version is no valid JSON.
  Value from(std::string_view branch) const;
  // Lineage id: the source row, or "10_0" for a child of row 10.
  std::string id() const;
  // What results that were paid for hang on (CallKey): where the record comes from, "ROW:PATH". The same
  // whenever the run goes on, however its frames are cut, and in another run over the same input. Rows count
  // over all inputs, so no two records of a stage share it (with `ids: keep`: unless the input's own ids do).
  std::string identity() const;
  // The whole record as JSON, as it stands now.
  std::string json() const;
  // A text or key of it holds half a surrogate pair (\ud83d alone), which is JSON but has no UTF-8 form: most
  // other programs refuse it. Throws BadRecord when the record is not valid JSON.
  bool has_lone_surrogate() const;

  void set(std::string_view key, const FieldValue& value);
  // Any JSON text, passed on byte for byte. Throws BadRecord when it is not valid JSON.
  void set_json(std::string_view key, std::string_view json);
  void erase(std::string_view key);
  // Replaces the whole record.
  void assign(std::initializer_list<Field> fields);
  void assign(const Composite& object);
  // The same from the text of a JSON object, whose values are passed on byte for byte. Throws BadRecord when
  // it is no valid JSON object.
  void assign_json(std::string_view json);

  // Makes a child of this record. A record with children is replaced by them, in the order of the calls.
  void emit(std::initializer_list<Field> fields);
  void emit(const Composite& object);
  void emit_json(std::string_view json);
  // A child with this record's fields (as they stand now), and these set.
  void emit_copy(std::initializer_list<Field> fields);

  // Takes the record out of the stream; counted under `reason`.
  void drop(std::string_view reason);
  // Gives the record up: a dead letter, as when BadRecord(reason, message) is thrown, but the other records
  // of a batch go on.
  void reject(std::string_view reason, std::string_view message);

 private:
  friend class detail::ItemState;
  detail::ItemState* state_;
};

// The records of one call of a batch function, in order.
class Batch {
 public:
  Batch(Item* const* items, std::size_t count) : items_(items), count_(count) {}
  std::size_t size() const { return count_; }
  Item& operator[](std::size_t index) const { return *items_[index]; }

  class Iterator {
   public:
    explicit Iterator(Item* const* at) : at_(at) {}
    Item& operator*() const { return **at_; }
    Iterator& operator++() { return ++at_, *this; }
    bool operator==(const Iterator&) const = default;

   private:
    Item* const* at_;
  };
  Iterator begin() const { return Iterator(items_); }
  Iterator end() const { return Iterator(items_ + count_); }

 private:
  Item* const* items_;
  std::size_t count_;
};

// Takes the records that an operator makes at the end of the stream.
class Emitter {
 public:
  explicit Emitter(Item& item) : item_(&item) {}
  void emit(std::initializer_list<Field> fields) { item_->emit(fields); }
  void emit(const Composite& object) { item_->emit(object); }

 private:
  Item* item_;
};

}  // namespace datagen
