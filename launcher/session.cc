#include "launcher/session.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <utility>

#include "ipc/recovery.h"
#include "ipc/worker_exit.h"
#include "launcher/counters.h"
#include "launcher/crash_details.h"
#include "launcher/generation.h"
#include "launcher/memory_group.h"
#include "runtime/run_files.h"

namespace datagen::launcher {

namespace {

// Of commits, time-outs and the display. An idle launcher wakes 20 times a second and does next to nothing.
constexpr long kTickNs = 50'000'000;
constexpr std::chrono::seconds kPaidGrace{30};
constexpr std::uint64_t kSignalEvent = ~std::uint64_t{0};
constexpr std::uint64_t kTimerEvent = kSignalEvent - 1;

Time now() { return std::chrono::steady_clock::now(); }

std::uint64_t monotonic_ns() { return static_cast<std::uint64_t>(now().time_since_epoch().count()); }

std::vector<Supervisor::StageInfo> stage_infos(const Plan& plan) {
  std::vector<Supervisor::StageInfo> infos;
  for (const PlannedStage& stage : plan.stages)
    infos.push_back({stage.id, stage.first_cell, stage.workers(), !stage.stateful});
  return infos;
}

void watch(int epoll, int fd, std::uint64_t event) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u64 = event;
  DATAGEN_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0, "epoll_ctl: %d", errno);
}

}  // namespace

Session::Session(const RunDirectory& directory, RuntimeFile& runtime, const Signals& signals, Watch& eye,
                 RunEvents& events)
    : directory_(directory),
      runtime_(runtime),
      signals_(signals),
      watch_(eye),
      progress_(eye.progress()),
      events_(events),
      supervisor_(stage_infos(runtime.plan), Supervisor::Options{}),
      workers_(runtime.plan.cells()) {
  for (std::uint32_t stage = 0; stage < runtime_.plan.stages.size(); ++stage) {
    const PlannedStage& planned = runtime_.plan.stages[stage];
    for (std::uint32_t index = 0; index < planned.workers(); ++index) {
      workers_[planned.first_cell + index].stage = stage;
      workers_[planned.first_cell + index].index = index;
    }
  }
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const itimerspec interval{{0, kTickNs}, {0, kTickNs}};
  timerfd_settime(timer_, 0, &interval, nullptr);
  watch(epoll_, signals_.fd(), kSignalEvent);
  watch(epoll_, timer_, kTimerEvent);
}

Session::~Session() {
  workers_.clear();  // kills and reaps what is left, before the rings go
  close(timer_);
  close(epoll_);
}

std::size_t Session::restarts() const {
  std::size_t count = 0;
  for (std::size_t stage = 0; stage < runtime_.plan.stages.size(); ++stage)
    count += supervisor_.restarts(stage);
  return count;
}

Result<Verdict> Session::run() {
  running_time_.tick(monotonic_ns());  // a stop before the first tick is lost time too
  DATAGEN_TRY(begin_epoch());
  events_.graph_start(false);
  DATAGEN_TRY(carry_out(supervisor_.start(sealed_stages())));
  while (!is_over_) {
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, -1);
    if (count < 0 && errno != EINTR) return Error::from_errno("cannot wait for the workers", errno);
    for (int index = 0; index < count && !is_over_; ++index) {
      const std::uint64_t event = events[index].data.u64;
      if (event == kSignalEvent) {
        while (const int number = signals_.take()) DATAGEN_TRY(carry_out(on_signal(number)));
      } else if (event == kTimerEvent) {
        std::uint64_t expirations = 0;
        if (read(timer_, &expirations, sizeof expirations) > 0) DATAGEN_TRY(carry_out(tick()));
      } else {
        DATAGEN_TRY(carry_out(reap(static_cast<std::uint32_t>(event))));
      }
    }
  }
  watch_.finish(epoch_->number());
  return supervisor_.verdict();
}

Result<void> Session::begin_epoch() {
  for (Worker& worker : workers_) worker.successors.reset();  // they stand by for the old epoch
  epoch_.reset();  // its rings are removed before the new ones need their room
  DATAGEN_TRY(epoch_, Epoch::create(runtime_, directory_.path()));
  for (std::uint32_t part = 0; part < runtime_.plan.parts(); ++part) begin_part(part);
  for (const ipc::Directive& directive : blame_.new_epoch())
    DATAGEN_TRY(ipc::write_directive(epoch_->control().quarantine(), directive));
  return success();
}

void Session::begin_part(std::uint32_t part) {
  const PartStart start = runtime_.start_of(part);
  if (start.is_sealed) checkpoint_of(part).store(ipc::kEndMark, std::memory_order_release);
  if (!start.resume) return;
  checkpoint_of(part).store(start.resume->mark, std::memory_order_release);
  retire(part, start.resume->seq);
}

