// Value: reading JSON (simdjson's DOM) and built records (msgpack) through one face.
#include "datagen/value.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <optional>

#include "item_state.h"
#include "json_number.h"
#include "json_scan.h"
#include "json_write.h"

namespace datagen {

using detail::Node;
using Backing = Node::Backing;
using JsonType = simdjson::dom::element_type;

namespace detail {

void ItemState::throw_wrong_type(const Node& node, const char* expected) const {
  static constexpr const char* kNames[] = {"nothing",  "null", "a boolean", "an integer",
                                           "a number", "text", "an array",  "an object"};
  const Value::Type type = Value(&node).type();
  throw_bad_value(
      node, type == Value::Type::missing ? "missing_field" : "wrong_type",
      (std::string("expected ") + expected + ", found " + kNames[static_cast<int>(type)]).c_str());
}

void ItemState::throw_bad_value(const Node& node, const char* reason, const char* problem) const {
  std::string path;
  for (const Node* at = &node; at != nullptr; at = at->parent) {
    const bool is_element = at->parent != nullptr && at->is_element;
    const std::string step = is_element ? "[" + std::to_string(at->index) + "]" : std::string(at->key);
    path = step + (path.empty() || path.front() == '[' ? "" : ".") + path;
  }
  throw BadRecord(reason, "field '" + path + "' of record " + id() + ": " + problem);
}

const Node* ItemState::child_by_key(const Node& parent, std::string_view key) {
  if (parent.backing == Backing::json) {
    simdjson::dom::object object;
    if (parent.element.get(object) != simdjson::SUCCESS) throw_wrong_type(parent, "an object");
    const Node* found = nullptr;
    std::size_t index = 0;
    for (auto field : object) {
      if (field.key == key) found = json_node(field.value, parent.exact, &parent, index, field.key);
      ++index;
    }
    return found != nullptr ? found : missing(&parent, key);
  }
  if (parent.backing == Backing::msgpack) {
    if (parent.object->type != msgpack::type::MAP) throw_wrong_type(parent, "an object");
    const auto& map = parent.object->via.map;
    for (std::uint32_t index = map.size; index-- > 0;) {
      const auto member_key = map.ptr[index].key.as<std::string_view>();
      if (member_key == key) return msgpack_node(map.ptr[index].val, &parent, index, member_key);
    }
  }
  return missing(&parent, key);
}

template <class Iterator>
const Node* ItemState::iterated_node(const Iterator& at, simdjson::dom::element element, const Node& parent,
                                     std::size_t index, std::string_view key) {
  auto* const node = place_node<IteratedNode<Iterator>>(&parent, index, key, at);
  node->backing = Backing::json;
  node->exact = parent.exact;
  node->element = element;
  node->is_element = parent.element.is_array();
  node->is_iterated = true;
  return node;
}

const Node* ItemState::element_node(ElementIterator at, const Node& parent, std::size_t index) {
  const simdjson::dom::array elements = parent.element.get_array();
  return at != elements.end() ? iterated_node(at, *at, parent, index, {}) : nullptr;
}

const Node* ItemState::member_node(MemberIterator at, const Node& parent, std::size_t index) {
  const simdjson::dom::object members = parent.element.get_object();
  return at != members.end() ? iterated_node(at, at.value(), parent, index, at.key()) : nullptr;
}

// One step behind `child`: simdjson finds a neighbour at once, but an index only by counting.
const Node* ItemState::next_child(const Node& child) {
  if (!child.is_iterated) return child_by_index(*child.parent, child.index + 1);
  if (child.is_element) {
    ElementIterator at = static_cast<const IteratedNode<ElementIterator>&>(child).at;
    return element_node(++at, *child.parent, child.index + 1);
  }
  MemberIterator at = static_cast<const IteratedNode<MemberIterator>&>(child).at;
  return member_node(++at, *child.parent, child.index + 1);
}

const Node* ItemState::child_by_index(const Node& parent, std::size_t index) {
  if (parent.backing == Backing::json) {
    if (parent.element.is_array()) {
      const simdjson::dom::array elements = parent.element.get_array();
      if (index >= elements.size() && elements.size() < 0xFFFFFF) return nullptr;  // size() saturates
      ElementIterator at = elements.begin();
      for (std::size_t step = 0; step < index && at != elements.end(); ++step) ++at;
      return element_node(at, parent, index);
    }
    if (parent.element.is_object()) {
      const simdjson::dom::object members = parent.element.get_object();
      MemberIterator at = members.begin();
      for (std::size_t step = 0; step < index && at != members.end(); ++step) ++at;
      return member_node(at, parent, index);
    }
  } else if (parent.backing == Backing::msgpack) {
    if (parent.object->type == msgpack::type::ARRAY && index < parent.object->via.array.size) {
      Node* node = msgpack_node(parent.object->via.array.ptr[index], &parent, index, {});
      node->is_element = true;
      return node;
    }
    if (parent.object->type == msgpack::type::MAP && index < parent.object->via.map.size) {
      const auto& member = parent.object->via.map.ptr[index];
      return msgpack_node(member.val, &parent, index, member.key.as<std::string_view>());
    }
  }
  return nullptr;
}

std::string_view ItemState::raw(const Node& node) {
  if (!node.raw.empty()) return node.raw;
  if (node.backing == Backing::msgpack) {
    ByteBuffer packed, out;
    append_msgpack_object(packed, *node.object);
    append_msgpack_as_json(out, packed.view());
    return node.raw = keep(out.view(), simdjson::SIMDJSON_PADDING);
  }
  // The value's place in its parent's text; a field's parent is the record itself.
  std::size_t at = 0;
  const std::string_view container = node.parent != nullptr ? raw(*node.parent) : record_.payload;
  json::for_each_child(container, [&](std::string_view, std::string_view value) {
    if (at++ != node.index) return true;
    node.raw = value;
    return false;
  });
  return node.raw;
}

}  // namespace detail

namespace {

bool is_integer(std::string_view number) {
  return std::ranges::none_of(number, [](char c) { return c == '.' || c == 'e' || c == 'E'; });
}

}  // namespace

Value::Type Value::type() const {
  switch (node_->backing) {
    case Backing::missing:
      return Type::missing;
    case Backing::json:
      switch (node_->element.type()) {
        case JsonType::NULL_VALUE:
          return Type::null;
        case JsonType::BOOL:
          return Type::boolean;
        case JsonType::STRING:
          return Type::text;
        case JsonType::ARRAY:
          return Type::array;
        case JsonType::OBJECT:
          return Type::object;
        default:
          break;
      }
      // Every number that is not exact stands for another: its text tells.
      if (!node_->exact) return is_integer(raw()) ? Type::integer : Type::number;
      return node_->element.type() == JsonType::DOUBLE ? Type::number
                                                       : Type::integer;  // is_double() takes integers too
    case Backing::msgpack:
      switch (node_->object->type) {
        case msgpack::type::NIL:
          return Type::null;
        case msgpack::type::BOOLEAN:
          return Type::boolean;
        case msgpack::type::POSITIVE_INTEGER:
        case msgpack::type::NEGATIVE_INTEGER:
          return Type::integer;
        case msgpack::type::FLOAT32:
        case msgpack::type::FLOAT64:
          return Type::number;
        case msgpack::type::ARRAY:
          return Type::array;
        case msgpack::type::MAP:
          return Type::object;
        default:
          return Type::text;
      }
  }
  return Type::missing;
}

bool Value::as_bool() const {
  if (type() != Type::boolean) node_->item->throw_wrong_type(*node_, "a boolean");
  return node_->backing == Backing::json ? bool(node_->element.get_bool()) : node_->object->via.boolean;
}

namespace {

// A number that simdjson has not read: from its own text.
template <std::integral Number>
Number number_from_text(std::string_view text, bool& fits) {
  Number number{};
  if (text == "-0") text.remove_prefix(1);  // an unsigned zero, too
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  fits = error == std::errc() && end == text.data() + text.size();
  return number;
}

}  // namespace

std::int64_t Value::as_int64() const {
  if (type() != Type::integer) node_->item->throw_wrong_type(*node_, "an integer");
  if (node_->backing == Backing::json && node_->exact) {
    std::int64_t number = 0;
    if (node_->element.get(number) != simdjson::SUCCESS) throw_out_of_range();
    return number;
  }
  if (node_->backing == Backing::json) {
    bool fits = false;
    const auto number = number_from_text<std::int64_t>(raw(), fits);
    if (!fits) throw_out_of_range();
    return number;
  }
  if (node_->object->type == msgpack::type::POSITIVE_INTEGER && node_->object->via.u64 > INT64_MAX)
    throw_out_of_range();
  return node_->object->via.i64;
}

std::uint64_t Value::as_uint64() const {
  if (type() != Type::integer) node_->item->throw_wrong_type(*node_, "an integer");
  if (node_->backing == Backing::json && node_->exact) {
    std::uint64_t number = 0;
    if (node_->element.get(number) != simdjson::SUCCESS) throw_out_of_range();
    return number;
  }
  if (node_->backing == Backing::json) {
    bool fits = false;
    const auto number = number_from_text<std::uint64_t>(raw(), fits);
    if (!fits) throw_out_of_range();
    return number;
  }
  if (node_->object->type == msgpack::type::NEGATIVE_INTEGER) throw_out_of_range();
  return node_->object->via.u64;
}

double Value::as_double() const {
  if (node_->backing == Backing::json && node_->element.is_number()) {
    if (node_->exact) return double(node_->element.get_double());
    const auto number = json::to_double(raw());
    if (!number) throw_out_of_range();
    return *number;
  }
  const Type found = type();
  if (found != Type::integer && found != Type::number) node_->item->throw_wrong_type(*node_, "a number");
  if (found == Type::number) return node_->object->via.f64;
  return node_->object->type == msgpack::type::POSITIVE_INTEGER ? static_cast<double>(node_->object->via.u64)
                                                                : static_cast<double>(node_->object->via.i64);
}

std::string_view Value::as_text() const {
  if (type() != Type::text) node_->item->throw_wrong_type(*node_, "text");
  if (node_->backing == Backing::msgpack) return {node_->object->via.str.ptr, node_->object->via.str.size};
  if (node_->text) return *node_->text;
  if (!node_->exact && json::has_lone_surrogate(raw())) {
    node_->item->throw_bad_value(*node_, "lone_surrogate",
                                 "the text holds a lone surrogate, which has no UTF-8 form");
  }
  return std::string_view(node_->element.get_string());
}

void Value::throw_out_of_range() const {
  node_->item->throw_bad_value(*node_, "out_of_range", "the number does not fit the type asked for");
}

Value Value::operator[](std::string_view key) const { return Value(node_->item->child_by_key(*node_, key)); }

Value Value::at(std::size_t index) const {
  const Type found = type();
  if (found != Type::array && found != Type::missing) node_->item->throw_wrong_type(*node_, "an array");
  const Node* child = node_->item->child_by_index(*node_, index);
  return Value(child != nullptr ? child : node_->item->missing_element(node_, index));
}

std::size_t Value::size() const {
  if (node_->backing == Backing::json) {
    if (node_->element.is_array()) return simdjson::dom::array(node_->element.get_array()).size();
    if (node_->element.is_object()) return simdjson::dom::object(node_->element.get_object()).size();
  } else if (node_->backing == Backing::msgpack) {
    if (node_->object->type == msgpack::type::ARRAY) return node_->object->via.array.size;
    if (node_->object->type == msgpack::type::MAP) return node_->object->via.map.size;
  }
  return 0;
}

Value::Iterator Value::begin() const { return Iterator(node_->item->child_by_index(*node_, 0)); }
Value::Iterator Value::end() const { return Iterator(nullptr); }

Value::Iterator& Value::Iterator::operator++() {
  child_ = child_->item->next_child(*child_);
  return *this;
}

std::string_view Value::key() const { return node_->parent != nullptr ? node_->key : std::string_view(); }

std::string_view Value::raw() const {
  if (node_->backing == Backing::missing) node_->item->throw_wrong_type(*node_, "a value");
  return node_->item->raw(*node_);
}

}  // namespace datagen
