// Test an operator in the process of the test, without launcher or rings.
//
//   auto r = datagen::test<Quota>({{"max", 1}}, {R"({"text":" a "})"});
//   EXPECT_EQ(r.records[0], R"({"text":"a"})");
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <datagen/stage.h>

namespace datagen {

struct TestResult {
  std::vector<std::string> records;  // what came out, as JSON, without "_i"
  std::vector<std::string> ids;      // their lineage ids
  struct Dropped {
    std::string id, reason;
  };
  std::vector<Dropped> dropped;
  struct Dead {
    std::string id, reason, message;
  };
  std::vector<Dead> dead;
  std::map<std::string, std::int64_t> counters;

  // The same test again, with the operator saved and loaded into a new one before every record.
  TestResult save_and_reload() const { return again(); }
  std::function<TestResult()> again;
};

struct TestParameter {
  std::string name;
  FieldValue value;
};

namespace detail {
TestResult test_stage(const StageDefinition& definition, const std::vector<TestParameter>& parameters,
                      const std::vector<std::string>& records, bool save_and_reload = false);
}

// Row k is records[k]. Throws what open() throws, and std::invalid_argument for wrong parameters.
template <class Op>
TestResult test(const std::vector<TestParameter>& parameters, const std::vector<std::string>& records) {
  return detail::test_stage(detail::define_stage<Op>(), parameters, records);
}
template <ItemFunction F>
TestResult test(F function, const std::vector<std::string>& records) {
  return detail::test_stage(detail::define_item_stage(std::move(function)), {}, records);
}
template <BatchFunction F>
TestResult test_batch(F function, const std::vector<std::string>& records) {
  return detail::test_stage(detail::define_batch_stage(std::move(function)), {}, records);
}

}  // namespace datagen
