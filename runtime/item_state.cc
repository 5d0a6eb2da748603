#include "item_state.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ipc/result.h"
#include "json_scan.h"
#include "json_write.h"
#include "msgpack_head.h"

namespace datagen::detail {

namespace {

constexpr std::size_t kArenaBytes = 16 * 1024;
constexpr std::size_t kKnownKeysMax = 64;

void check_is_map(std::string_view msgpack) {
  const auto first = static_cast<unsigned char>(msgpack.empty() ? 0 : msgpack[0]);
  if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf)
    throw std::invalid_argument("a record is an object, not an array");
}

}  // namespace

ItemState::ItemState(Tag built)
    : built_(built), arena_block_(kArenaBytes), arena_(arena_block_.data(), arena_block_.size()) {
  known_keys_.reserve(kKnownKeysMax);
}

void ItemState::load(const RecordView& record, std::span<const RecordView> versions,
                     std::span<const std::string> branches) {
  restore();
  record_ = record;
  versions_ = versions;
  branches_ = branches;
  parsed_ = false;
  is_indexed_ = false;
}

void ItemState::restore() {
  outcome_ = Outcome::unchanged;
  if (arena_used_) {
    arena_.release();
    zone_.clear();
    arena_used_ = false;
  }
  part_documents_used_ = 0;
  next_key_ = 0;
  given_.clear();
  has_members_ = false;
  members_.clear();
  children_.clear();
  child_ends_.clear();
  drop_reason_.clear();
}

void ItemState::validate() {
  if (is_indexed_ || parsed_ || record_.tag != Tag::json) return;
  is_indexed_ = index_.check(record_.payload);
  if (!is_indexed_) return parse_document();
  record_.flags |= kValidated | (index_.is_plain() ? kPlain : 0);
}

void ItemState::try_to_validate() {
  if (is_validated()) return;
  try {
    validate();
  } catch (const BadRecord&) {
  }
}

// For what the index does not know: says what is wrong, and takes the rare things that are right.
void ItemState::parse_document() {
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

ItemState::Member ItemState::keep_key(std::string_view key) {
  for (std::size_t tries = 0; tries < known_keys_.size(); ++tries) {
    if (next_key_ >= known_keys_.size()) next_key_ = 0;
    const KnownKey& known = known_keys_[next_key_++];
    if (known.key == key) return {.key = known.key, .value = {}, .json_key = known.json};
  }
  check_key(key);
  if (known_keys_.size() == kKnownKeysMax) return {.key = keep(key), .value = {}};  // they may be data
  scratch_.clear();
  append_json_string(scratch_, key);
  scratch_.push_back(':');
  const KnownKey& known = known_keys_.emplace_back(KnownKey{std::string(key), std::string(scratch_.view())});
  return {.key = known.key, .value = {}, .json_key = known.json};
}

Node* ItemState::json_node(simdjson::dom::element element, bool exact, const Node* parent, std::size_t index,
                           std::string_view key) {
  Node* node = make_node(parent, index, key);
  node->backing = Node::Backing::json;
  node->exact = exact;
  node->element = element;
  return node;
}

namespace {

// What nodes point to whose value is known by its text alone.
struct AnyElements {
  simdjson::dom::parser parser;
  simdjson::dom::array all = parser.parse(std::string(R"(["", 0, true, false, null])")).value();
  simdjson::dom::element text = all.at(0).value(), number = all.at(1).value(), true_ = all.at(2).value(),
                         false_ = all.at(3).value(), null = all.at(4).value();
};

const AnyElements& any_elements() {
  static const AnyElements elements;
  return elements;
}

}  // namespace

Node* ItemState::text_node(std::string_view text, std::string_view quoted, std::string_view key) {
  Node* node = json_node(any_elements().text, true, nullptr, 0, key);
  node->text = text;
  node->raw = quoted;
  return node;
}

const Node* ItemState::field_node(const JsonIndex::Field& field) {
  const AnyElements& any = any_elements();
  const auto word = [&](simdjson::dom::element element) {
    Node* node = json_node(element, true, nullptr, 0, field.key);
    node->raw = field.value;
    return node;
  };
  switch (field.value[0]) {
    case '"':
      if (const auto text = text_of(field)) return text_node(*text, field.value, field.key);
      [[fallthrough]];  // a lone surrogate
    case '{':
    case '[':
      return raw_json_node(field.value, nullptr, 0, field.key);
    case 't':
      return word(any.true_);
    case 'f':
      return word(any.false_);
    case 'n':
      return word(any.null);
    default:
      Node* const number = word(any.number);
      number->exact = false;  // its text tells
      return number;
  }
}

const Node* ItemState::member_node(const Member& member) {
  if (member.form == Member::Form::encoded) {
    if (built_ == Tag::msgpack) return value_node(member.value, member.key);
    return raw_json_node(keep(member.value, simdjson::SIMDJSON_PADDING), nullptr, 0, member.key);
  }
  scratch_.clear();
  append_json_string(scratch_, member.value);
  return text_node(member.value, keep(scratch_.view()), member.key);
}

Node* ItemState::msgpack_node(const msgpack::object& object, const Node* parent, std::size_t index,
                              std::string_view key) {
  if (object.type == msgpack::type::EXT) {
    const std::string_view json(object.via.ext.data(), object.via.ext.size);
    return raw_json_node(keep(json, simdjson::SIMDJSON_PADDING), parent, index, key);
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
  const JsonError error = document.parse(parser_, json);
  DATAGEN_CHECK(error == JsonError::none, "a checked value is invalid JSON: %s", document.message());
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
      if (member.key == key) return member_node(member);
    }
    return missing(nullptr, key);
  }
  validate();
  if (is_indexed_) {
    const JsonIndex::Field* field = index_.find(key);
    return field != nullptr ? field_node(*field) : missing(nullptr, key);
  }
  simdjson::dom::element found;
  std::size_t index = 0;
  if (!find_member(document_.root().get_object(), key, found, index)) return missing(nullptr, key);
  return json_node(found, document_.is_exact(), nullptr, index, keep(key));
}

