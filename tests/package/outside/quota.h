// So many records of each domain, and at the end how many domains there were.
#pragma once

#include <datagen/stage.h>

#include <cstdint>
#include <iomanip>
#include <istream>
#include <map>
#include <ostream>
#include <string>

struct Quota : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Lets so many records of each domain pass", "stages: [{quota: {max: 10}}]");
    p.integer("max", 100).min(1).help("records per domain");
  }
  void open(datagen::Context& c) override { max = c.param<std::int64_t>("max"); }
  void process_item(datagen::Item& item, datagen::Context& c) override {
    if (++seen[std::string(item.text("domain"))] <= max) return;
    c.count("over_quota");
    item.drop("quota");
  }
  void finish(datagen::Emitter& emitter, datagen::Context&) override {
    emitter.emit({{"domains", seen.size()}});
  }
  void save(std::ostream& out) const override {
    for (const auto& [domain, records] : seen) out << std::quoted(domain) << ' ' << records << '\n';
  }
  void load(std::istream& in) override {
    std::string domain;
    for (std::int64_t records = 0; in >> std::quoted(domain) >> records;) seen[domain] = records;
  }

  std::int64_t max = 0;
  std::map<std::string, std::int64_t> seen;
};
