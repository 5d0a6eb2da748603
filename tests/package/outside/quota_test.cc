// An operator's test with no framework but <datagen/testing.h>: exits with the number of what went wrong.
#include "quota.h"

#include <datagen/testing.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  ++failures;
}

const std::vector<std::string> kRecords = {R"({"domain":"a","n":1.0})", R"({"domain":"a"})",
                                           R"({"domain":"b"})", R"({})"};

void test_quota() {
  const auto r = datagen::test<Quota>({{"max", 1}}, kRecords);
  expect(r.records ==
             std::vector<std::string>{R"({"domain":"a","n":1.0})", R"({"domain":"b"})", R"({"domains":2})"},
         "one record of each domain passes, byte for byte, and the domains are counted");
  expect(r.dropped.size() == 1 && r.dropped[0].id == "1" && r.dropped[0].reason == "quota",
         "the second of a is dropped");
  expect(r.dead.size() == 1 && r.dead[0].id == "3" && r.dead[0].reason == "missing_field",
         "one without domain is dead");
  expect(r.counters.at("over_quota") == 1, "what is over the quota is counted");
  expect(r.save_and_reload().records == r.records, "its state survives save and load");
}

void test_parameters() {
  expect(datagen::test<Quota>({}, kRecords).dropped.empty(), "the default lets 100 pass");
  try {
    datagen::test<Quota>({{"max", 0}}, kRecords);
    expect(false, "max=0 is refused");
  } catch (const std::invalid_argument&) {
  }
}

// Context::log() is spdlog's: its headers must agree with the library's build, or this does not link.
void test_log() {
  const auto r =
      datagen::test([](auto& item, auto& context) { context.log().debug("row {}", item.id()); }, {"{}"});
  expect(r.records.size() == 1 && r.dead.empty(), "an operator may log");
}

}  // namespace

int main() {
  test_quota();
  test_parameters();
  test_log();
  return failures;
}