std::string_view ItemState::text(std::string_view key) {
  if (!has_members_ && record_.tag == Tag::json) {
    validate();  // the common case without a node: an untouched record of the source
    const JsonIndex::Field* field = is_indexed_ ? index_.find(key) : nullptr;
    if (field != nullptr && field->value[0] == '"') {
      if (const auto text = text_of(*field)) return *text;
    }
  }
  return Value(find(key)).as<std::string_view>();
}

std::optional<std::string_view> ItemState::text_of(const JsonIndex::Field& field) {
  for (const GivenText& earlier : given_) {
    if (earlier.quoted.data() == field.value.data()) return earlier.text;
  }
  const std::string_view content = field.value.substr(1, field.value.size() - 2);
  if (index_.is_free_of_escapes(content)) {
    given_.push_back({content, field.value, true, true});
    return content;
  }
  arena_used_ = true;
  auto* to = static_cast<char*>(arena_.allocate(content.size() + json::kDecodeSlack, 1));
  bool is_canonical = false;
  const char* const end = json::decode_string(content, to, is_canonical);
  if (end == nullptr) return std::nullopt;
  given_.push_back({{to, static_cast<std::size_t>(end - to)}, field.value, is_canonical, false});
  return given_.back().text;
}

const ItemState::GivenText* ItemState::given(std::string_view text) const {
  const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  for (const GivenText& whole : given_) {
    const char* const end = whole.text.data() + whole.text.size();
    if (text.data() < whole.text.data() || text.data() + text.size() > end) continue;
    // Behind the whole there may be anything; what begins and ends with it is not cut.
    if (text.data() + text.size() < end && is_continuation(text.data()[text.size()])) return nullptr;
    return text.empty() || !is_continuation(text.front()) ? &whole : nullptr;
  }
  return nullptr;
}

std::string ItemState::json() {
  ByteBuffer out;
  std::string_view bytes;
  if (has_members_) {
    scratch_.clear();
    write_members(members_, scratch_);
    bytes = scratch_.view();
    if (built_ == Tag::msgpack) {
      append_msgpack_as_json(out, bytes);
      bytes = out.view();
    }
  } else if (record_.tag == Tag::msgpack) {
    append_msgpack_as_json(out, record_.payload);
    bytes = out.view();
  } else {
    validate();
    bytes = json::trim(record_.payload);
  }
  return std::string(bytes);
}

bool ItemState::has_lone_surrogate() {
  if (has_members_ || record_.tag == Tag::msgpack) return json::has_lone_surrogate(json());
  validate();
  return (!is_indexed_ || index_.may_have_surrogates()) && json::has_lone_surrogate(record_.payload);
}

// ---- writing

ItemState::Member ItemState::encode(std::string_view key, const FieldValue& value) {
  Member member = keep_key(key);
  if (value.kind() == FieldValue::Kind::text) {
    encode_text(member, value.text());
  } else if (value.kind() == FieldValue::Kind::json) {
    encode_json(member, keep(value.text()));
  } else {
    scratch_.clear();
    if (built_ == Tag::msgpack) {
      append_field_value(scratch_, value);
    } else {
      append_field_as_json(scratch_, value);
    }
    member.value = keep(scratch_.view());
  }
  return member;
}

