// Names and lines for the addresses of a crash.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace datagen::launcher {

// Keeps what it has read of executables and libraries: a stage that dies a hundred times is read once.
class Symbols {
 public:
  Symbols();
  ~Symbols();

  // Each call "module+0x1a2b", innermost first, as "function(int) at file.cc:41 (module+0x1a2b)", as far as
  // the module's own symbols and debug information tell; a call that they do not tell stays as it is.
  std::vector<std::string> describe(const std::vector<std::string>& calls);

 private:
  class Module;
  Module& module_at(const std::string& path);

  std::map<std::string, std::unique_ptr<Module>, std::less<>> modules_;
};

}  // namespace datagen::launcher
