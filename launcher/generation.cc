#include "launcher/generation.h"

#include <filesystem>

namespace datagen::launcher {

Result<void> begin_generation(const std::string& run_directory, RuntimeFile& runtime) {
  ++runtime.generation;
  runtime.resume.reset();
  for (const PlannedStage& stage : runtime.plan.stages) {
    std::error_code error;
    if (stage.commits()) std::filesystem::remove(run_directory + "/" + stage.id + ".done", error);
  }
  return write_runtime_file(run_directory, runtime);
}

}  // namespace datagen::launcher