// Its word in shared memory; this process alone writes it.
std::atomic<std::uint64_t>& Session::checkpoint_of(std::uint32_t part) const {
  return epoch_->control().cell(runtime_.plan.source_of(part).first_cell).checkpoint_mark;
}

// Frames of the part below `seq` are committed: nobody works on them again.
void Session::retire(std::uint32_t part, std::uint64_t seq) {
  blame_.retire(seq, [&](std::uint32_t stage) { return runtime_.plan.stages[stage].part == part; });
}

std::vector<bool> Session::sealed_stages() const {
  std::vector<bool> sealed;
  for (const PlannedStage& stage : runtime_.plan.stages)
    sealed.push_back(runtime_.start_of(stage.part).is_sealed);
  return sealed;
}

Result<void> Session::carry_out(std::vector<Action> actions) {
  if (supervisor_.verdict().kind != Verdict::Kind::complete) events_.run_stop(supervisor_.verdict());
  while (!actions.empty()) {
    const Action action = actions.front();
    actions.erase(actions.begin());
    std::vector<Action> more;
    switch (action.kind) {
      case Action::Kind::spawn:
        more = spawn(action.cell);
        break;
      case Action::Kind::cancel_all:
        epoch_->cancel();
        break;
      case Action::Kind::kill_all:
        kill_all();
        break;
      case Action::Kind::begin_epoch:
        progress_.say(
            fmt::format("{}: starting the graph again from its last commit", runtime_.plan.pipeline));
        DATAGEN_TRY(begin_generation(directory_.path(), runtime_));
        DATAGEN_TRY(begin_epoch());
        events_.graph_start(true);
        more = supervisor_.start(sealed_stages());
        break;
      case Action::Kind::end:
        is_over_ = true;
        break;
    }
    actions.insert(actions.end(), more.begin(), more.end());
  }
  return success();
}

SpawnOptions Session::options_of(const Worker& worker) const {
  const PlannedStage& stage = runtime_.plan.stages[worker.stage];
  SpawnOptions options;
  options.log_path = directory_.log_path(stage.id, worker.index);
  options.memory_limit_bytes = static_cast<std::uint64_t>(stage.running.memory_limit_bytes);
  options.memory_group = fmt::format("datagen.{}.{}.{}", runtime_.run_id, stage.id, worker.index);
  options.argv = {stage.executable,
                  "--worker",
                  directory_.path(),
                  "--stage",
                  stage.id,
                  "--index",
                  std::to_string(worker.index),
                  "--epoch",
                  fmt::format("{:08x}", epoch_->number()),
                  "--launcher",
                  std::to_string(getpid())};
  return options;
}

std::vector<Action> Session::spawn(std::uint32_t cell) {
  Worker& worker = workers_[cell];
  worker.log_bytes = file_bytes(directory_.log_path(runtime_.plan.stages[worker.stage].id, worker.index));
  worker.was_killed_here = false;
  worker.overdue.clear();
  ipc::clear_in_flight(epoch_->control(), cell);
  worker.process = worker.successors ? worker.successors->begin_one() : nullptr;
  if (!worker.process) {
    auto process = Process::spawn(options_of(worker));
    if (!process) return supervisor_.on_spawn_failed(cell, process.error().message(), now());
    worker.process = std::make_unique<Process>(std::move(process).value());
  }
  watch(epoll_, worker.process->fd(), cell);
  if (worker.death_epoch != supervisor_.epochs()) return {};
  events_.worker_restart(runtime_.plan.stages[worker.stage], worker.index, worker.process->pid());
  // Starts beside a record that is tried again would only slow it down.
  if (!worker.tries_again || !worker.successors || !worker.successors->are_expected())
    prepare_successors(worker);
  return {};
}

// As many as one bad record takes, before it is given up.
void Session::prepare_successors(Worker& worker) const {
  constexpr std::int64_t kMost = 3;
  const PlannedStage& stage = runtime_.plan.stages[worker.stage];
  const std::int64_t wanted =
      stage.kind == StageKind::stage ? std::min(kMost, stage.running.crash_attempts) : 1;
  SpawnOptions options = options_of(worker);
  options.argv.insert(options.argv.begin() + 1, "--stand-by");
  if (!worker.successors) worker.successors = std::make_unique<Successors>();
  worker.successors->prepare(std::move(options), static_cast<std::size_t>(wanted));
}

bool Session::is_any_alive(const PlannedStage& stage) const {
  return std::any_of(workers_.begin() + stage.first_cell,
                     workers_.begin() + stage.first_cell + stage.workers(),
                     [](const Worker& worker) { return worker.process != nullptr; });
}

void Session::kill_all() {
  for (Worker& worker : workers_) {
    if (!worker.process) continue;
    worker.was_killed_here = true;
    worker.process->signal(SIGKILL);
  }
}

