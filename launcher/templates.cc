#include "launcher/templates.h"

#include <fmt/format.h>

namespace datagen::launcher {

namespace {

// 100 records as a crawler might leave them: white space around the texts, short ones among them, and one
// without.
std::string records() {
  constexpr const char* kTexts[] = {"A river does not ask where the sea is.",
                                    "Bread, salt and a table: that is enough.",
                                    "ok",
                                    "The library opens at nine and closes when the last reader leaves.",
                                    "Über den Dächern wird es hell.",
                                    "  ",
                                    "春は曙。",
                                    "Nobody measures twice what was cut right once."};
  std::string text;
  for (int row = 0; row < 100; ++row) {
    const std::string url = fmt::format("https://example.org/{}", row);
    text += row == 57 ? fmt::format("{{\"url\":\"{}\",\"title\":\"a page without text\"}}\n", url)
                      : fmt::format("{{\"url\":\"{}\",\"text\":\"{}{}{}\"}}\n", url, row % 3 == 0 ? "  " : "",
                                    kTexts[row % 8], row % 5 == 0 ? " \\n" : "");
  }
  return text;
}

constexpr const char* kCleanGraph = R"(datagen: 1
pipeline: clean
input: jsonl://records.jsonl
output: jsonl://out/clean.jsonl
stages:
  - clean_text: {field: text}
)";

constexpr const char* kCleanReadme = R"(# clean

    datagen check graph.yaml     the plan, and what becomes of the first ten records
    datagen run graph.yaml       writes out/clean.jsonl; one of the 100 records has no text and is dead-lettered
    datagen dead-letters clean   which, and why
    datagen report clean         what it cost; runs/clean/report.html has the pictures

`datagen stages` lists what else can stand under `stages:`.
)";

constexpr const char* kCppGraph = R"(datagen: 1
pipeline: words
input: jsonl://records.jsonl
output: jsonl://out/words.jsonl
stages:
  - clean_text: {field: text}
  - run: build/count_words
    params: {min: 3}
    workers: 2
)";

constexpr const char* kCppStage = R"(// Counts words, and filters records with too few.
#include "count_words.h"

int main(int argc, char** argv) { return datagen::run_stage<CountWords>(argc, argv); }
)";

constexpr const char* kCppHeader = R"(#pragma once

#include <datagen/stage.h>

#include <cctype>
#include <cstdint>
#include <string_view>

class CountWords : public datagen::Operator {
 public:
  static void describe(datagen::Parameters& parameters) {
    parameters.integer("min", 1).min(0).help("records with fewer words are filtered");
  }
  void open(datagen::Context& context) override { min_ = context.param<std::int64_t>("min"); }
  void process_item(datagen::Item& item, datagen::Context&) override {
    std::int64_t words = 0;
    bool inside = false;
    for (const char letter : item.text("text")) {
      const bool is_space = std::isspace(static_cast<unsigned char>(letter)) != 0;
      if (!is_space && !inside) ++words;
      inside = !is_space;
    }
    if (words < min_) return item.drop("too_few_words");
    item.set("words", words);
  }

 private:
  std::int64_t min_ = 1;
};
)";

constexpr const char* kCppTest = R"file(// Without launcher or rings: what the stage makes of single records.
#include "count_words.h"

#include <datagen/testing.h>

#include <cstdio>

int main() {
  const auto r = datagen::test<CountWords>({{"min", 2}}, {R"({"text":"one two"})", R"({"text":"one"})", R"({"url":"x"})"});
  const bool good = r.records == std::vector<std::string>{R"({"text":"one two","words":2})"} && r.dropped.size() == 1 &&
                    r.dropped[0].reason == "too_few_words" && r.dead.size() == 1 && r.dead[0].reason == "missing_field";
  std::puts(good ? "all is well" : "the stage does not do what its test says");
  return good ? 0 : 1;
}
)file";

constexpr const char* kCppCmake = R"(cmake_minimum_required(VERSION 3.22)
project(words CXX)
set(CMAKE_CXX_STANDARD 20)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
find_package(datagen REQUIRED)
enable_testing()
foreach(name count_words count_words_test)
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE datagen::stage)
endforeach()
add_test(NAME count_words COMMAND count_words_test)
)";

