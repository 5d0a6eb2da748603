#include "item_state.h"

#include <algorithm>
#include <cstring>

#include "ipc/result.h"
#include "json_scan.h"
#include "json_write.h"
#include "msgpack_head.h"

namespace datagen::detail {

namespace {

constexpr std::size_t kArenaBytes = 16 * 1024;

void check_is_map(std::string_view msgpack) {
  const auto first = static_cast<unsigned char>(msgpack.empty() ? 0 : msgpack[0]);
  if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf)
    throw std::invalid_argument("a record is an object, not an array");
}

}  // namespace

ItemState::ItemState() : arena_block_(kArenaBytes), arena_(arena_block_.data(), arena_block_.size()) {}

void ItemState::load(const RecordView& record, std::span<const RecordView> versions,
                     std::span<const std::string> branches) {
  restore();
  record_ = record;
  versions_ = versions;
  branches_ = branches;
  parsed_ = false;
}

void ItemState::restore() {
  outcome_ = Outcome::unchanged;
  if (arena_used_) {
    arena_.release();
    zone_.clear();
    arena_used_ = false;
  }
  part_documents_used_ = 0;
  has_members_ = false;
  members_.clear();
  children_.clear();
  child_ends_.clear();
  drop_reason_.clear();
}

void ItemState::validate() {
  if (parsed_ || record_.tag != Tag::json) return;
  JsonError error = document_.parse(parser_, record_.payload);
  if (error == JsonError::none && !document_.root().is_object()) error = JsonError::not_an_object;
  if (error != JsonError::none) {
    throw BadRecord(reason_name(error), error == JsonError::not_an_object
                                            ? "the line's value is not a JSON object"
                                            : document_.message());
  }
  parsed_ = true;
  record_.flags |= kValidated;
}

std::string_view ItemState::keep(std::string_view bytes, std::size_t padding) {
  arena_used_ = true;
  auto* kept = static_cast<char*>(arena_.allocate(bytes.size() + padding + 1, 8));
  std::copy_n(bytes.data(), bytes.size(), kept);
  if (padding > 0) std::memset(kept + bytes.size(), 0, padding);
  return {kept, bytes.size()};
}

Node* ItemState::make_node(const Node* parent, std::size_t index, std::string_view key) {
  arena_used_ = true;
  auto* node = new (arena_.allocate(sizeof(Node), alignof(Node))) Node{};
  node->item = this;
  node->parent = parent;
  node->index = index;
  node->key = key;
  return node;
}

const Node* ItemState::missing(const Node* parent, std::string_view key) {
  return make_node(parent, 0, keep(key));
}
const Node* ItemState::missing_element(const Node* parent, std::size_t index) {
  Node* node = make_node(parent, index, {});
  node->is_element = true;
  return node;
}

std::string_view ItemState::keep_key(std::string_view key) {
  check_key(key);
  return keep(key);
}

Node* ItemState::json_node(simdjson::dom::element element, bool exact, const Node* parent, std::size_t index,
                           std::string_view key) {
  Node* node = make_node(parent, index, key);
  node->backing = Node::Backing::json;
  node->exact = exact;
  node->element = element;
  return node;
}

Node* ItemState::msgpack_node(const msgpack::object& object, const Node* parent, std::size_t index,
                              std::string_view key) {
  if (object.type == msgpack::type::EXT) {
    return raw_json_node({object.via.ext.data(), object.via.ext.size}, parent, index, key);
  }
  Node* node = make_node(parent, index, key);
  node->backing = Node::Backing::msgpack;
  node->object = &object;
  return node;
}

Node* ItemState::raw_json_node(std::string_view json, const Node* parent, std::size_t index,
                               std::string_view key) {
  if (part_documents_used_ == part_documents_.size()) part_documents_.emplace_back();
  JsonDocument& document = part_documents_[part_documents_used_++];
  const JsonError error = document.parse(parser_, keep(json, simdjson::SIMDJSON_PADDING));
  DATAGEN_CHECK(error == JsonError::none, "a built record holds invalid JSON: %s", document.message());
  Node* node = json_node(document.root(), document.is_exact(), parent, index, key);
  node->raw = document.text();
  return node;
}

const Node* ItemState::value_node(std::string_view msgpack_bytes, std::string_view key) {
  arena_used_ = true;
  const auto by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  std::size_t offset = 0;
  bool referenced = false;
  const msgpack::object object =
      msgpack::unpack(zone_, msgpack_bytes.data(), msgpack_bytes.size(), offset, referenced, by_reference);
  auto* kept =
      new (arena_.allocate(sizeof(msgpack::object), alignof(msgpack::object))) msgpack::object(object);
  return msgpack_node(*kept, nullptr, 0, key);
}

