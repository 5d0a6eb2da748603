// datagen top: a run as it runs, from another terminal.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "launcher/commands.h"
#include "launcher/report.h"
#include "launcher/run_view.h"
#include "launcher/screen.h"
#include "launcher/top_text.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

constexpr std::int64_t kIntervalMsMin = 100, kIntervalMsMax = 3'600'000;
constexpr int kOnceMs = 500;  // between the two looks of --once: what rates are measured over

}  // namespace

int top_command(const TopArguments& arguments) {
  const auto interval = parse_duration(arguments.interval);
  if (!interval) return refuse(interval.error().within("--interval"));
  if (interval.value() < kIntervalMsMin || interval.value() > kIntervalMsMax)
    return refuse("--interval: from 100ms to 1h");
  auto opened = open_run(arguments.run, std::filesystem::current_path());
  if (!opened) return refuse(opened.error());
  RunView& view = opened.value();
  UsageBooks books(view.directory, view.plan());
  std::optional<RunState> earlier;
  if (arguments.once || arguments.json) {
    earlier = look_at(view, std::nullopt);
    if (earlier->launcher_alive) poll(nullptr, 0, kOnceMs);
    refresh(view);
    const RunState state = look_at(view, std::nullopt);
    books.look();
    const std::string text =
        arguments.json ? top_json(view, state, &*earlier, books) : top_text(view, state, &*earlier, books);
    std::fputs(text.c_str(), stdout);
    return kComplete;
  }
  const auto look = [&] {
    refresh(view);
    RunState state = look_at(view, std::nullopt);
    books.look();
    std::string text = top_text(view, state, earlier ? &*earlier : nullptr, books);
    earlier = std::move(state);
    return text;
  };
  return show_live(look, std::chrono::milliseconds(interval.value()), 0);
}

}  // namespace datagen::launcher
