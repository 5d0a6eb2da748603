// The parameter `cache` of stages that pay for calls.
#pragma once

#include <string>

#include <datagen/context.h>
#include <datagen/ledger.h>
#include <datagen/parameters.h>

namespace datagen::llm {

// `what` is kept there: "answers".
inline void describe_cache(Parameters& p, const std::string& what) {
  p.text("cache").running().path().help("folder that runs share " + what + " in, by what was asked");
}

// The stage's ledger, with the cache where one is given.
inline Ledger& open_ledger(Context& context) {
  return context.ledger(context.has_param("cache") ? context.param<std::string>("cache") : std::string());
}

}  // namespace datagen::llm
