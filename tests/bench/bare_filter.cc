// bench_filter: the filter `.score >= 0.5` in one process, one thread, one loop: each line is parsed by
// simdjson's DOM, so it is validated in full, and written as it is or left out. A bad line ends it.
//
//     bench_filter IN OUT
#include "line_loop.h"

#include <cstring>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) bench::fail("usage: bench_filter IN OUT");
  simdjson::dom::parser parser;
  bench::Output output(argv[2]);
  std::size_t row = 0;
  bench::for_each_line(argv[1], [&](const char* line, std::size_t size) {
    ++row;
    simdjson::dom::element record;
    if (const auto error = parser.parse(line, size, false).get(record))
      bench::fail("line " + std::to_string(row) + ": " + simdjson::error_message(error));
    double score = 0;
    if (record["score"].get(score) != simdjson::SUCCESS || score < 0.5) return;
    char* const to = output.reserve(size + 1);
    std::memcpy(to, line, size);
    to[size] = '\n';
    output.commit(to + size + 1);
  });
  output.flush();
}
