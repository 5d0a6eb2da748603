// datagen init: a folder with a graph, its records and a README that work as they are.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "launcher/commands.h"
#include "launcher/report.h"
#include "launcher/suggest.h"
#include "launcher/templates.h"

namespace datagen::launcher {

int init_command(const std::string& name, const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  for (const Template& known : templates()) names.push_back(known.name);
  const auto found = std::ranges::find(templates(), name, &Template::name);
  if (found == templates().end())
    return refuse(fmt::format("there is no template '{}'{}; there are: {}", name, suggestion(name, names),
                              fmt::join(names, ", ")));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return refuse(fmt::format("cannot make {}: {}", folder, error.message()));
  for (const auto& [path, content] : found->files) {
    if (fs::exists(fs::path(folder) / path, error))
      return refuse(fmt::format("{}/{} exists; name a folder that is empty or new", folder, path));
  }
  for (const auto& [path, content] : found->files) {
    std::ofstream file(fs::path(folder) / path, std::ios::binary);
    file << content;
    file.close();
    if (!file) return refuse(fmt::format("cannot write {}/{}", folder, path));
  }
  fmt::print(stderr, "{} has a graph and 100 records; what to type: {}/README.md\n", folder, folder);
  return kComplete;
}

}  // namespace datagen::launcher
