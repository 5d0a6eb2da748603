// Files and batches of the test server. The requests of a batch are answered when it is begun, as if each had
// come alone, so that a batch that is begun twice shows; it says that it is in progress for a while.
//   POST /v1/files, GET /v1/files/ID, GET /v1/files/ID/content
//   POST /v1/batches, GET /v1/batches/ID, GET /v1/batches?limit=N&after=ID
// As Azure has them they stand below /openai, and requests have another url.
// Commands of the messages hold as for single calls; where no answer would come, a request has no result.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llm/behaviour.h"

namespace datagen::test {

class Batches {
 public:
  struct Options {
    std::chrono::milliseconds time{200};     // that each takes
    std::chrono::milliseconds file_time{0};  // for which a file is pending, and no batch can be made of it
    bool lists = true;                       // false: 404 for the list
    std::string end = "completed";  // how they end; "expired" leaves the last request without a result
  };
  struct Answer {
    int status;
    std::string body;
  };
  // `note`: of each request of a batch.
  Batches(Options options, Behaviour& behaviour, std::function<void(const Reply&)> note)
      : options_(std::move(options)), behaviour_(behaviour), note_(std::move(note)) {}

  static bool owns(std::string_view path);
  // `key`: that came with the request, and holds for those of a batch.
  Answer answer(bool is_post, std::string_view target, std::string_view key, const std::string& body);
  std::size_t count() const { return batches_.size(); }
  std::size_t files() const { return files_.size(); }

 private:
  struct Batch {
    std::string id, input, output, errors, metadata;
    std::chrono::steady_clock::time_point ends;
  };
  Answer upload(const std::string& body);
  Answer begin(const std::string& body, std::string_view url, std::string_view key);
  Answer list(std::string_view query) const;
  std::string show(const Batch& batch) const;
  struct File {
    std::string content;
    std::chrono::steady_clock::time_point ready;
  };
  std::string add_file(std::string content, std::chrono::milliseconds pending);
  const File* file(std::string_view id) const;
  std::string show_file(std::string_view id) const;
  // `url`: that all of them should have.
  void run(const std::string& requests, std::string_view url, std::string_view key, Batch& batch);

  Options options_;
  Behaviour& behaviour_;
  std::function<void(const Reply&)> note_;
  std::vector<File> files_;
  std::vector<Batch> batches_;
};

}  // namespace datagen::test