const Node* ItemState::from(std::string_view branch) {
  if (branches_.empty()) return missing(nullptr, branch);  // alone, or in a chain
  const auto found = std::find(branches_.begin(), branches_.end(), branch);
  if (found == branches_.end())
    throw std::logic_error("the stage does not read '" + std::string(branch) + "'");
  const RecordView& version = versions_[static_cast<std::size_t>(found - branches_.begin())];
  if (version.payload.data() == nullptr) return missing(nullptr, branch);
  if (version.tag == Tag::msgpack) return value_node(version.payload, branch);
  if (part_documents_used_ == part_documents_.size()) part_documents_.emplace_back();
  JsonDocument& document = part_documents_[part_documents_used_++];
  const JsonError error = document.parse(parser_, keep(version.payload, simdjson::SIMDJSON_PADDING));
  if (error != JsonError::none)
    throw BadRecord(reason_name(error), "branch '" + std::string(branch) + "': " + document.message());
  return json_node(document.root(), document.is_exact(), nullptr, 0, branch);
}

const Node* ItemState::find(std::string_view key) {
  if (record_.tag == Tag::msgpack && !has_members_) open_members();
  if (has_members_) {
    for (const Member& member : members_) {
      if (member.key == key) return value_node(member.value, member.key);
    }
    return missing(nullptr, key);
  }
  validate();
  simdjson::dom::element found;
  std::size_t index = 0;
  if (!find_member(document_.root().get_object(), key, found, index)) return missing(nullptr, key);
  return json_node(found, document_.is_exact(), nullptr, index, keep(key));
}

std::string_view ItemState::text(std::string_view key) {
  if (!has_members_ && record_.tag == Tag::json) {
    validate();  // the common case without a node: an untouched record of the source
    simdjson::dom::element found;
    std::size_t index = 0;
    std::string_view text;
    if (document_.is_exact() && find_member(document_.root().get_object(), key, found, index) &&
        found.get(text) == simdjson::SUCCESS) {
      return text;
    }
  }
  return Value(find(key)).as<std::string_view>();
}

std::string ItemState::json() {
  ByteBuffer out;
  std::string_view bytes;
  if (has_members_) {
    scratch_.clear();
    write_members(members_, scratch_);
    append_msgpack_as_json(out, scratch_.view());
    bytes = out.view();
  } else if (record_.tag == Tag::msgpack) {
    append_msgpack_as_json(out, record_.payload);
    bytes = out.view();
  } else {
    validate();
    bytes = json::trim(record_.payload);
  }
  return std::string(bytes);
}

// ---- writing

std::string_view ItemState::encode(const FieldValue& value) {
  scratch_.clear();
  if (value.kind() != FieldValue::Kind::text || !parsed_ || !document_.holds(value.text())) {
    append_field_value(scratch_, value);
    return keep(scratch_.view());
  }
  append_text_head(scratch_, value.text().size());
  const std::size_t head = scratch_.size(), body = value.text().size();
  arena_used_ = true;
  auto* kept = static_cast<char*>(arena_.allocate(head + body, 1));
  std::memcpy(kept, scratch_.data(), head);
  std::memcpy(kept + head, value.text().data(), body);
  return {kept, head + body};
}

void ItemState::open_members() {
  if (has_members_) return;
  members_.clear();
  if (record_.tag == Tag::json) {
    validate();
    members_from_json(record_.payload, members_);
  } else {
    members_from_msgpack(record_.payload);
  }
  has_members_ = true;
}

std::string_view ItemState::decode_key(std::string_view quoted) {
  if (json::is_plain_string(quoted)) return quoted.substr(1, quoted.size() - 2);
  // Decoded by simdjson as a string of its own. A key with a lone surrogate has no UTF-8 form.
  simdjson::dom::parser parser;
  std::string_view text;
  if (parser.parse(quoted.data(), quoted.size()).get(text) != simdjson::SUCCESS) {
    throw BadRecord("lone_surrogate", "a key holds a lone surrogate, so the record cannot be rewritten");
  }
  return keep(text);
}

void ItemState::members_from_json(std::string_view object, std::vector<Member>& members) {
  json::for_each_child(object, [&](std::string_view key, std::string_view value) {
    scratch_.clear();
    append_raw_json(scratch_, value);
    put_member(members, decode_key(key), keep(scratch_.view()));
    return true;
  });
}

void ItemState::members_from_msgpack(std::string_view map) {
  const MsgpackHead head = read_msgpack_head(map);
  std::size_t position = head.bytes;
  for (std::uint64_t index = 0; index < head.value; ++index) {
    const MsgpackHead key = read_msgpack_head(map.substr(position));
    if (key.kind != MsgpackHead::Kind::text) throw std::invalid_argument("a record's keys are texts");
    position += key.bytes;
    const std::string_view name = keep(map.substr(position, key.value));
    position += key.value;
    const std::size_t length = msgpack_length(map.substr(position));
    put_member(members_, name, map.substr(position, length));
    position += length;
  }
}

