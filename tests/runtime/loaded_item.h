// An Item on a record of the test's own, in memory of exactly the size that a ring would guarantee.
#pragma once

#include <simdjson.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.h"
#include "item_state.h"
#include "json_write.h"

namespace datagen {

class LoadedItem {
 public:
  explicit LoadedItem(std::string_view json, std::uint64_t row = 0, std::string_view path = "")
      : path_(path) {
    load(json, Tag::json, row);
  }
  // The record as the stage before this one would have built it.
  explicit LoadedItem(const Composite& object, std::uint64_t row = 0) {
    load(object.bytes(), Tag::msgpack, row);
  }

  Item* operator->() { return &item; }

  // The record as the next stage or the sink gets it.
  std::string written() {
    RecordView record = state.record();
    std::string bytes;
    if (state.outcome() == detail::ItemState::Outcome::rewritten) {
      bytes = state.rewritten();
      record.payload = bytes;
      record.tag = Tag::msgpack;
    }
    ByteBuffer out;
    append_record(out, record, Ids::off);
    return std::string(out.view());
  }

  std::vector<std::string> children() {
    std::vector<std::string> made;
    for (std::size_t index = 0; index < state.children(); ++index) {
      ByteBuffer out;
      append_msgpack_as_json(out, state.child(index));
      made.emplace_back(out.view());
    }
    return made;
  }

  detail::ItemState state;
  Item item{state};

 private:
  void load(std::string_view bytes, Tag tag, std::uint64_t row) {
    memory_.assign(bytes.size() + simdjson::SIMDJSON_PADDING, '~');
    if (!bytes.empty()) std::memcpy(memory_.data(), bytes.data(), bytes.size());
    RecordView record;
    record.payload = {memory_.data(), bytes.size()};
    record.path = path_;
    record.origin.row = row;
    record.tag = tag;
    state.load(record);
  }

  std::string path_;
  std::vector<char> memory_;
};

// The reason of the BadRecord that a call throws, or "none".
template <class Call>
std::string bad_reason(Call call) {
  try {
    call();
  } catch (const BadRecord& bad) {
    return bad.reason();
  }
  return "none";
}

// Its message.
template <class Call>
std::string bad_message(Call call) {
  try {
    call();
  } catch (const BadRecord& bad) {
    return bad.what();
  }
  return "none";
}

}  // namespace datagen