// What was given to the operator is valid and stays where it is: it is not copied before it is written.
void ItemState::encode_text(Member& member, std::string_view text) {
  const GivenText* const whole = given(text);
  member.form = Member::Form::text;
  member.value = text;
  if (whole == nullptr) {
    check_text(text);
    member.value = keep(text);
  } else if (whole->is_plain) {
    member.form = Member::Form::plain_text;
  } else if (built_ == Tag::json && whole->is_canonical) {
    // Its JSON is a part of the whole one's.
    const auto cut = static_cast<std::size_t>(text.data() - whole->text.data());
    const std::size_t begin = 1 + json_length(whole->text.substr(0, cut));
    const std::size_t end = whole->quoted.size() - 1 - json_length(whole->text.substr(cut + text.size()));
    member.form = Member::Form::plain_text;
    member.value = whole->quoted.substr(begin, end - begin);
  }
}

void ItemState::encode_json(Member& member, std::string_view json) {
  const bool has_line_end = json.find('\n') != json.npos || json.find('\r') != json.npos;
  member.value = json;
  if (built_ == Tag::json && !has_line_end) return;
  scratch_.clear();
  if (built_ == Tag::json) {
    append_on_one_line(scratch_, json);
  } else {
    append_raw_json(scratch_, json);
  }
  member.value = keep(scratch_.view());
}

void ItemState::open_members() {
  if (has_members_) return;
  members_.clear();
  if (record_.tag == Tag::json) {
    validate();
    if (is_indexed_) {
      for (const JsonIndex::Field& field : index_.fields()) {
        Member member{field.key, {}};
        encode_json(member, field.value);
        put_member(members_, member);
      }
    } else {
      members_from_json(record_.payload, members_);
    }
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
    Member member{decode_key(key), {}};
    encode_json(member, value);
    put_member(members, member);
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
    std::string_view value = map.substr(position, length);
    if (built_ == Tag::json) {
      scratch_.clear();
      append_msgpack_as_json(scratch_, value);
      value = keep(scratch_.view());
    }
    put_member(members_, {name, value});
    position += length;
  }
}

void ItemState::put_member(std::vector<Member>& members, const Member& member) {
  for (Member& other : members) {
    if (other.key == member.key) {
      other = member;
      return;
    }
  }
  members.push_back(member);
}

void ItemState::forbid_when_dropped(const char* call) const {
  if (outcome_ == Outcome::dropped) throw std::logic_error(std::string(call) + " after drop");
  if (outcome_ == Outcome::rejected) throw std::logic_error(std::string(call) + " after reject");
}

void ItemState::set(std::string_view key, const FieldValue& value) {
  forbid_when_dropped("set");
  const Member encoded = encode(key, value);
  open_members();
  put_member(members_, encoded);
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
  Member member = keep_key(key);
  encode_json(member, json);
  put_member(members_, member);
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
    put_member(assigned_, encode(fields[index].key, fields[index].value));
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

void ItemState::write_members(const std::vector<Member>& members, ByteBuffer& out) const {
  using Form = Member::Form;
  if (built_ == Tag::msgpack) {
    append_map_header(out, members.size());
    for (const Member& member : members) {
      append_msgpack_text(out, member.key);
      if (member.form != Form::encoded) append_text_head(out, member.value.size());
      out.append(member.value);
    }
    return;
  }
  char separator = '{';
  for (const Member& member : members) {
    out.push_back(std::exchange(separator, ','));
    if (member.json_key.empty()) {
      append_json_string(out, member.key);
      out.push_back(':');
    } else {
      out.append(member.json_key);
    }
    switch (member.form) {
      case Form::encoded:
        out.append(member.value);
        break;
      case Form::text:
        append_json_string(out, member.value);
        break;
      case Form::plain_text:
        out.push_back('"');
        out.append(member.value);
        out.push_back('"');
        break;
    }
  }
  out.append(members.empty() ? "{}" : "}");
}

std::string_view ItemState::rewritten() {
  rewritten_.clear();
  write_members(members_, rewritten_);
  return rewritten_.view();
}

std::uint8_t ItemState::rewritten_flags() const {
  const bool has_id = std::ranges::any_of(members_, [](const Member& member) { return member.key == "_i"; });
  return kValidated | (built_ == Tag::json && !has_id ? kPlain : 0);
}

void ItemState::append_child(std::string_view msgpack_map) {
  if (built_ == Tag::msgpack) {
    children_.append(msgpack_map);
  } else {
    append_msgpack_as_json(children_, msgpack_map);
  }
}

void ItemState::make_child() {
  child_ends_.push_back(children_.size());
  outcome_ = Outcome::expanded;
}

void ItemState::emit(const Field* fields, std::size_t count) {
  forbid_when_dropped("emit");
  append_child(object(fields, count).bytes());
  make_child();
}

void ItemState::emit(std::string_view msgpack_map) {
  forbid_when_dropped("emit");
  check_is_map(msgpack_map);
  append_child(msgpack_map);
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
    put_member(assigned_, encode(fields[index].key, fields[index].value));
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
