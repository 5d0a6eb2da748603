#include "launcher/symbols.h"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <cstdlib>
#include <map>
#include <string_view>
#include <tuple>

namespace datagen::launcher {

namespace {

// Only what stands in the module itself: no search in other folders, and none in the network (debuginfod).
int find_no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                      char**) {
  return -1;
}

constexpr Dwfl_Callbacks kCallbacks{dwfl_build_id_find_elf, find_no_debuginfo, dwfl_offline_section_address,
                                    nullptr};

// Which file stands at a path: another after a rebuild.
using FileVersion = std::tuple<dev_t, ino_t, time_t, long>;

FileVersion version_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

}  // namespace

// An executable or library as it lies in the file system.
class Symbols::Module {
 public:
  explicit Module(const std::string& path)
      : version_(version_of(path)), dwfl_(dwfl_begin(&kCallbacks), dwfl_end) {
    if (!dwfl_) return;
    dwfl_report_begin(dwfl_.get());
    module_ = dwfl_report_offline(dwfl_.get(), "", path.c_str(), -1);
    dwfl_report_end(dwfl_.get(), nullptr, nullptr);
    GElf_Addr bias = 0;
    if (module_ != nullptr && dwfl_module_getelf(module_, &bias) != nullptr) bias_ = bias;
  }

  bool is_of(const std::string& path) const { return version_of(path) == version_; }

  // "function(int) at file.cc:41"; empty when nothing is known. Records of one kind die at one place: what
  // was found is kept, since a search goes through all symbols.
  const std::string& describe(std::uint64_t offset) {
    const auto known = described_.find(offset);
    return known != described_.end() ? known->second : described_.emplace(offset, find(offset)).first->second;
  }

 private:
  std::string find(std::uint64_t offset) const {
    if (module_ == nullptr) return {};
    std::string text;
    if (const char* name = dwfl_module_addrname(module_, bias_ + offset)) {
      int status = 0;
      const std::unique_ptr<char, decltype(&std::free)> plain(
          abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
      text = status == 0 ? plain.get() : name;
    }
    int line = 0;
    Dwfl_Line* found = dwfl_module_getsrc(module_, bias_ + offset);
    const char* file =
        found == nullptr ? nullptr : dwfl_lineinfo(found, nullptr, &line, nullptr, nullptr, nullptr);
    if (file != nullptr) {
      const std::string_view path = file;
      text += fmt::format("{}{}:{}", text.empty() ? "" : " at ", path.substr(path.rfind('/') + 1), line);
    }
    return text;
  }

  FileVersion version_;
  std::unique_ptr<Dwfl, decltype(&dwfl_end)> dwfl_;
  Dwfl_Module* module_ = nullptr;  // lives with dwfl_
  GElf_Addr bias_ = 0;             // from addresses in the file to the module's here
  std::map<std::uint64_t, std::string> described_;
};

Symbols::Symbols() = default;
Symbols::~Symbols() = default;

Symbols::Module& Symbols::module_at(const std::string& path) {
  std::unique_ptr<Module>& module = modules_[path];
  if (!module || !module->is_of(path)) module = std::make_unique<Module>(path);
  return *module;
}

std::vector<std::string> Symbols::describe(const std::vector<std::string>& calls) {
  std::vector<std::string> described;
  for (const std::string& call : calls) {
    const std::size_t plus = call.rfind("+0x");
    std::uint64_t offset = 0;
    if (plus == std::string::npos ||
        std::from_chars(call.data() + plus + 3, call.data() + call.size(), offset, 16).ec != std::errc()) {
      described.push_back(call);
      continue;
    }
    const std::string path = call.substr(0, plus);
    Module& module = module_at(path);
    // All but the innermost are return addresses, one behind the call.
    const std::string& text = module.describe(described.empty() ? offset : offset - 1);
    const std::string place = call.substr(path.rfind('/') + 1);
    described.push_back(text.empty() ? call : fmt::format("{} ({})", text, place));
  }
  return described;
}

}  // namespace datagen::launcher
