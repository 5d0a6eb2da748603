// datagen-ring: looks into a run's rings, live or left behind.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/app_verbs.h"
#include "launcher/json_text.h"
#include "launcher/run_folder.h"
#include "launcher/show_state.h"
#include "launcher/suggest.h"
#include "launcher/values.h"
#include "tools/ring_cat.h"
#include "tools/ring_check.h"
#include "tools/ring_top.h"

namespace datagen::tools {

namespace {

constexpr int kInternalError = 1;
constexpr int kUsage = 2;
constexpr int kDamaged = 4;

constexpr const char* kExitCodes =
    "Exit codes: 0 done, or sound; 1 internal error; 2 wrong call or no such run; 4 damaged; 130 "
    "interrupted.";

std::string footer(const char* examples) { return fmt::format("Examples:\n{}\n{}", examples, kExitCodes); }

void complain(const std::string& message) { std::fprintf(stderr, "datagen-ring: %s\n", message.c_str()); }

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string reports_json(const RunView& view, const std::vector<EpochReport>& reports) {
  bool is_sound = true;
  std::string epochs;
  for (const EpochReport& report : reports) {
    is_sound = is_sound && report.problems.empty();
    std::string problems;
    for (const std::string& problem : report.problems)
      problems += (problems.empty() ? "" : ",") + launcher::json_string(problem);
    epochs += fmt::format("{}{{\"epoch\":\"{}\",\"rings\":{},\"cells\":{},\"problems\":[{}]}}",
                          epochs.empty() ? "" : ",", report.epoch, report.rings, report.cells, problems);
  }
  return fmt::format(
      "{{\"version\":1,\"run\":{{\"directory\":{},\"run_id\":{}}},\"sound\":{},\"epochs\":[{}]}}\n",
      launcher::json_string(view.directory), launcher::json_string(view.runtime.run_id), is_sound, epochs);
}

class CommandLine {
 public:
  CommandLine()
      : app_("Looks into the rings of a datagen run, live or left behind; changes nothing", "datagen-ring") {
    app_.set_version_flag("--version", std::string(DATAGEN_VERSION));
    app_.require_subcommand(0, 1);
    app_.footer(
        footer("  datagen-ring stat clean_corpus\n  datagen-ring cat clean_corpus source:clean_text -n 3"));
    CLI::App* verb = add("stat", "rings and workers, as tables",
                         "  datagen-ring stat\n  datagen-ring stat runs/clean_corpus --json");
    verb->add_flag("--json", json_, "as JSON");
    verb = add("top", "the same, live; q quits",
               "  datagen-ring top\n  datagen-ring top clean_corpus --interval 250ms");
    verb->add_option("--interval", interval_, "time between two looks (default: 1s)");
    verb->add_option("--count", top_.count, "looks until the end (default: until q or Ctrl-C)");
    verb = add("cat", "frames and records as JSON lines, without taking them",
               "  datagen-ring cat clean_corpus 0\n  datagen-ring cat clean_corpus source:clean_text "
               "--follow | jq .record.text");
    verb->add_flag("--follow,-f", cat_.follow,
                   "go on with frames to come, until the stream or the launcher ends");
    verb->add_option("-n", cat_.records_max, "records until the end (default: all)")
        ->check(CLI::PositiveNumber);
    verb->add_flag("--json", json_, "JSON lines, as always");
    verb = add("check", "whether headers, words, checksums and cells are sound; repairs nothing",
               "  datagen-ring check clean_corpus\n  datagen-ring check --remove-stale");
    verb->add_flag("--json", json_, "as JSON");
    verb->add_flag("--remove-stale", remove_stale_,
                   "instead, remove what dead launchers left of this run; without RUN, of all of yours");
    app_.add_subcommand("manual", "the manual page, as roff")
        ->footer(footer("  datagen-ring manual | man -l -\n  datagen-ring manual > datagen-ring.1"));
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return explain(error, argc, argv);
    }
    if (app_.get_subcommands().empty()) {
      std::fputs(app_.help().c_str(), stderr);
      return kUsage;
    }
    const std::string here = std::filesystem::current_path();
    const std::string verb = app_.get_subcommands().front()->get_name();
    if (verb == "manual") {
      const auto verbs = launcher::verbs_of(app_);
      const std::string page =
          launcher::manual_page(app_.get_name(), app_.get_description(), verbs, DATAGEN_VERSION);
      return std::fputs(page.c_str(), stdout), 0;
    }
    if (remove_stale_ && run_.empty()) return show_removal(remove_stale(launcher::list_epochs(""), ""));
    // `cat 0` is an edge of the newest run, unless a run has that name.
    if (edge_.empty() && is_number(run_) && !launcher::find_run(run_, here)) std::swap(run_, edge_);
    auto view = launcher::open_run(run_, here);
    if (!view) return refuse(view.error());
    std::optional<std::uint32_t> edge;
    if (!edge_.empty()) {
      const auto found = view.value().find_edge(edge_);
      if (!found) return refuse(found.error());
      edge = found.value();
    }
    return carry_out(verb, view.value(), edge);
  }

