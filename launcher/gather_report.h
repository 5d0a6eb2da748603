// Collects what the report page shows from a run's directory; and writes the page.
#pragma once

#include <string>

#include "launcher/report_page.h"

namespace datagen::launcher {

// From what is on disk by now, at any time: of a run that runs, the last commit and the last sample. Errors:
// no plan, a .done file that cannot be read.
Result<ReportData> gather_report(const std::string& run_directory);
// The same for one who has the books already; `runtime` with the run's own plan.
Result<ReportData> gather_report(const std::string& run_directory, RuntimeFile runtime, Audit audit,
                                 History history);

// report.html in the run directory; its path. Error: it cannot be written, and then there is none.
Result<std::string> write_report_page(const ReportData& data);

}  // namespace datagen::launcher
