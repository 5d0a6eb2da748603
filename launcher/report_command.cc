// datagen report: what became of a run, at any time.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "launcher/commands.h"
#include "launcher/gather_report.h"
#include "launcher/report.h"
#include "launcher/run_folder.h"

namespace datagen::launcher {

namespace {

// report.json where the run has ended in order, else the same of what is committed by now.
std::string json_of(const ReportData& data) {
  std::ifstream file(data.directory + "/report.json");
  if (file && data.outcome != "running") {
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  RunEnd end;
  end.audit = data.audit;
  end.time = std::chrono::milliseconds(static_cast<long long>(data.history.seconds() * 1000));
  return report_json(end, data.runtime, data.history, data.outcome, std::nullopt);
}

}  // namespace

int report_command(const std::string& run, bool json) {
  const auto path = find_run(run, std::filesystem::current_path());
  if (!path) return refuse(path.error());
  const auto data = gather_report(path.value());
  if (!data) return refuse(data.error());
  if (const auto written = write_report_page(data.value()); !written) complain(written.error().message());
  const std::string text = json ? json_of(data.value()) : report_text(data.value());
  std::fputs(text.c_str(), stdout);
  if (!json) complain("the same with pictures: " + path.value() + "/report.html");
  return kComplete;
}

}  // namespace datagen::launcher
