// The launcher's command line.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>

#include "launcher/app_verbs.h"
#include "launcher/commands.h"
#include "launcher/graph_schema.h"
#include "launcher/process.h"
#include "launcher/report.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 complete; 1 internal error; 2 wrong call or graph; 3 stopped by a failure; 4 the books do "
    "not balance;\n"
    "5 stopped by a limit that was set; 130 interrupted; 143 terminated. 3, 5, 130 and 143 can be gone on "
    "with: datagen resume.";

constexpr const char* kRunHelp = "a run directory, or a name under ./runs (default: the newest)";

std::string footer(const char* examples) { return fmt::format("Examples:\n{}\n{}", examples, kExitCodes); }

void add_graph_options(CLI::App& verb, GraphArguments& arguments) {
  verb.add_option("GRAPH", arguments.graph, "the graph file (YAML)");
  verb.add_option("--input", arguments.input, "without a file: where records come from; - is stdin");
  verb.add_option("--stage", arguments.stages,
                  "without a file: a stage's name, or the path of an executable; may be repeated")
      ->allow_extra_args(false);
  verb.add_option("--output", arguments.output, "without a file: where records go; - is stdout");
  verb.add_option("--set", arguments.sets, "change a value of the graph, as PATH=VALUE; may be repeated")
      ->allow_extra_args(false);
  verb.add_option("--run-dir", arguments.run_directory, "the run directory (default: runs/<pipeline>)");
}

// For whom what goes on is told beside the terminal.
void add_watching(CLI::App& verb, std::string& format, std::string& metrics) {
  verb.add_option("--metrics", metrics,
                  "serve them for Prometheus at HOST:PORT; without HOST on the loopback");
  verb.add_option("--log-format", format, "what goes to stderr: text, or json for a JSON object on each line")
      ->check(CLI::IsMember({"text", "json"}));
}