void ItemState::put_member(std::vector<Member>& members, std::string_view key, std::string_view value) {
  for (Member& member : members) {
    if (member.key == key) {
      member.value = value;
      return;
    }
  }
  members.push_back({key, value});
}

void ItemState::forbid_when_dropped(const char* call) const {
  if (outcome_ == Outcome::dropped) throw std::logic_error(std::string(call) + " after drop");
  if (outcome_ == Outcome::rejected) throw std::logic_error(std::string(call) + " after reject");
}

void ItemState::set(std::string_view key, const FieldValue& value) {
  forbid_when_dropped("set");
  const std::string_view encoded = encode(value);
  open_members();
  put_member(members_, keep_key(key), encoded);
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

std::string_view ItemState::keep_json(std::string_view text, const std::string& call, bool is_record) {
  const std::string_view kept = keep(json::trim(text), simdjson::SIMDJSON_PADDING);
  JsonDocument document;
  const JsonError error = kept.empty() ? JsonError::bad_json : document.parse(parser_, kept);
  if (error != JsonError::none) throw BadRecord(reason_name(error), call + ": not valid JSON");
  if (is_record && !document.root().is_object())
    throw BadRecord(reason_name(JsonError::not_an_object), call + ": not a JSON object");
  return kept;
}

void ItemState::set_json(std::string_view key, std::string_view text) {
  const std::string_view json = keep_json(text, "set_json of field '" + std::string(key) + "'", false);
  forbid_when_dropped("set_json");
  open_members();
  scratch_.clear();
  append_raw_json(scratch_, json);
  put_member(members_, keep_key(key), keep(scratch_.view()));
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

void ItemState::erase(std::string_view key) {
  forbid_when_dropped("erase");
  open_members();
  std::erase_if(members_, [&](const Member& member) { return member.key == key; });
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

void ItemState::assign(const Field* fields, std::size_t count) {
  forbid_when_dropped("assign");
  // All is encoded before anything changes: what throws leaves the record as it was. What was handed out of
  // the old members stays in the arena.
  assigned_.clear();
  for (std::size_t index = 0; index < count; ++index)
    put_member(assigned_, keep_key(fields[index].key), encode(fields[index].value));
  members_.swap(assigned_);
  has_members_ = true;
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

void ItemState::assign(std::string_view msgpack_map) {
  forbid_when_dropped("assign");
  check_is_map(msgpack_map);
  members_.clear();
  members_from_msgpack(keep(msgpack_map));
  has_members_ = true;
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

void ItemState::assign_json(std::string_view text) {
  const std::string_view object = keep_json(text, "assign_json", true);
  forbid_when_dropped("assign_json");
  assigned_.clear();
  members_from_json(object, assigned_);
  members_.swap(assigned_);
  has_members_ = true;
  if (outcome_ == Outcome::unchanged) outcome_ = Outcome::rewritten;
}

void ItemState::write_members(const std::vector<Member>& members, ByteBuffer& out) {
  append_map_header(out, members.size());
  for (const Member& member : members) {
    append_msgpack_text(out, member.key);
    out.append(member.value);
  }
}

std::string_view ItemState::rewritten() {
  rewritten_.clear();
  write_members(members_, rewritten_);
  return rewritten_.view();
}

void ItemState::make_child() {
  child_ends_.push_back(children_.size());
  outcome_ = Outcome::expanded;
}

void ItemState::emit(const Field* fields, std::size_t count) {
  forbid_when_dropped("emit");
  children_.append(object(fields, count).bytes());
  make_child();
}

void ItemState::emit(std::string_view msgpack_map) {
  forbid_when_dropped("emit");
  check_is_map(msgpack_map);
  children_.append(msgpack_map);
  make_child();
}

void ItemState::emit_json(std::string_view text) {
  const std::string_view object = keep_json(text, "emit_json", true);
  forbid_when_dropped("emit_json");
  assigned_.clear();
  members_from_json(object, assigned_);
  write_members(assigned_, children_);
  make_child();
}

void ItemState::emit_copy(const Field* fields, std::size_t count) {
  forbid_when_dropped("emit_copy");
  open_members();
  assigned_ = members_;
  for (std::size_t index = 0; index < count; ++index)
    put_member(assigned_, keep_key(fields[index].key), encode(fields[index].value));
  write_members(assigned_, children_);
  make_child();
}

std::string_view ItemState::child(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : child_ends_[index - 1];
  return children_.view().substr(begin, child_ends_[index] - begin);
}

void ItemState::reject(std::string_view reason, std::string_view message) {
  outcome_ = Outcome::rejected;
  drop_reason_ = reason;
  rejection_ = message;
}

void ItemState::drop(std::string_view reason) {
  if (outcome_ == Outcome::expanded) throw std::logic_error("drop after emit");
  outcome_ = Outcome::dropped;
  drop_reason_ = reason;
}

}  // namespace datagen::detail
