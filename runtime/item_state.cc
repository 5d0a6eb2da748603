#include "item_state.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "ipc/result.h"
#include "json_scan.h"
#include "json_write.h"

namespace datagen::detail {

namespace {

constexpr std::size_t kArenaBytes = 16 * 1024;

}  // namespace

ItemState::ItemState(Tag built)
    : built_(built), arena_block_(kArenaBytes), arena_(arena_block_.data(), arena_block_.size()) {}

RecordView& ItemState::begin_load(std::span<const RecordView> versions,
                                  std::span<const std::string> branches) {
  restore();
  versions_ = versions;
  branches_ = branches;
  parsed_ = false;
  is_indexed_ = false;
  return record_;
}

void ItemState::restore() {
  outcome_ = Outcome::unchanged;
  if (arena_used_) {
    arena_.release();
    arena_used_ = false;
  }
  if (zone_used_) {
    zone_.clear();
    zone_used_ = false;
  }
  part_documents_used_ = 0;
  known_keys_.begin();
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
  record_.flags |= kValidated;
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

const Node* ItemState::missing(const Node* parent, std::string_view key) {
  return make_node(parent, 0, keep(key));
}
const Node* ItemState::missing_element(const Node* parent, std::size_t index) {
  Node* node = make_node(parent, index, {});
  node->is_element = true;
  return node;
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
  using Form = Member::Form;
  std::string_view bytes = member.bytes();
  scratch_.clear();
  if (member.form == Form::text || member.form == Form::plain_text) {
    append_json_string(scratch_, bytes);
    return text_node(bytes, keep(scratch_.view()), member.key);
  }
  if (member.form == Form::scalar) {
    append_built(scratch_, member.value);
    bytes = keep(scratch_.view());
  }
  if (built_ == Tag::msgpack) return value_node(bytes, member.key);
  return raw_json_node(keep(bytes, simdjson::SIMDJSON_PADDING), nullptr, 0, member.key);
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
  arena_used_ = zone_used_ = true;
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

// The common case, which needs no node: an untouched record of the source. Null for all others.
const JsonIndex::Field* ItemState::untouched_field(std::string_view key) {
  if (has_members_ || record_.tag != Tag::json) return nullptr;
  validate();
  return is_indexed_ ? index_.find(key) : nullptr;
}

std::optional<std::string_view> ItemState::json_of(std::string_view key) {
  const JsonIndex::Field* const field = untouched_field(key);
  return field != nullptr ? std::optional(field->value) : std::nullopt;
}

std::string_view ItemState::text(std::string_view key) {
  const JsonIndex::Field* const field = untouched_field(key);
  if (field != nullptr && field->value[0] == '"') {
    if (const auto text = text_of(*field)) return *text;
  }
  return Value(find(key)).as<std::string_view>();
}

std::optional<std::string_view> ItemState::text_of(const JsonIndex::Field& field) {
  for (const GivenText& earlier : given_) {
    if (earlier.quoted.data() == field.value.data()) return earlier.text;
  }
  const std::string_view content = field.value.substr(1, field.value.size() - 2);
  if (index_.is_free_of_escapes(content)) {
    give(content, field.value, true, true);
    return content;
  }
  arena_used_ = true;
  auto* to = static_cast<char*>(arena_.allocate(content.size() + json::kDecodeSlack, 1));
  bool is_canonical = false;
  const char* const end = index_.decode(content, to, is_canonical);
  if (end == nullptr) return std::nullopt;
  const std::string_view text(to, static_cast<std::size_t>(end - to));
  give(text, field.value, is_canonical, false);
  return text;
}

void ItemState::give(std::string_view text, std::string_view quoted, bool is_canonical, bool is_plain) {
  GivenText& given = given_.emplace_back();
  given.text = text;
  given.quoted = quoted;
  given.is_canonical = is_canonical;
  given.is_plain = is_plain;
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
    append_rewritten(scratch_);
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

}  // namespace datagen::detail
