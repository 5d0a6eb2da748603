#include "member.h"

#include <algorithm>

#include "json_write.h"

namespace datagen::detail {

const KnownKey* KnownKeys::find(std::string_view key) {
  auto known = std::ranges::find(keys_, key, &KnownKey::key);
  if (known == keys_.end()) {
    check_key(key);
    if (keys_.size() == kKeysMax) return nullptr;
    ByteBuffer json;
    json.push_back(',');
    append_json_string(json, key);
    json.push_back(':');
    std::string padded(json.view());
    padded.append(ByteBuffer::kPadding, '\0');
    known = keys_.insert(keys_.end(), {std::string(key), std::move(padded)});
  }
  next_ = &*known + 1;
  return &*known;
}

namespace {

bool have_same_key(const Member& left, const Member& right) {
  if (left.known != nullptr && right.known != nullptr) return left.known == right.known;
  return is_same_key(left.key, right.key);
}

void append_as_json(ByteBuffer& out, const Member& member, char separator) {
  if (member.known != nullptr) {
    out.append_padded(member.known->json_view());
    out.data()[out.size() - member.known->json_view().size()] = separator;
  } else {
    out.push_back(separator);
    append_json_string(out, member.key);
    out.push_back(':');
  }
  const std::string_view bytes = member.bytes();
  switch (member.form) {
    case Member::Form::encoded:
      return out.append(bytes);
    case Member::Form::text:
      return append_json_string(out, bytes);
    case Member::Form::plain_text: {
      char* const to = out.reserve(bytes.size() + 2);
      to[0] = '"';
      std::memcpy(to + 1, bytes.data(), bytes.size());
      to[bytes.size() + 1] = '"';
      return out.commit(bytes.size() + 2);
    }
    case Member::Form::scalar:
      return append_field_as_json(out, member.value);
  }
}

void append_as_msgpack(ByteBuffer& out, const Member& member) {
  append_msgpack_text(out, member.key);
  switch (member.form) {
    case Member::Form::encoded:
      return out.append(member.bytes());
    case Member::Form::text:
    case Member::Form::plain_text:
      return append_msgpack_text(out, member.bytes());
    case Member::Form::scalar:
      return append_field_value(out, member.value);
  }
}

}  // namespace

void settle_last_member(std::vector<Member>& members) {
  const Member& last = members.back();
  for (Member* other = members.data(); other != &last; ++other) {
    if (!have_same_key(*other, last)) continue;
    *other = last;
    return members.pop_back();
  }
}

void put_member(std::vector<Member>& members, const Member& member) {
  members.push_back(member);
  settle_last_member(members);
}

void append_members(ByteBuffer& out, const std::vector<Member>& members, Tag built) {
  if (built == Tag::msgpack) {
    append_map_header(out, members.size());
    for (const Member& member : members) append_as_msgpack(out, member);
    return;
  }
  char separator = '{';
  for (const Member& member : members) append_as_json(out, member, std::exchange(separator, ','));
  if (members.empty()) out.push_back('{');
  out.push_back('}');
}

}  // namespace datagen::detail
