// The fields of a record that an operator writes, on their way into the record that is built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.h"
#include "datagen/fields.h"
#include "key_text.h"
#include "record.h"

namespace datagen::detail {

// A key that operators write to record after record: checked, and made JSON, once.
struct KnownKey {
  std::string key;
  std::string json;  // with a comma before and a colon behind; ByteBuffer::kPadding more bytes follow
  std::string_view json_view() const { return {json.data(), json.size() - ByteBuffer::kPadding}; }
};

class KnownKeys {
 public:
  KnownKeys() {
    keys_.reserve(kKeysMax);
    begin();
  }
  KnownKeys(const KnownKeys&) = delete;
  KnownKeys& operator=(const KnownKeys&) = delete;

  // The key, when an operator that writes the same keys in the same order has come to it, else null.
  const KnownKey* find_next(std::string_view key) {
    if (next_ == keys_.data() + keys_.size() || !is_same_key(next_->key, key)) return nullptr;
    return next_++;
  }
  // The key in any case; null for one more than it can take: keys may be data. Throws BadRecord when it is
  // not valid UTF-8.
  const KnownKey* find(std::string_view key);
  // The next record's keys follow.
  void begin() { next_ = keys_.data(); }

 private:
  static constexpr std::size_t kKeysMax = 64;
  std::vector<KnownKey> keys_;  // never moved
  const KnownKey* next_;
};

// Its bytes lie in the item's arena or in the record that was read.
struct Member {
  enum class Form : std::uint8_t {
    encoded,     // bytes of msgpack or JSON, as records are built
    text,        // what a JSON string is to say
    plain_text,  // the same, without anything to be escaped
    scalar,      // a number, boolean or null
  };
  std::string_view key;
  const KnownKey* known = nullptr;
  FieldValue value = nullptr;
  Form form = Form::encoded;

  std::string_view bytes() const { return value.text(); }  // of all but scalars
};

// Adds it, or puts it in the place of the one with its key.
void put_member(std::vector<Member>& members, const Member& member);
// The same for the last of them.
void settle_last_member(std::vector<Member>& members);

// The record, built as that: a map of msgpack, or a JSON line.
void append_members(ByteBuffer& out, const std::vector<Member>& members, Tag built);

}  // namespace datagen::detail
