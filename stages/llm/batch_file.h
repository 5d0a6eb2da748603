// The lines of the OpenAI Batch file format: requests, and what became of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <datagen/ledger.h>

#include "ipc/result.h"

namespace datagen::llm {

// What requests of a file are for.
constexpr std::string_view chat_path(bool is_azure) {
  return is_azure ? "/chat/completions" : "/v1/chat/completions";
}

// {"custom_id": …, "method": "POST", "url": chat_path(), "body": {…}}, without a line end.
std::string batch_request(std::string_view custom_id, std::string_view members, std::string_view model,
                          bool is_azure);

// Under which a question stands in files: its record, the attempt within it, and some of what it asks, so
// that results of another prompt are not taken for its own.
std::string custom_id(const CallKey& question);

struct BatchResult {
  std::string custom_id;
  int status = 0;     // 0: it was not sent, `error` says why
  std::string body;   // the answer, as the API gives it to a single call
  std::string error;  // empty: none
};

// A line of a result or error file. Error: it is none.
Result<BatchResult> parse_batch_result(std::string_view line);

// Calls `found` with each line that is not empty.
template <class Found>
void for_each_line(std::string_view text, Found found) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) found(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

}  // namespace datagen::llm
