// The endpoints that a graph gives: url, model and api_key, or a list of several.
#pragma once

#include <string_view>
#include <vector>

#include <datagen/context.h>

#include "llm/endpoint.h"

namespace datagen::llm {

void describe_endpoints(Parameters& parameters);
// Only one: url, model, api_key, api and api_version.
void describe_endpoint(Parameters& parameters);

// `api`: what stands behind a url, such as "/chat/completions". Reads the keys, too. Throws
// std::invalid_argument with what is wrong; never shows a key.
std::vector<EndpointSettings> read_endpoints(const Context& context, std::string_view api);

// The one of describe_endpoint(), its url the base of the API. Throws as the other.
EndpointSettings read_endpoint(const Context& context);

}  // namespace datagen::llm