class CommandLine {
 public:
  CommandLine() : app_("Runs pipelines of isolated processes over large text data", "datagen") {
    app_.set_version_flag("--version", std::string(DATAGEN_VERSION));
    app_.require_subcommand(0, 1);
    app_.footer(
        footer("  datagen run --input jsonl://in.jsonl --stage clean_text --output jsonl://out.jsonl\n"
               "  datagen run graph.yaml --set clean_text.workers=2"));
    add_run();
    add_resume();
    add_plan();
    add_stages();
    add_looks();
    add_replay();
    add_first_steps();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return explain(error, argc, argv);
    }
    if (app_.got_subcommand("run")) return run_.limit > 0 ? limited_run_command(run_) : run_command(run_);
    if (app_.got_subcommand("check")) return check_command(plan_);
    if (app_.got_subcommand("resume")) return resume_command(resume_);
    if (app_.got_subcommand("status")) return status_command(name_, json_);
    if (app_.got_subcommand("top")) return top_command(top_);
    if (app_.got_subcommand("report")) return report_command(name_, json_);
    if (app_.got_subcommand("stop")) return stop_command(name_);
    if (app_.got_subcommand("dead-letters")) return dead_letters_command(dead_letters_);
    if (app_.got_subcommand("replay")) return replay_command(replay_);
    if (app_.got_subcommand("trace")) return trace_command(name_, id_);
    if (app_.got_subcommand("repro")) return repro_command(name_, id_, gdb_);
    if (app_.got_subcommand("plan")) return plan_command(plan_, dot_, json_);
    if (app_.got_subcommand("init")) return init_command(name_, folder_);
    if (app_.got_subcommand("doctor")) return doctor_command(json_);
    if (app_.got_subcommand("schema")) return print(graph_schema());
    if (app_.got_subcommand("completion")) return print(completion_script(verbs_of(app_), name_));
    if (app_.got_subcommand("manual"))
      return print(manual_page(app_.get_name(), app_.get_description(), verbs_of(app_), DATAGEN_VERSION));
    if (app_.got_subcommand("stages")) return stages_command(name_, json_);
    std::fputs(app_.help().c_str(), stderr);
    return kUsage;
  }

 private:
  void add_run() {
    CLI::App* verb =
        app_.add_subcommand("run", "run a graph, or go on where an unfinished run of it stopped");
    add_graph_options(*verb, run_.graph);
    verb->add_flag("--fresh", run_.fresh, "start anew; the earlier run is kept under another name");
    verb->add_flag("--forget-paid", run_.forget_paid,
                   "pay again for calls that an earlier run or a trial has paid for");
    verb->add_flag("--overwrite", run_.overwrite, "replace an output that this run did not make");
    verb->add_flag("--same-binary", run_.same_binary,
                   "when going on: refuse executables that were rebuilt since the run began");
    verb->add_flag("--quiet", run_.quiet, "no progress, and nothing at the end when all went well");
    verb->add_flag("--json", run_.json, "print the report as JSON to stdout");
    add_watching(*verb, run_.log_format, run_.metrics);
    verb->add_option("--limit", run_.limit,
                     "only so many records, in a run of its own (NAME.limit), and print the results")
        ->check([](const std::string& given) { return std::string(given == "0" ? "at least 1" : ""); });
    verb->footer(footer(
        "  datagen run graph.yaml\n  datagen run --input raw.jsonl --stage clean_text --output clean.jsonl"));
  }
  void add_resume() {
    CLI::App* verb = app_.add_subcommand("resume", "go on with a run where it stopped; needs no graph");
    verb->add_option("RUN", resume_.run, kRunHelp);
    verb->add_option("--graph", resume_.graph,
                     "take running keys (workers, timeout, …) from this graph file");
    verb->add_option("--set", resume_.sets, "change a running key, as STAGE.KEY=VALUE; may be repeated")
        ->allow_extra_args(false);
    verb->add_flag("--same-binary", resume_.same_binary,
                   "refuse executables that were rebuilt since the run began");
    verb->add_flag("--quiet", resume_.quiet, "no progress, and nothing at the end when all went well");
    verb->add_flag("--json", resume_.json, "print the report as JSON to stdout");
    add_watching(*verb, resume_.log_format, resume_.metrics);
    verb->footer(footer("  datagen resume\n  datagen resume clean_corpus --set score.timeout=120s"));
  }
  void add_looks() {
    CLI::App* status = app_.add_subcommand("status", "what runs there are, and how far each is");
    status->add_option("RUN", name_, "a run directory, or a name under ./runs (default: all)");
    status->add_flag("--json", json_, "as JSON");
    status->footer(footer("  datagen status\n  datagen status clean_corpus --json"));
    CLI::App* top =
        app_.add_subcommand("top", "a run as it runs: stages, workers, rings, what limits it; q quits");
    top->add_option("RUN", top_.run, kRunHelp);
    top->add_option("--interval", top_.interval, "time between two looks (default: 1s)");
    top->add_flag("--once", top_.once, "look for half a second, print, end");
    top->add_flag("--json", top_.json, "the same as JSON");
    top->footer(footer("  datagen top\n  datagen top clean_corpus --once"));
    CLI::App* report =
        app_.add_subcommand("report", "what became of a run, and what limits it; writes report.html");
    report->add_option("RUN", name_, kRunHelp);
    report->add_flag("--json", json_, "as JSON");
    report->footer(footer("  datagen report\n  datagen report clean_corpus --json"));
    CLI::App* stop = app_.add_subcommand("stop", "end a run that is at work; it can be gone on with");
    stop->add_option("RUN", name_, kRunHelp);
    stop->footer(footer("  datagen stop\n  datagen stop clean_corpus"));
    CLI::App* letters =
        app_.add_subcommand("dead-letters", "the records that were taken out of the stream, and why");
    letters->add_option("RUN", dead_letters_.run, kRunHelp);
    letters->add_option("--stage", dead_letters_.stage, "only those of this stage");
    letters->add_option("--reason", dead_letters_.reason, "only those with this reason");
    letters->add_option("--id", dead_letters_.id, "only the one with this lineage id");
    letters->add_flag("--json", dead_letters_.json, "as JSON Lines, with the records");
    letters->footer(footer(
        "  datagen dead-letters clean_corpus\n  datagen dead-letters clean_corpus --reason bad_json --json"));
    CLI::App* trace = app_.add_subcommand("trace", "the source file and line of a record");
    trace->add_option("RUN", name_, kRunHelp)->required();
    trace->add_option("ID", id_, "lineage id: the value of _i")->required();
    trace->footer(footer("  datagen trace clean_corpus 10\n  datagen trace clean_corpus 10_0"));
    CLI::App* repro = app_.add_subcommand("repro", "run one dead record through its stage, alone");
    repro->add_option("RUN", name_, kRunHelp)->required();
    repro->add_option("ID", id_, "lineage id of the dead letter")->required();
    repro->add_flag("--gdb", gdb_, "under gdb");
    repro->footer(footer("  datagen repro clean_corpus 10_0\n  datagen repro clean_corpus 10_0 --gdb"));
  }
  void add_replay() {
    CLI::App* verb = app_.add_subcommand(
        "replay", "let dead letters of a complete run enter it again, at the stage that gave them up");
    verb->add_option("RUN", replay_.letters.run, kRunHelp);
    verb->add_option("--stage", replay_.letters.stage, "only those of this stage");
    verb->add_option("--reason", replay_.letters.reason, "only those with this reason");
    verb->add_option("--id", replay_.letters.id, "only the one with this lineage id");
    verb->add_option("--set", replay_.sets, "change a running key, as STAGE.KEY=VALUE; may be repeated")
        ->allow_extra_args(false);
    verb->add_option("--from", replay_.from,
                     "stage: they enter where they failed, as they were then; source: they are read again")
        ->check(CLI::IsMember({"stage", "source"}));
    verb->add_flag("--dry-run", replay_.dry_run, "list them, and do nothing");
    verb->add_flag("--quiet", replay_.quiet, "no progress, and nothing at the end when all went well");
    verb->add_flag("--json", replay_.letters.json, "print the report as JSON to stdout");
    add_watching(*verb, replay_.log_format, replay_.metrics);
    verb->footer(
        footer("  datagen replay clean_corpus --dry-run\n  datagen replay clean_corpus --reason timeout "
               "--set score.timeout=120s"));
  }
  void add_plan() {
    CLI::App* check = app_.add_subcommand("check", "plan a graph, and read ten records through it");
    add_graph_options(*check, plan_);
    check->footer(footer(
        "  datagen check graph.yaml\n  datagen check --input raw.jsonl --stage clean_text --output -"));
    CLI::App* verb = app_.add_subcommand("plan", "show what would be run; nothing is started");
    add_graph_options(*verb, plan_);
    verb->add_flag("--dot", dot_, "as a Graphviz graph");
    verb->add_flag("--json", json_, "as JSON");
    verb->footer(
        footer("  datagen plan graph.yaml\n  datagen plan graph.yaml --dot | dot -Tsvg > graph.svg"));
  }
  void add_stages() {
    CLI::App* verb =
        app_.add_subcommand("stages", "list the stages that can be named, or tell one's parameters");
    verb->add_option("NAME", name_, "a stage's name, or the path of an executable");
    verb->add_flag("--json", json_, "as JSON");
    verb->footer(footer("  datagen stages\n  datagen stages split_text"));
  }

  void add_first_steps() {
    CLI::App* init =
        app_.add_subcommand("init", "a folder with a graph, 100 records and a README that work as they are");
    init->add_option(
            "TEMPLATE", name_,
            "clean: a stage that is there; exec: a program of your own; cpp: a stage of your own; llm: a "
            "language model")
        ->required();
    init->add_option("DIR", folder_, "the folder; made when it is not there")->required();
    init->footer(footer("  datagen init clean first\n  datagen init cpp words"));
    CLI::App* doctor =
        app_.add_subcommand("doctor", "what of this machine is too small for runs, and how to raise it");
    doctor->add_flag("--json", json_, "as JSON");
    doctor->footer(footer("  datagen doctor\n  datagen doctor --json"));
    CLI::App* schema = app_.add_subcommand("schema", "the JSON Schema of the graph file, for editors");
    schema->footer(footer("  datagen schema > datagen.schema.json\n  datagen schema | jq .properties"));
    CLI::App* completion =
        app_.add_subcommand("completion", "a script that completes verbs, options and runs in a shell");
    completion->add_option("SHELL", name_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->footer(footer("  source <(datagen completion bash)\n  datagen completion fish | source"));
    CLI::App* manual = app_.add_subcommand("manual", "the manual page, as roff");
    manual->footer(footer("  datagen manual | man -l -\n  datagen manual > datagen.1"));
  }

  static int print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    return kComplete;
  }

  // The library's codes become ours, and what was mistyped gets a suggestion.
  int explain(const CLI::ParseError& error, int argc, char** argv) {
    if (error.get_exit_code() == 0) return app_.exit(error);
    std::string near;
    std::vector<std::string> known;
    const auto subcommands = app_.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* verb : subcommands) known.push_back(verb->get_name());
    if (argc > 1 && argv[1][0] != '-' && app_.get_subcommands().empty()) {
      complain(
          fmt::format("there is no verb '{}'{} (all: datagen --help)", argv[1], suggestion(argv[1], known)));
      return kUsage;
    }
    const CLI::App* verb = app_.get_subcommands().empty() ? &app_ : app_.get_subcommands().front();
    known.clear();
    for (const CLI::Option* option : verb->get_options()) known.push_back(option->get_name(false, true));
    for (int index = 1; index < argc; ++index) {
      const std::string word = std::string(argv[index]).substr(0, std::string(argv[index]).find('='));
      if (!word.starts_with("--") || std::ranges::find(known, word) != known.end()) continue;
      complain(fmt::format("there is no option {}{} (all: {} --help)", word, suggestion(word, known),
                           verb == &app_ ? "datagen" : "datagen " + verb->get_name()));
      return kUsage;
    }
    complain(fmt::format("{} (see {} --help)", error.what(),
                         verb == &app_ ? "datagen" : "datagen " + verb->get_name()));
    return kUsage;
  }

  CLI::App app_;
  RunArguments run_;
  GraphArguments plan_;
  ResumeArguments resume_;
  TopArguments top_;
  DeadLettersArguments dead_letters_;
  ReplayArguments replay_;
  std::string name_, id_, folder_;
  bool gdb_ = false;
  bool dot_ = false;
  bool json_ = false;
};

}  // namespace

}  // namespace datagen::launcher

int main(int argc, char** argv) {
  datagen::launcher::prepare_to_spawn();
  try {
    return datagen::launcher::CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    datagen::launcher::complain(std::string("internal error: ") + error.what());
    return datagen::launcher::kInternalError;
  }
}
