// What stands behind an Item: one record, its parsed form, what an operator wrote, and the memory for all of
// it. Used by one thread at a time and reused from record to record.
#pragma once

#include <simdjson.h>

#include <deque>
#include <memory_resource>
#include <msgpack.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "byte_buffer.h"
#include "datagen/item.h"
#include "json_document.h"
#include "json_index.h"
#include "member.h"
#include "record.h"

namespace datagen::detail {

// What a Value points to; lives in the item's arena until the operator returns.
struct Node {
  enum class Backing : std::uint8_t { missing, json, msgpack };

  ItemState* item = nullptr;
  const Node* parent = nullptr;
  std::size_t index = 0;  // among the parent's children
  std::string_view key;   // in an object, or of the record's field
  Backing backing = Backing::missing;
  bool exact = true;               // see JsonDocument::is_exact; false for a number known by its text
  simdjson::dom::element element;  // json
  const msgpack::object* object = nullptr;  // msgpack
  std::optional<std::string_view> text;     // what a string says, where that is known without its element
  mutable std::string_view raw;             // JSON text, once known
  bool is_element = false;                  // of an array: named by its index
  bool is_iterated = false;                 // an IteratedNode
};

// One that was reached by iterating over a JSON container, and where it stands there.
template <class Iterator>
struct IteratedNode : Node {
  explicit IteratedNode(const Iterator& where) : at(where) {}
  Iterator at;
};

class ItemState {
 public:
  enum class Outcome : std::uint8_t { unchanged, rewritten, expanded, dropped, rejected };

  // What built records are made of: a map of msgpack for stages, or the JSON line of a sink.
  explicit ItemState(Tag built = Tag::msgpack);
  ItemState(const ItemState&) = delete;
  ItemState& operator=(const ItemState&) = delete;

  // Takes a record to work on; its bytes stay readable (with simdjson's padding behind) until the next.
  void load(const RecordView& record) { begin_load({}, {}) = record; }
  // The same; the caller fills the record in. Of a join: its version of each branch (none: no payload), by
  // the branches' names.
  RecordView& begin_load(std::span<const RecordView> versions, std::span<const std::string> branches);
  // The text in which the records of the next loads lie, until it is set anew or to nothing: many are scanned
  // at once then.
  void set_frame(std::string_view text) { index_.begin(text); }
  // Undoes all that the operator did, for another attempt or the next record.
  void restore();
  // Checks a json payload in full; throws BadRecord. Done at the first look, or by those who need it.
  void validate();
  // The same; a record that is not valid is left for whoever needs it to be.
  void try_to_validate();

  Outcome outcome() const { return outcome_; }
  const RecordView& record() const { return record_; }
  // What is known of the record as it was taken.
  std::uint8_t flags() const {
    return record_.flags | (is_indexed_ && index_.is_plain(record_.flags & kOneLine) ? kPlain : 0);
  }
  bool is_validated() const { return record_.flags & kValidated; }
  const std::string& drop_reason() const { return drop_reason_; }  // also of a rejection
  const std::string& rejection() const { return rejection_; }      // in words
  // The rewritten record; the view is valid until the next call.
  void append_rewritten(ByteBuffer& out) const { append_members(out, members_, built_); }
  std::string_view rewritten();
  std::uint8_t rewritten_flags() const;
  Tag built() const { return built_; }
  std::size_t children() const { return child_ends_.size(); }
  std::string_view child(std::size_t index) const;

  // The Item's and Value's operations; see there.
  const Node* find(std::string_view key);
  Value value(std::string_view key) { return Value(find(key)); }
  std::string_view text(std::string_view key);
  std::optional<std::string_view> json_of(std::string_view key);
  std::string json();
  bool has_lone_surrogate();
  const Node* from(std::string_view branch);
  std::string id() const { return lineage_id(record_.origin.row, record_.path); }
  void set(std::string_view key, const FieldValue& value);
  void set_json(std::string_view key, std::string_view json);
  void erase(std::string_view key);
  void assign(const Field* fields, std::size_t count);
  void assign(std::string_view msgpack_map);
  void assign_json(std::string_view json);
  void emit_json(std::string_view json);
  void emit(const Field* fields, std::size_t count);
  void emit(std::string_view msgpack_map);
  void emit_copy(const Field* fields, std::size_t count);
  void drop(std::string_view reason);
  void reject(std::string_view reason, std::string_view message);

  // The node of something that is not there.
  const Node* missing(const Node* parent, std::string_view key);
  const Node* missing_element(const Node* parent, std::size_t index);
  const Node* child_by_key(const Node& parent, std::string_view key);
  const Node* child_by_index(const Node& parent, std::size_t index);
  const Node* next_child(const Node& child);
  std::string_view raw(const Node& node);
  [[noreturn]] void throw_wrong_type(const Node& node, const char* expected) const;
  [[noreturn]] void throw_bad_value(const Node& node, const char* reason, const char* problem) const;

