// What `datagen init` writes: a small project that works as it is.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace datagen::launcher {

struct Template {
  std::string name, help;
  std::vector<std::pair<std::string, std::string>> files;  // path within the folder, and content
};

const std::vector<Template>& templates();

}  // namespace datagen::launcher
