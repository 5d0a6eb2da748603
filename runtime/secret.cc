#include "secret.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace datagen {

Result<std::string> read_secret(const std::string& reference) {
  if (reference.starts_with("env:")) {
    const char* value = std::getenv(reference.c_str() + 4);
    if (value == nullptr) return Error("the environment variable " + reference.substr(4) + " is not set");
    return std::string(value);
  }
  if (!reference.starts_with("file:")) return Error("a secret is given as env:NAME or file:PATH");
  const std::string path = reference.substr(5);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Error::from_errno("cannot read " + path, errno);
  if ((info.st_mode & 077) != 0) return Error(path + " can be read by others; chmod 600 it");
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  std::string secret = content.str();
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  return secret;
}

}  // namespace datagen