 private:
  // A string of the record that an operator was given.
  struct GivenText {
    std::string_view text;
    std::string_view quoted;  // its JSON
    bool is_canonical;        // which is what would be written for it
    bool is_plain;            // which is the text, and no part of it needs an escape
  };

  using ElementIterator = simdjson::dom::array::iterator;
  using MemberIterator = simdjson::dom::object::iterator;
  const Node* element_node(ElementIterator at, const Node& parent, std::size_t index);
  const Node* member_node(MemberIterator at, const Node& parent, std::size_t index);
  Node* make_node(const Node* parent, std::size_t index, std::string_view key) {
    return place_node<Node>(parent, index, key);
  }
  // In the arena; where it stands from the first on, since a copy waits for what was just written.
  template <class Made, class... More>
  Made* place_node(const Node* parent, std::size_t index, std::string_view key, const More&... more) {
    arena_used_ = true;
    auto* const made = new (arena_.allocate(sizeof(Made), alignof(Made))) Made(more...);
    made->item = this;
    made->parent = parent;
    made->index = index;
    made->key = key;
    return made;
  }
  template <class Iterator>
  const Node* iterated_node(const Iterator& at, simdjson::dom::element element, const Node& parent,
                            std::size_t index, std::string_view key);
  Node* json_node(simdjson::dom::element element, bool exact, const Node* parent, std::size_t index,
                  std::string_view key);
  Node* msgpack_node(const msgpack::object& object, const Node* parent, std::size_t index,
                     std::string_view key);
  const Node* value_node(std::string_view msgpack_bytes, std::string_view key);
  // `json` is valid, stays where it is and has simdjson's padding behind it.
  Node* raw_json_node(std::string_view json, const Node* parent, std::size_t index, std::string_view key);
  Node* text_node(std::string_view text, std::string_view quoted, std::string_view key);
  const Node* member_node(const Member& member);
  const Node* field_node(const JsonIndex::Field& field);
  const JsonIndex::Field* untouched_field(std::string_view key);
  void parse_document();
  // The text of a field that is a string; nothing when it has no UTF-8 form.
  std::optional<std::string_view> text_of(const JsonIndex::Field& field);
  void give(std::string_view text, std::string_view quoted, bool is_canonical, bool is_plain);
  // The given text that holds this one, cut between characters.
  const GivenText* given(std::string_view text) const;
  std::string_view keep(std::string_view bytes, std::size_t padding = 0);
  // Of a field that an operator writes. Throws BadRecord when the key is not valid UTF-8.
  void set_key(Member& member, std::string_view key);
  void encode(Member& member, const FieldValue& value);
  // Both, and the field in its place among the others.
  void put_field(std::vector<Member>& members, std::string_view key, const FieldValue& value);
  void encode_text(Member& member, std::string_view text);
  // As records are built.
  void append_built(ByteBuffer& out, const FieldValue& value) const;
  // `json` is valid and stays where it is.
  void encode_json(Member& member, std::string_view json);
  void open_members();
  // `object` is a valid JSON object that stays where it is.
  void members_from_json(std::string_view object, std::vector<Member>& members);
  // Checks JSON text that an operator wrote, and gives a copy of it.
  std::string_view keep_json(std::string_view text, const std::string& call, bool is_record);
  void members_from_msgpack(std::string_view map);
  void append_child(std::string_view msgpack_map);
  void make_child();
  std::string_view decode_key(std::string_view quoted);
  void forbid_when_dropped(const char* call) const;

  const Tag built_;
  RecordView record_;
  std::span<const RecordView> versions_;
  std::span<const std::string> branches_;
  Outcome outcome_ = Outcome::unchanged;

  JsonIndex index_;
  bool is_indexed_ = false;  // the record's fields are known by it
  simdjson::dom::parser parser_;
  JsonDocument document_;
  bool parsed_ = false;                      // the record is in it
  std::deque<JsonDocument> part_documents_;  // for JSON text within records; grows as needed, reused
  std::size_t part_documents_used_ = 0;

  std::vector<char> arena_block_;
  std::pmr::monotonic_buffer_resource arena_;
  bool arena_used_ = false;
  msgpack::zone zone_;
  bool zone_used_ = false;

  std::vector<GivenText> given_;
  bool has_members_ = false;
  std::vector<Member> members_;
  std::vector<Member> assigned_;  // while they are encoded
  KnownKeys known_keys_;
  ByteBuffer scratch_;
  ByteBuffer rewritten_;
  ByteBuffer children_;
  std::vector<std::size_t> child_ends_;
  std::string drop_reason_, rejection_;
};

}  // namespace datagen::detail
