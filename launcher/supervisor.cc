#include "launcher/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "ipc/worker_exit.h"

namespace datagen::launcher {

using Kind = Action::Kind;

Supervisor::Supervisor(std::vector<StageInfo> stages, Options options)
    : stages_(std::move(stages)), options_(options), states_(stages_.size()) {
  for (const StageInfo& stage : stages_)
    workers_.resize(std::max<std::size_t>(workers_.size(), stage.first_cell + stage.workers), Worker::absent);
}

std::size_t Supervisor::stage_of(std::uint32_t cell) const {
  const auto found = std::ranges::find_if(stages_, [&](const StageInfo& stage) {
    return cell >= stage.first_cell && cell < stage.first_cell + stage.workers;
  });
  return static_cast<std::size_t>(found - stages_.begin());
}

bool Supervisor::is_any_alive() const { return std::ranges::find(workers_, Worker::alive) != workers_.end(); }

std::vector<Action> Supervisor::start(const std::vector<bool>& done) {
  phase_ = Phase::running;
  ++epochs_;
  std::vector<Action> actions;
  for (std::uint32_t cell = 0; cell < workers_.size(); ++cell) {
    const bool is_done = !done.empty() && done[stage_of(cell)];
    workers_[cell] = is_done ? Worker::finished : Worker::alive;
    if (is_done) continue;
    actions.push_back({Kind::spawn, cell});
  }
  return actions;
}

std::vector<Action> Supervisor::on_exit(std::uint32_t cell, const Ending& ending, Time now) {
  workers_[cell] = ending.finished ? Worker::finished : Worker::absent;
  if (phase_ != Phase::running) return is_any_alive() ? std::vector<Action>{} : after_last();
  if (!ending.finished) return on_death(cell, ending, now);
  const bool all_finished =
      std::ranges::all_of(workers_, [](Worker worker) { return worker == Worker::finished; });
  return all_finished ? after_last() : std::vector<Action>{};
}

// Nobody lives any more.
std::vector<Action> Supervisor::after_last() {
  if (phase_ == Phase::replacing) {
    phase_ = Phase::idle;
    return {{Kind::begin_epoch}};
  }
  phase_ = Phase::ended;
  return {{Kind::end}};
}

std::vector<Action> Supervisor::on_death(std::uint32_t cell, const Ending& ending, Time now) {
  const std::size_t index = stage_of(cell);
  const StageInfo& stage = stages_[index];
  // What an operator did to its process says nothing about the stage as a whole.
  const bool gave_up = ending.gave_up && !ending.signalled && !ending.is_attributed;
  if (gave_up && (ending.code == kWorkerCannotStart || ending.code == kWorkerStop))
    return fail(cell, ending.message, now);
  if (gave_up && ending.code == kWorkerAtLimit)
    return on_stop({Verdict::Kind::stopped, 0, stage.id, ending.message}, now);
  StageState& state = states_[index];
  ++state.restarts;
  if (is_too_often(state, ending, now)) {
    const std::string last =
        ending.message.empty() ? describe_ending(ending) : describe_ending(ending) + ": " + ending.message;
    return fail(cell,
                fmt::format("died {} times in {} s without progress; last: {}", options_.deaths_max,
                            options_.window.count(), last),
                now);
  }
  // Killed when it had given up already: why is not known, and its successor in place must not try again what
  // failed (a sync whose error was told once).
  const bool was_killed_giving_up = ending.gave_up && ending.signalled;
  const bool asks_for_epoch =
      was_killed_giving_up ||
      (gave_up && (ending.code == kWorkerDamagedRing || ending.code == kWorkerNeedsEpoch));
  if (stage.restarts_in_place && ending.rings_are_sound && !asks_for_epoch) {
    workers_[cell] = Worker::alive;
    return {{Kind::spawn, cell}};
  }
  phase_ = Phase::replacing;
  killed_ = true;
  return is_any_alive() ? std::vector<Action>{{Kind::kill_all}} : after_last();
}

bool Supervisor::is_too_often(StageState& state, const Ending& ending, Time now) const {
  if (ending.is_attributed) return false;
  if (ending.progress > state.progress) state.deaths.clear();
  state.progress = std::max(state.progress, ending.progress);
  state.deaths.push_back(now);
  while (now - state.deaths.front() > options_.window) state.deaths.pop_front();
  return state.deaths.size() >= options_.deaths_max;
}

std::vector<Action> Supervisor::fail(std::uint32_t cell, const std::string& message, Time now) {
  const StageInfo& stage = stages_[stage_of(cell)];
  return on_stop({Verdict::Kind::failed, 0, stage.id, message, cell - stage.first_cell}, now);
}

std::vector<Action> Supervisor::on_spawn_failed(std::uint32_t cell, const std::string& message, Time now) {
  workers_[cell] = Worker::absent;
  return fail(cell, message, now);
}

std::vector<Action> Supervisor::on_stop(const Verdict& why, Time now) {
  if (phase_ == Phase::ended) return {};
  if (phase_ == Phase::stopping) {  // asked twice: at once
    if (killed_ || !is_any_alive()) return {};
    killed_ = true;
    return {{Kind::kill_all}};
  }
  verdict_ = why;
  const bool was_killed = phase_ == Phase::replacing;
  phase_ = Phase::stopping;
  if (!is_any_alive()) return after_last();
  if (was_killed) return {};
  killed_ = false;
  kill_at_ = now + options_.grace;
  return {{Kind::cancel_all}};
}

std::vector<Action> Supervisor::on_tick(Time now) {
  if (phase_ != Phase::stopping || killed_ || now < kill_at_) return {};
  killed_ = true;
  return {{Kind::kill_all}};
}

const char* name_of(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::complete:
      return "complete";
    case Verdict::Kind::failed:
      return "failed";
    case Verdict::Kind::stopped:
      return "stopped";
  }
  return "?";
}

std::string describe_ending(const Ending& ending) {
  if (!ending.signalled) return fmt::format("ended with exit code {}", ending.code);
  const char* name = sigabbrev_np(ending.code);
  return name != nullptr ? fmt::format("was ended by SIG{}", name)
                         : fmt::format("was ended by signal {}", ending.code);
}

}  // namespace datagen::launcher