std::vector<Action> Session::reap(std::uint32_t cell) {
  Worker& worker = workers_[cell];
  const PlannedStage& stage = runtime_.plan.stages[worker.stage];
  const pid_t pid = worker.process->pid();
  const Process::Exit exit = worker.process->wait();
  watch_.note_end(worker.stage, exit.cpu_seconds, exit.peak_bytes);
  // Told, not left to the close: a child between vfork and exec may have a copy of it for a moment.
  epoll_ctl(epoll_, EPOLL_CTL_DEL, worker.process->fd(), nullptr);
  worker.process.reset();
  Ending ending;
  ending.signalled = exit.signalled;
  ending.code = exit.code;
  ending.was_out_of_memory = exit.oom_kills > 0;
  ending.was_killed_here = worker.was_killed_here;
  const ipc::Cell& words = epoch_->control().cell(cell);
  const ipc::WorkerState state = words.state.load(std::memory_order_acquire);
  // However it ended then: a crash in an operator's destructor undoes nothing.
  ending.finished = state == ipc::WorkerState::finished && epoch_->has_finished(stage);
  ending.gave_up = words.gave_up.load(std::memory_order_acquire) != 0 ||
                   (state == ipc::WorkerState::absent && !exit.signalled);
  ending.progress = epoch_->progress(stage);
  std::vector<Action> first;
  if (!ending.finished) {
    const WorkerLog log = read_worker_log(directory_.log_path(stage.id, worker.index), worker.log_bytes);
    first = investigate(cell, ending, log);
    ending.message = log.last_words();
    // So a worker names its stage in its log; here all messages do.
    if (const std::string own = fmt::format("stage '{}': ", stage.id); ending.message.starts_with(own))
      ending.message.erase(0, own.size());
    // Also while stopping: neighbours that still finish what they hold must not wait for the dead one.
    const auto recovered = epoch_->recover(stage, cell);
    ending.rings_are_sound = recovered.has_value();
    if (!recovered) ending.message = recovered.error().message();
  }
  if (supervisor_.is_running() && !ending.finished) {
    worker.death_epoch = supervisor_.epochs();
    progress_.say(fmt::format("{}: worker {} of stage '{}' {}{}", runtime_.plan.pipeline, worker.index,
                              stage.id,
                              ending.gave_up && !ending.signalled ? "gave up" : describe_ending(ending),
                              ending.message.empty() ? "" : " (" + ending.message + ")"));
  }
  if (!ending.finished) events_.worker_death(stage, worker.index, pid, ending);
  if (ending.finished && !is_any_alive(stage)) events_.stage_finish(stage);
  const std::size_t restarts = supervisor_.restarts(worker.stage);
  const std::vector<Action> then = supervisor_.on_exit(cell, ending, now());
  if (supervisor_.restarts(worker.stage) > restarts) watch_.note_restart(worker.stage);
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

namespace {

Death::Cause cause_of(const Ending& ending, bool is_overdue) {
  if (is_overdue) return Death::Cause::timeout;
  if (ending.was_killed_here) return Death::Cause::own_kill;
  if (ending.gave_up && ending.code == kWorkerOutOfMemory) return Death::Cause::out_of_memory;
  if (!ending.signalled) return Death::Cause::exit;
  if (is_crash_signal(ending.code)) return Death::Cause::crash;
  return Death::Cause::foreign_kill;
}

// A debugger holds it: it may take as long as it likes.
bool is_traced(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != std::string::npos;
  }
  return false;
}

}  // namespace

// For want of memory, since this was last asked. The kernel counts before the process is reaped. Another
// process may have been meant, which only matters if one was killed by hand as well.
bool Session::has_kernel_killed() {
  const std::uint64_t kills = oom_kills();
  return kills > std::exchange(oom_kills_, kills);
}

std::vector<Action> Session::investigate(std::uint32_t cell, Ending& ending, const WorkerLog& log) {
  Worker& worker = workers_[cell];
  worker.tries_again = false;
  const PlannedStage& stage = runtime_.plan.stages[worker.stage];
  if (stage.kind != StageKind::stage || !supervisor_.is_running()) return {};
  Death death;
  death.stage = worker.stage;
  death.keeps_frames = !stage.stateful;
  death.cause = cause_of(ending, !worker.overdue.empty());
  if (death.cause == Death::Cause::foreign_kill && ending.code == SIGKILL &&
      (ending.was_out_of_memory || has_kernel_killed()))
    death.cause = Death::Cause::out_of_memory;
  death.suspects = worker.overdue.empty() ? epoch_->control().begun(cell) : worker.overdue;
  if (death.suspects.empty()) return {};
  const Judgement judgement = blame_.judge(death, static_cast<int>(stage.running.crash_attempts));
  worker.tries_again = judgement.is_attributed && !judgement.given_up;
  ending.is_attributed = judgement.is_attributed;
  if (judgement.given_up) {
    const auto written =
        write_crash_details(directory_.path(), *judgement.given_up, death.cause, ending, log, symbols_);
    if (!written) progress_.say(written.error().message());
  }
  ipc::QuarantineTable& table = epoch_->control().quarantine();
  ipc::retire_directives(table, worker.stage, epoch_->progress(stage));
  for (const ipc::Directive& directive : judgement.directives) {
    const auto written = ipc::write_directive(table, directive);
    if (!written)
      return supervisor_.on_stop({Verdict::Kind::failed, 0, stage.id, written.error().message()}, now());
  }
  return {};
}

