#include "llm/json_repair.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "llm/chat_request.h"

namespace datagen::llm {

namespace {

constexpr int kDepthMax = 200;

// Quotes that models use for JSON's, with what closes them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kQuotes{
    {{"\"", "\""}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"”", "”"}, {"‘", "’"}, {"「", "」"}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kLiterals{{{"true", "true"},
                                                                                  {"false", "false"},
                                                                                  {"null", "null"},
                                                                                  {"True", "true"},
                                                                                  {"False", "false"},
                                                                                  {"None", "null"},
                                                                                  {"undefined", "null"},
                                                                                  {"NaN", "null"}}};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '$' || (c & 0x80);
}

// Writes strict JSON while it reads; what turns out not to be complete is taken back.
class Repair {
 public:
  // Containers that are deeper are not closed early but left out.
  explicit Repair(std::string_view text, int closed_depth_max = kDepthMax)
      : text_(text), closed_depth_max_(closed_depth_max) {}

  FoundJson run() {
    const Outcome outcome = container(0);
    if (outcome == Outcome::failed) return {};
    return {std::move(out_), outcome == Outcome::truncated, at_};
  }
  // How deep the container lies in which the text ended.
  int depth_of_end() const { return depth_of_end_; }

 private:
  // truncated: a container that was closed early; cut: a scalar whose end is missing, nothing was written.
  enum class Outcome { whole, truncated, cut, failed };

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool starts(std::string_view what) const {
    return text_.substr(std::min(at_, text_.size())).starts_with(what);
  }
  bool take(std::string_view what) {
    if (!starts(what)) return false;
    at_ += what.size();
    return true;
  }

  void skip_to(std::string_view end) { at_ = std::min(text_.find(end, at_), text_.size()); }

  void skip_space() {
    for (;;) {
      while (!at_end() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      if (starts("//") || starts("#")) {
        skip_to("\n");
      } else if (starts("/*")) {
        skip_to("*/");
        take("*/");
      } else if (!take("\xC2\xA0") && !take("\xE3\x80\x80")) {  // spaces of no break, and of full width
        return;
      }
    }
  }

  bool take_comma() { return take(",") || take(";") || take("，"); }
  bool take_colon() { return take(":") || take("=>") || take("=") || take("："); }

  const std::pair<std::string_view, std::string_view>* quote() const {
    for (const auto& pair : kQuotes) {
      if (starts(pair.first)) return &pair;
    }
    return nullptr;
  }

  Outcome container(int depth) {
    if (depth > kDepthMax || (peek() != '{' && peek() != '[')) return Outcome::failed;
    const bool is_object = peek() == '{';
    const char close = is_object ? '}' : ']';
    out_ += text_[at_++];
    std::size_t good = out_.size();  // all before is complete
    bool is_truncated = false;
    for (bool first = true;;) {
      skip_space();
      while (take_comma() || take("...") || take("…")) skip_space();
      if (at_end()) {
        is_truncated = true;
        break;
      }
      if (peek() == close) {
        ++at_;
        break;
      }
      if (peek() == '}' || peek() == ']') break;  // another's: this one's is missing
      if (!first) out_ += ',';
      const Outcome outcome = is_object ? member(depth) : value(depth, false);
      if (outcome == Outcome::failed) return outcome;
      if (outcome == Outcome::cut) {
        is_truncated = true;
        break;
      }
      good = out_.size();
      first = false;
      if (outcome == Outcome::truncated) {
        is_truncated = true;
        break;
      }
    }
    if (is_truncated) {
      depth_of_end_ = std::max(depth_of_end_, depth);
      if (depth > closed_depth_max_) return Outcome::cut;
    }
    out_.resize(good);
    out_ += close;
    return is_truncated ? Outcome::truncated : Outcome::whole;
  }

  Outcome member(int depth) {
    const Outcome key = quote() != nullptr ? text(true, false) : bare_key();
    if (key != Outcome::whole) return key;
    skip_space();
    if (at_end()) return Outcome::cut;
    if (!take_colon()) return Outcome::failed;
    out_ += ':';
    skip_space();
    if (at_end()) return Outcome::cut;
    return value(depth, true);
  }

  Outcome bare_key() {
    const std::size_t begin = at_;
    while (!at_end() && is_word(text_[at_])) ++at_;
    if (at_end()) return Outcome::cut;
    if (at_ == begin) return Outcome::failed;
    out_ += json_text(text_.substr(begin, at_ - begin));
    return Outcome::whole;
  }

  Outcome value(int depth, bool in_object) {
    if (peek() == '{' || peek() == '[') return container(depth + 1);
    if (quote() != nullptr) return texts(in_object);
    const std::size_t begin = at_;
    while (!at_end() && !ends_bare(text_[at_]) && !starts("，") && !starts("//") && !starts("/*")) ++at_;
    if (at_end()) return Outcome::cut;
    std::string_view bare = text_.substr(begin, at_ - begin);
    while (!bare.empty() && std::isspace(static_cast<unsigned char>(bare.back()))) bare.remove_suffix(1);
    return scalar(bare);
  }

  // What ends a value without quotes.
  static bool ends_bare(char c) { return c == ',' || c == '}' || c == ']' || c == '\n' || c == ';'; }

  Outcome scalar(std::string_view bare) {
    if (bare.empty()) return Outcome::failed;
    for (const auto& [word, json] : kLiterals) {
      if (bare == word) {
        out_ += json;
        return Outcome::whole;
      }
    }
    if (append_number(bare)) return Outcome::whole;
    // A text that has lost its quotes; not one with a colon, which has lost more.
    if (!is_word(bare.front()) || bare.find(':') != std::string_view::npos ||
        bare.find('"') != std::string_view::npos)
      return Outcome::failed;
    out_ += json_text(bare);
    return Outcome::whole;
  }

  // A number, if need be made one of JSON: no plus sign, no leading zeros, digits on both sides of the point.
  bool append_number(std::string_view text) {
    std::string number;
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.starts_with('-')) number = "-", text.remove_prefix(1);
    const auto digits = [&] {
      std::size_t count = 0;
      while (count < text.size() && std::isdigit(static_cast<unsigned char>(text[count]))) ++count;
      const std::string_view found = text.substr(0, count);
      text.remove_prefix(count);
      return found;
    };
    std::string_view whole = digits();
    const bool has_point = text.starts_with('.');
    if (has_point) text.remove_prefix(1);
    const std::string_view fraction = has_point ? digits() : std::string_view();
    if (whole.empty() && fraction.empty()) return false;
    while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
    number += whole.empty() ? "0" : whole;
    if (!fraction.empty()) number += "." + std::string(fraction);
    if (text.starts_with('e') || text.starts_with('E')) {
      number += text.front();
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) number += text.front(), text.remove_prefix(1);
      const std::string_view exponent = digits();
      if (exponent.empty()) return false;
      number += exponent;
    }
    if (!text.empty()) return false;
    out_ += number;
    return true;
  }

