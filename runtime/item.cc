#include "datagen/item.h"

#include <vector>

#include "item_state.h"
#include "json_write.h"

namespace datagen {

bool Item::has(std::string_view key) const { return static_cast<bool>(get(key)); }
std::string_view Item::text(std::string_view key) const { return state_->text(key); }
std::optional<std::string_view> Item::raw(std::string_view key) const { return state_->json_of(key); }
Value Item::get(std::string_view key) const { return state_->value(key); }
Value Item::from(std::string_view branch) const { return Value(state_->from(branch)); }
std::string Item::id() const { return state_->id(); }
std::string Item::identity() const {
  const RecordView& record = state_->record();
  return std::to_string(record.origin.row) + ":" + std::string(record.path);
}
std::string Item::json() const { return state_->json(); }
bool Item::has_lone_surrogate() const { return state_->has_lone_surrogate(); }
void Item::set(std::string_view key, const FieldValue& value) { state_->set(key, value); }
void Item::set_json(std::string_view key, std::string_view json) { state_->set_json(key, json); }
void Item::erase(std::string_view key) { state_->erase(key); }
void Item::assign(std::initializer_list<Field> fields) { state_->assign(fields.begin(), fields.size()); }
void Item::assign(const Composite& object) { state_->assign(object.bytes()); }
void Item::assign_json(std::string_view json) { state_->assign_json(json); }
void Item::emit_json(std::string_view json) { state_->emit_json(json); }
void Item::emit(std::initializer_list<Field> fields) { state_->emit(fields.begin(), fields.size()); }
void Item::emit(const Composite& object) { state_->emit(object.bytes()); }
void Item::emit_copy(std::initializer_list<Field> fields) {
  state_->emit_copy(fields.begin(), fields.size());
}
void Item::drop(std::string_view reason) { state_->drop(reason); }
void Item::reject(std::string_view reason, std::string_view message) { state_->reject(reason, message); }

struct CompositeBuilder {
  static Composite make(const ByteBuffer& bytes) {
    Composite composite;
    composite.bytes_ = bytes.view();
    return composite;
  }
};

Composite array(const FieldValue* elements, std::size_t count) {
  ByteBuffer out;
  msgpack::packer<ByteBuffer>(out).pack_array(static_cast<std::uint32_t>(count));
  for (std::size_t index = 0; index < count; ++index) append_field_value(out, elements[index]);
  return CompositeBuilder::make(out);
}

Composite array(std::initializer_list<FieldValue> elements) {
  return array(elements.begin(), elements.size());
}

Composite object(const Field* fields, std::size_t count) {
  // A field is written at the place of its first mention, with the value of its last, as in a Python dict.
  std::vector<const Field*> kept;
  for (std::size_t index = 0; index < count; ++index) {
    const Field** same = nullptr;
    for (const Field*& earlier : kept) {
      if (earlier->key == fields[index].key) same = &earlier;
    }
    if (same != nullptr) {
      *same = &fields[index];
    } else {
      kept.push_back(&fields[index]);
    }
  }
  ByteBuffer out;
  append_map_header(out, kept.size());
  for (const Field* field : kept) {
    check_key(field->key);
    append_msgpack_text(out, field->key);
    append_field_value(out, field->value);
  }
  return CompositeBuilder::make(out);
}

Composite object(std::initializer_list<Field> fields) { return object(fields.begin(), fields.size()); }

}  // namespace datagen
