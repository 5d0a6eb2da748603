// The endpoints that a graph gives: url, model and api_key, or a list of several.
#pragma once

#include <vector>

#include <datagen/context.h>

#include "llm/endpoint.h"

namespace datagen::llm {

void describe_endpoints(Parameters& parameters);

// Reads the keys, too. Throws std::invalid_argument with what is wrong; never shows a key.
std::vector<EndpointSettings> read_endpoints(const Context& context);

}  // namespace datagen::llm
