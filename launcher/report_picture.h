// Pictures of a report as SVG that stands within a page: its colours are the page's CSS variables.
#pragma once

#include <string>

#include "launcher/history.h"

namespace datagen::launcher {

// The graph from left to right: stages with their rate and how busy they were, edges with how full their ring
// was and who waited. The stage that limits the run is marked.
std::string graph_picture(const Plan& plan, const History& history);

// Records per second of a stage over the running time. Nothing when there is no time to show.
std::string throughput_picture(const History& history, std::size_t stage);

// Text for HTML and SVG: &, <, > and quotes replaced.
std::string escape_html(const std::string& text);

}  // namespace datagen::launcher
