// What an operator writes: a record's fields as it leaves them, and its children.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "item_state.h"
#include "json_scan.h"
#include "json_write.h"
#include "msgpack_head.h"

namespace datagen::detail {

namespace {

void check_is_map(std::string_view msgpack) {
  const auto first = static_cast<unsigned char>(msgpack.empty() ? 0 : msgpack[0]);
  if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf)
    throw std::invalid_argument("a record is an object, not an array");
}

}  // namespace

void ItemState::set_key(Member& member, std::string_view key) {
  member.known = known_keys_.find_next(key);
  if (member.known == nullptr) member.known = known_keys_.find(key);
  member.key = member.known != nullptr ? std::string_view(member.known->key) : keep(key);
}

void ItemState::encode(Member& member, const FieldValue& value) {
  switch (value.kind()) {
    case FieldValue::Kind::text:
      return encode_text(member, value.text());
    case FieldValue::Kind::json:
      return encode_json(member, keep(value.text()));
    case FieldValue::Kind::msgpack:
      scratch_.clear();
      append_built(scratch_, value);
      member.value = keep(scratch_.view());
      return;
    case FieldValue::Kind::number:
      check_finite(value.number());
      [[fallthrough]];
    default:
      member.form = Member::Form::scalar;
      member.value = value;
  }
}

void ItemState::put_field(std::vector<Member>& members, std::string_view key, const FieldValue& value) {
  Member& member = members.emplace_back();
  set_key(member, key);
  encode(member, value);
  settle_last_member(members);
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

void ItemState::append_built(ByteBuffer& out, const FieldValue& value) const {
  built_ == Tag::msgpack ? append_field_value(out, value) : append_field_as_json(out, value);
}

void ItemState::encode_json(Member& member, std::string_view json) {
  member.value = json;
  if (built_ == Tag::json && !json::has_line_end(json)) return;
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
        Member member{.key = field.key};
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
    Member member{.key = decode_key(key)};
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
    put_member(members_, {.key = name, .value = value});
    position += length;
  }
}

void ItemState::forbid_when_dropped(const char* call) const {
  if (outcome_ == Outcome::dropped) throw std::logic_error(std::string(call) + " after drop");
  if (outcome_ == Outcome::rejected) throw std::logic_error(std::string(call) + " after reject");
}

void ItemState::set(std::string_view key, const FieldValue& value) {
  forbid_when_dropped("set");
  Member member;
  set_key(member, key);
  encode(member, value);
  open_members();
  put_member(members_, member);
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
  Member member;
  set_key(member, key);
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
    put_field(assigned_, fields[index].key, fields[index].value);
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

std::string_view ItemState::rewritten() {
  rewritten_.clear();
  append_rewritten(rewritten_);
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
  append_members(children_, assigned_, built_);
  make_child();
}

void ItemState::emit_copy(const Field* fields, std::size_t count) {
  forbid_when_dropped("emit_copy");
  open_members();
  assigned_ = members_;
  for (std::size_t index = 0; index < count; ++index)
    put_field(assigned_, fields[index].key, fields[index].value);
  append_members(children_, assigned_, built_);
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
