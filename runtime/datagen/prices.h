// What calls cost, by model.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace datagen {

// In a currency of the user's choice, per million tokens.
struct Price {
  double prompt = 0;
  double completion = 0;
};

class Prices {
 public:
  Prices() = default;
  // A table as JSON, {"MODEL": {"prompt": 2.5, "completion": 10}, …}, or the path of a file with one; a
  // model's name may end in '*' and then stands for all that begin so, the longest that fits counts. Empty
  // text: no prices. Throws std::invalid_argument with what is wrong: fit for Parameters' checked_by.
  static Prices parse(std::string_view table_or_path);

  bool has(std::string_view model) const { return find(model) != nullptr; }
  // 0 for a model without a price.
  double cost_of(std::string_view model, std::int64_t prompt_tokens, std::int64_t completion_tokens) const;
  bool empty() const { return prices_.empty(); }

 private:
  const Price* find(std::string_view model) const;
  std::map<std::string, Price, std::less<>> prices_;
};

}  // namespace datagen