 private:
  CLI::App* add(const char* name, const char* help, const char* examples) {
    CLI::App* verb = app_.add_subcommand(name, help);
    verb->add_option("RUN", run_, "a run directory, or a name under ./runs (default: the newest)");
    verb->add_option("EDGE", edge_, "an edge's number, or FROM:TO (default: all)");
    verb->footer(footer(examples));
    return verb;
  }

  int refuse(const Error& error) {
    complain(error.message());
    return kUsage;
  }

  int carry_out(const std::string& verb, RunView& view, std::optional<std::uint32_t> edge) {
    if (verb == "check")
      return remove_stale_ ? show_removal(remove_stale(view.epochs, view.directory)) : show_check(view, edge);
    if (verb == "cat") {
      cat_.edge = edge;
      return cat(view, cat_);
    }
    if (verb == "top") {
      const auto interval = launcher::parse_duration(interval_);
      if (!interval) return refuse(interval.error().within("--interval"));
      constexpr std::int64_t kIntervalMsMin = 10, kIntervalMsMax = 3'600'000;
      if (interval.value() < kIntervalMsMin || interval.value() > kIntervalMsMax)
        return refuse(Error("--interval: from 10ms to 1h"));
      top_.edge = edge;
      top_.interval = std::chrono::milliseconds(interval.value());
      return top(view, top_);
    }
    const launcher::RunState state = look_at(view, edge);
    std::fputs((json_ ? show_json(view, state) : show_table(view, state)).c_str(), stdout);
    return 0;
  }

  int show_check(const RunView& view, std::optional<std::uint32_t> edge) {
    const std::vector<EpochReport> reports = check(view, edge);
    const bool is_sound =
        std::ranges::all_of(reports, [](const EpochReport& report) { return report.problems.empty(); });
    if (json_) {
      std::fputs(reports_json(view, reports).c_str(), stdout);
    } else {
      if (reports.empty()) fmt::print("{}: nothing in shared memory\n", view.directory);
      for (const EpochReport& report : reports) {
        fmt::print("epoch {}: {}, {} rings, {} cells\n", report.epoch,
                   report.problems.empty() ? "sound" : "damaged", report.rings, report.cells);
        for (const std::string& problem : report.problems) fmt::print("  {}\n", problem);
      }
    }
    return is_sound ? 0 : kDamaged;
  }

  int show_removal(const Removal& removal) {
    if (json_) {
      const auto list = [](const std::vector<std::string>& words) {
        std::string text;
        for (const std::string& word : words) text += (text.empty() ? "" : ",") + launcher::json_string(word);
        return text;
      };
      fmt::print("{{\"version\":1,\"removed\":[{}],\"kept\":[{}]}}\n", list(removal.removed),
                 list(removal.kept));
      return 0;
    }
    for (const std::string& name : removal.removed) fmt::print("removed {}\n", name);
    for (const std::string& kept : removal.kept) fmt::print("kept {}\n", kept);
    if (removal.removed.empty() && removal.kept.empty()) fmt::print("nothing is left behind\n");
    return 0;
  }

  // The library's codes become ours, and what was mistyped gets a suggestion.
  int explain(const CLI::ParseError& error, int argc, char** argv) {
    if (error.get_exit_code() == 0) return app_.exit(error);
    std::vector<std::string> known;
    if (app_.get_subcommands().empty()) {
      for (const CLI::App* verb : app_.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(verb->get_name());
      const std::string word = argc > 1 ? argv[1] : "";
      complain(word.starts_with('-') ? std::string(error.what())
                                     : fmt::format("there is no verb '{}'{} (all: datagen-ring --help)", word,
                                                   launcher::suggestion(word, known)));
      return kUsage;
    }
    const CLI::App* verb = app_.get_subcommands().front();
    for (const CLI::Option* option : verb->get_options()) known.push_back(option->get_name(false, true));
    std::string hint;
    for (int index = 2; index < argc && hint.empty(); ++index) {
      const std::string word = std::string(argv[index]).substr(0, std::string(argv[index]).find('='));
      if (word.starts_with("--")) hint = launcher::suggestion(word, known);
    }
    complain(fmt::format("{}{} (see datagen-ring {} --help)", error.what(), hint, verb->get_name()));
    return kUsage;
  }

  CLI::App app_;
  std::string run_, edge_, interval_ = "1s";
  CatOptions cat_;
  TopOptions top_;
  bool json_ = false;
  bool remove_stale_ = false;
};

}  // namespace

}  // namespace datagen::tools

int main(int argc, char** argv) {
  int code = datagen::tools::kInternalError;
  try {
    code = datagen::tools::CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    datagen::tools::complain(std::string("internal error: ") + error.what());
    return datagen::tools::kInternalError;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    datagen::tools::complain("cannot write to stdout");
    return datagen::tools::kInternalError;
  }
  return code;
}
