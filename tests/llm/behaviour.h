// What the test server answers, and how it misbehaves. By flags for all requests; by commands inside the last
// user message (or inside an input, of embeddings) for one, so that a record of a test decides what it meets:
//   [[say TEXT]] [[then TEXT]] …  the answer; the k-th `then` once the conversation has k answers in it
//   [[status CODE TIMES AFTER]]   that status for its first TIMES requests, with Retry-After: AFTER seconds
//   (-: none)
//   [[fault NAME TIMES]]          a fault (see Fault) for its first TIMES requests
//   [[sleep MS]]                  answers so much later
// Without `say` the answer is the message itself, in capitals.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace datagen::test {

enum class Fault : std::uint8_t {
  none,
  hang,            // never answers
  reset,           // ends the connection before the answer
  reset_in_body,   // in the middle of it
  invalid_json,    // a body that is no JSON
  truncated_json,  // a body that is cut, with a matching Content-Length
  empty_answer,    // no content
  wrong_usage,     // a usage that is no number
  no_usage,
  slow_stream,    // half a second between its chunks
  cut_stream,     // a stream without its end
  fewer_choices,  // one, whatever `n`
};
// Error: std::invalid_argument for an unknown name.
Fault fault_of(std::string_view name);

struct BehaviourOptions {
  std::chrono::milliseconds latency_min{0}, latency_max{0};  // even between them
  std::size_t in_flight_max = 0;                             // beyond: 429; 0: no limit
  std::size_t requests_per_minute = 0;           // in any sliding minute, beyond: 429; 0: no limit
  int retry_after_s = -1;                        // sent with those; -1: not
  std::string key;                               // empty: none is asked for
  std::vector<std::pair<Fault, double>> faults;  // with their probability
  double error_500 = 0, error_429 = 0;           // probabilities
  std::uint64_t seed = 1;
};

struct Reply {
  int status = 200;
  Fault fault = Fault::none;
  std::chrono::milliseconds latency{0};
  int retry_after_s = -1;
  std::string body;                 // not of a stream
  std::vector<std::string> chunks;  // of a stream: events with their blank line
  bool is_stream = false;
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;
  std::string model, user;
  std::size_t inputs = 0;  // of embeddings
};

class Behaviour {
 public:
  explicit Behaviour(BehaviourOptions options) : options_(std::move(options)), chance_(options_.seed) {}
  // `in_flight` without this one.
  Reply answer(std::string_view path, std::string_view authorization, const std::string& body,
               std::size_t in_flight);
  bool takes(std::string_view key) const { return options_.key.empty() || options_.key == key; }
  // From now on all chat requests get this status; 200: no more.
  void set_status(int status) { forced_status_ = status; }

 private:
  bool is_over_rate();

  BehaviourOptions options_;
  std::mt19937_64 chance_;
  std::map<std::string, int, std::less<>> times_;              // a command was obeyed for that message
  std::vector<std::chrono::steady_clock::time_point> recent_;  // a ring, of the last accepted
  std::size_t oldest_ = 0;
  int forced_status_ = 200;
};

}  // namespace datagen::test
