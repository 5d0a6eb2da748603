// A JSON Schema that answers have to satisfy (drafts 4 to 7).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen::llm {

class JsonSchema {
 public:
  // Throws std::invalid_argument for what is no schema.
  explicit JsonSchema(std::string_view json);
  ~JsonSchema();
  JsonSchema(const JsonSchema&) = delete;
  JsonSchema& operator=(const JsonSchema&) = delete;

  // Error: where the JSON text breaks the schema, in words that a model understands, too. May be called from
  // one thread at a time.
  Result<void> check(std::string_view json) const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace datagen::llm