  // A string, or several with plus signs between.
  Outcome texts(bool in_object) {
    Outcome outcome = text(false, in_object);
    while (outcome == Outcome::whole) {
      const std::size_t before = at_;
      skip_space();
      const bool is_joined = take("+");
      skip_space();
      if (!is_joined || quote() == nullptr) {
        at_ = before;
        break;
      }
      out_.pop_back();
      const std::size_t joint = out_.size();
      outcome = text(false, in_object);
      if (outcome == Outcome::whole) out_.erase(joint, 1);
    }
    return outcome;
  }

  Outcome text(bool is_key, bool in_object) {
    const auto& [open, close] = *quote();
    at_ += open.size();
    out_ += '"';
    while (!at_end()) {
      if (starts(close) && closes(at_ + close.size(), is_key, in_object)) {
        at_ += close.size();
        out_ += '"';
        return Outcome::whole;
      }
      append_character();
    }
    return Outcome::cut;
  }

  // Whether a quote that ends at `end` is the end of its string, by what comes behind. Many quotes within are
  // not escaped.
  bool closes(std::size_t end, bool is_key, bool in_object) const {
    Repair behind(text_);
    behind.at_ = end;
    behind.skip_space();
    if (behind.at_end()) return true;
    if (is_key) return behind.take_colon();
    const char next = behind.peek();
    if (next == '}' || next == ']' || next == '+') return true;
    if (!behind.take_comma()) {
      // A comma was forgotten, if a new line and another key or text follow.
      return text_.substr(end, behind.at_ - end).find('\n') != std::string_view::npos &&
             behind.quote() != nullptr;
    }
    behind.skip_space();
    while (behind.take_comma()) behind.skip_space();
    if (behind.at_end() || behind.peek() == '}' || behind.peek() == ']' || behind.starts("...")) return true;
    return in_object ? behind.begins_member() : behind.begins_element();
  }

  bool begins_member() {
    if (const auto* pair = quote(); pair != nullptr) {
      const std::size_t end = text_.find(pair->second, at_ + pair->first.size());
      if (end == std::string_view::npos) return true;  // cut off within the key
      at_ = end + pair->second.size();
    } else {
      while (!at_end() && is_word(text_[at_])) ++at_;
    }
    skip_space();
    return at_end() || take_colon();
  }

  bool begins_element() const {
    const char next = peek();
    if (quote() != nullptr || next == '{' || next == '[' || next == '-' ||
        std::isdigit(static_cast<unsigned char>(next)))
      return true;
    return std::ranges::any_of(kLiterals, [this](const auto& literal) { return starts(literal.first); });
  }

  void append_character() {
    const char c = text_[at_];
    if (c == '\\') return append_escape();
    ++at_;
    if (c == '"') {
      out_ += "\\\"";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      const std::string escaped = json_text(std::string_view(&c, 1));
      out_.append(escaped, 1, escaped.size() - 2);
    } else {
      out_ += c;
    }
  }

  void append_escape() {
    const std::string_view rest = text_.substr(at_);
    if (rest.size() < 2) {
      at_ = text_.size();  // cut off within
      return;
    }
    const char c = rest[1];
    const auto is_hex = [](char digit) { return std::isxdigit(static_cast<unsigned char>(digit)) != 0; };
    if (c == 'u' && rest.size() >= 6 && std::ranges::all_of(rest.substr(2, 4), is_hex)) {
      out_ += rest.substr(0, 6);
      at_ += 6;
      return;
    }
    at_ += 2;
    if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) {
      out_ += {'\\', c};
    } else if (c == 'u') {
      out_ += "\\\\u";
    } else if (c == '\n' || c == '\'' || c == '`') {
      if (c != '\n') out_ += c;
    } else {  // a backslash that was meant, as in \d or \alpha
      out_ += "\\\\";
      --at_;
    }
  }

  std::string_view text_;
  int closed_depth_max_;
  int depth_of_end_ = 0;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

void add(std::vector<FoundJson>& all, FoundJson found) {
  if (found.text.empty()) return;
  const auto is_same = [&](const FoundJson& other) { return other.text == found.text; };
  if (std::ranges::none_of(all, is_same)) all.push_back(std::move(found));
}

std::vector<FoundJson> repair_json(std::string_view text) {
  std::vector<FoundJson> all;
  Repair first(text);
  add(all, first.run());
  if (all.empty() || !all.front().is_truncated) return all;
  for (int depth = first.depth_of_end() - 1; depth >= 0; --depth) add(all, Repair(text, depth).run());
  return all;
}

}  // namespace datagen::llm
