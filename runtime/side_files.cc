#include "side_files.h"

#include <stdexcept>
#include <string_view>

namespace datagen {

void SideFiles::open(const Weld& weld, std::uint64_t dead_letter_bytes, const Totals& totals) {
  dead_letters_.open(weld.dead_letter_path, dead_letter_bytes);
  for (const auto& [stage, path] : weld.exclusion_paths) {
    const auto found = totals.stages().find(stage);
    exclusions_[stage].open(path, found == totals.stages().end() ? 0 : found->second.counts.exclusion_bytes);
  }
}

void SideFiles::write(const SideLines& lines) {
  std::string letters;
  for (const std::string_view letter : lines.dead_letters) letters.append(letter).push_back('\n');
  if (!letters.empty()) dead_letters_.write(letters);
  for (const auto& [stage, text] : lines.exclusions) {
    const auto file = exclusions_.find(stage);
    if (file == exclusions_.end())
      throw std::logic_error("dropped records of stage " + std::to_string(stage) +
                             " came to a sink that has no file for them");
    file->second.write(text);
  }
}

void SideFiles::sync() {
  dead_letters_.sync();
  for (auto& [stage, file] : exclusions_) file.sync();
}

}  // namespace datagen