void Session::kill_overdue() {
  running_time_.tick(monotonic_ns());
  for (std::uint32_t cell = 0; cell < workers_.size(); ++cell) {
    Worker& worker = workers_[cell];
    const auto timeout =
        static_cast<std::uint64_t>(runtime_.plan.stages[worker.stage].running.timeout_ms) * 1'000'000;
    if (timeout == 0 || !worker.process || worker.was_killed_here) continue;
    std::vector<ipc::Begun> overdue = epoch_->control().begun(cell);
    std::erase_if(overdue,
                  [&](const ipc::Begun& begun) { return running_time_.since(begun.started_ns) < timeout; });
    if (overdue.empty() || is_traced(worker.process->pid())) continue;
    worker.overdue = std::move(overdue);
    worker.was_killed_here = true;
    worker.process->signal(SIGKILL);
  }
}

std::vector<Action> Session::tick() {
  std::vector<Action> actions = supervisor_.on_tick(now());
  events_.tick(epoch_->control(), restarts());
  if (!supervisor_.is_running()) return actions;
  for (std::uint32_t part = 0; part < runtime_.plan.parts(); ++part) advance_checkpoint(part);
  kill_overdue();
  // Calls that are on the wire are paid for: their answers are worth waiting for. A second signal kills.
  if (access(ledger_folder(directory_.path()).c_str(), F_OK) == 0) supervisor_.set_grace(kPaidGrace);
  watch_.tick(epoch_->number());
  rotate_logs();
  const std::vector<Action> limits = check_limits();
  actions.insert(actions.end(), limits.begin(), limits.end());
  return actions;
}

void Session::rotate_logs() {
  if (now() < logs_looked_at_ + std::chrono::seconds(1)) return;
  logs_looked_at_ = now();
  for (Worker& worker : workers_) {
    const std::string path = directory_.log_path(runtime_.plan.stages[worker.stage].id, worker.index);
    if (rotate_log(path, runtime_.plan.log_bytes)) worker.log_bytes = 0;
  }
}

// The newest mark that every committer of a part holds is its checkpoint; its source may then issue the next,
// and who follows its output may read so far.
void Session::advance_checkpoint(std::uint32_t part) {
  std::uint64_t held = ~std::uint64_t{0};
  std::uint64_t seq = ~std::uint64_t{0};
  for (const PlannedStage& stage : runtime_.plan.stages) {
    if (stage.part != part || !stage.commits()) continue;
    const ipc::Cell& cell = epoch_->control().cell(stage.first_cell);
    held = std::min(held, cell.committed_mark.load(std::memory_order_acquire));
    seq = std::min(seq, cell.committed_seq.load(std::memory_order_relaxed));
  }
  if (held <= checkpoint_of(part).load(std::memory_order_relaxed)) return;
  checkpoint_of(part).store(held, std::memory_order_release);
  retire(part, seq);
  if (held != ipc::kEndMark) events_.commit(part, held);
}

// The counters are for display and may count a redone frame twice; what is exact is judged at the end.
std::vector<Action> Session::check_limits() {
  constexpr std::uint64_t kRecordsMin = 1000;
  const Plan& plan = runtime_.plan;
  const ipc::Control& control = epoch_->control();
  const std::uint64_t read = sum_counter(control, plan.stages.front(), &ipc::Counters::records_in);
  std::uint64_t dead = 0;
  for (const PlannedStage& stage : plan.stages) dead += sum_counter(control, stage, &ipc::Counters::dead);
  if (read < kRecordsMin || !plan.max_dead_letters.is_exceeded(dead, read)) return {};
  return supervisor_.on_stop(
      {Verdict::Kind::stopped,
       0,
       {},
       fmt::format("{} of {} records were dead-lettered, more than max_dead_letters allows ({})",
                   show_count(dead), show_count(read), plan.max_dead_letters.show())},
      now());
}

std::vector<Action> Session::on_signal(int number) {
  progress_.clear();
  return supervisor_.on_stop({Verdict::Kind::stopped, number, {}, {}}, now());
}

}  // namespace datagen::launcher