constexpr const char* kCppReadme = R"(# words: a stage of one's own

    cmake -B build && cmake --build build
    ctest --test-dir build
    datagen check graph.yaml            the plan, and what becomes of the first ten records
    datagen run graph.yaml              writes out/words.jsonl
    datagen dead-letters words          record 57 has no text
    datagen repro words 57 --gdb        that record, through the stage that gave it up, under gdb

CMake finds datagen where it is installed; elsewhere: cmake -B build -DCMAKE_PREFIX_PATH=/where/it/is.
`build/count_words --set min=3 < records.jsonl` runs the stage alone, as a filter.
)";

constexpr const char* kExecGraph = R"(datagen: 1
pipeline: words
input: jsonl://records.jsonl
output: jsonl://out/words.jsonl
stages:
  - exec: [python3, count_words.py]
    mode: line        # it runs on, and answers each line with one
    workers: 2
    timeout: 10s      # for a record; then it is started anew
)";

constexpr const char* kExecProgram =
    R"(# One record comes in on a line, one answer goes out on a line: the record as it shall be, a list of records
# that take its place, or null to drop it. What is printed to stderr goes to the stage's log.
import json
import sys

for line in sys.stdin:
    record = json.loads(line)
    words = record["text"].split() if "text" in record else []
    record["words"] = len(words)
    print(json.dumps(record, ensure_ascii=False) if words else "null", flush=True)
)";

constexpr const char* kExecReadme = R"(# words: a program in any language as a stage

    datagen check graph.yaml     the plan, and what becomes of the first ten records
    datagen run graph.yaml       writes out/words.jsonl; records without words are dropped
    datagen report words         how many, and how long the stage was busy

`count_words.py` can be tried alone: head -3 records.jsonl | python3 count_words.py
Any program will do that reads and writes JSON Lines; `mode: frame` starts it anew for each batch of records, so
that it need not flush its lines: exec: [jq, -c, .tag = 1]
)";

constexpr const char* kLlmGraph = R"(datagen: 1
pipeline: titles
vars: {url: "http://localhost:8000/v1", model: qwen3}
input: jsonl://records.jsonl
output: jsonl://out/titles.jsonl
stages:
  - llm_chat:
      url: ${url}
      model: ${model}
      # api_key: env:LLM_API_KEY
      prompt: "Give this text a title and rate it from 1 to 5.\n\n{text}"
      schema:
        type: object
        required: [title, rating]
        properties: {title: {type: string}, rating: {type: integer}}
      lift: [title, rating]
)";

constexpr const char* kLlmReadme = R"(# titles: a language model asked about each record

The server in graph.yaml is one on this machine that speaks the OpenAI chat API (vLLM, llama.cpp, Ollama, …). For another:

    datagen run graph.yaml --set vars.url=https://api.example.com/v1 --set vars.model=NAME

and take the `#` off `api_key`: the key is read from the environment, and stands in no file of the run.

    datagen run graph.yaml --limit 5   five records first; their answers are not paid for again
    datagen run graph.yaml             writes out/titles.jsonl; record 57 has no text and is dead-lettered
    datagen report titles              calls, tokens and, with `prices`, what they cost

`datagen stages llm_chat` lists what else it can do.
)";

}  // namespace

const std::vector<Template>& templates() {
  static const std::vector<Template> all = {
      {"clean",
       "strips texts and counts their characters",
       {{"graph.yaml", kCleanGraph}, {"records.jsonl", records()}, {"README.md", kCleanReadme}}},
      {"llm",
       "a language model asked about each record",
       {{"graph.yaml", kLlmGraph}, {"records.jsonl", records()}, {"README.md", kLlmReadme}}},
      {"exec",
       "a program in any language as a stage",
       {{"graph.yaml", kExecGraph},
        {"records.jsonl", records()},
        {"README.md", kExecReadme},
        {"count_words.py", kExecProgram}}},
      {"cpp",
       "a stage of one's own in C++, with its test",
       {{"graph.yaml", kCppGraph},
        {"records.jsonl", records()},
        {"README.md", kCppReadme},
        {"CMakeLists.txt", kCppCmake},
        {"count_words.h", kCppHeader},
        {"count_words.cc", kCppStage},
        {"count_words_test.cc", kCppTest}}},
  };
  return all;
}

}  // namespace datagen::launcher
