// What a command line of CLI11 says of itself, for the manual page and the completions.
#pragma once

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "launcher/verbs.h"

namespace datagen::launcher {

inline std::vector<Verb> verbs_of(const CLI::App& command_line) {
  std::vector<Verb> all;
  for (const CLI::App* app : command_line.get_subcommands([](const CLI::App*) { return true; })) {
    Verb verb{app->get_name(), app->get_description(), {}, {}, app->get_footer()};
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) {
        verb.positionals.push_back(option->get_name(true));
      } else {
        verb.options.push_back({option->get_name(false, true),
                                option->get_type_size() == 0 ? "" : option->get_type_name(),
                                option->get_description()});
      }
    }
    all.push_back(std::move(verb));
  }
  return all;
}

}  // namespace datagen::launcher
