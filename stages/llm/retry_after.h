// What a server says about when to come back.
#pragma once

#include <chrono>
#include <string_view>

#include "llm/http_client.h"

namespace datagen::llm {

// Of Retry-After (seconds or a date) or retry-after-ms; 0: it says nothing, or a time that has passed.
std::chrono::milliseconds retry_after(const HttpResponse& response);

// Of x-ratelimit-reset-requests and -tokens where the matching x-ratelimit-remaining-… is 0; else 0.
std::chrono::milliseconds rate_limit_pause(const HttpResponse& response);

// "20ms", "1.5s", "6m0s", "1h2m3s", or plain seconds; 0 for anything else.
std::chrono::milliseconds parse_span(std::string_view text);

}  // namespace datagen::llm
