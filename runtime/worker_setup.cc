#include "worker_setup.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "crash_handler.h"
#include "ipc/clock.h"
#include "ipc/recovery.h"
#include "paid_work.h"
#include "run_files.h"
#include "stand_by.h"
#include "suspicions.h"

namespace datagen {

namespace {

// Field 22 of /proc/self/stat; 0 when it cannot be read. The second field may hold blanks and brackets.
std::uint64_t start_ticks() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream fields(text.substr(bracket + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t ticks = 0;
  fields >> ticks;
  return ticks;
}

Result<std::vector<ipc::Edge>> attach_edges(const Weld& weld, std::uint32_t epoch,
                                            const std::vector<Weld::EdgePlan>& plans, ipc::Ring::Role role) {
  std::vector<ipc::Edge> edges;
  for (const Weld::EdgePlan& plan : plans) {
    DATAGEN_TRY(auto ring, ipc::Ring::attach(ipc::ring_name(weld.run_id, epoch, plan.index), plan.geometry,
                                             epoch, role));
    edges.push_back({std::move(ring), plan.peers});
  }
  return edges;
}

}  // namespace

Result<std::unique_ptr<WorkerSetup>> WorkerSetup::attach(const WorkerOptions& options,
                                                         const Parameters& declared,
                                                         ipc::Ports::Order order) {
  // The launcher's death is a SIGKILL to this process (PR_SET_PDEATHSIG); if it died before that was set,
  // the parent is another one by now.
  if (options.launcher_pid != 0 && getppid() != options.launcher_pid) return Error("the launcher is gone");
  std::unique_ptr<WorkerSetup> setup(new WorkerSetup);
  DATAGEN_TRY(setup->weld_, Weld::load(options.run_directory, options.stage, declared));
  const Weld& weld = setup->weld_;
  if (options.index >= weld.cells.count)
    return Error("stage '" + weld.stage + "' has no worker " + std::to_string(options.index));
  DATAGEN_TRY(auto control,
              ipc::Control::attach(ipc::control_name(weld.run_id, options.epoch), ipc::Access::read_write));
  DATAGEN_TRY(auto in, attach_edges(weld, options.epoch, weld.in, ipc::Ring::Role::consumer));
  DATAGEN_TRY(auto out, attach_edges(weld, options.epoch, weld.out, ipc::Ring::Role::producer));
  const std::uint64_t started = start_ticks();
  if (options.stands_by) DATAGEN_TRY(wait_to_begin());
  const std::uint64_t first_seq = !in.empty()    ? in.front().ring.first_seq()
                                  : !out.empty() ? out.front().ring.first_seq()
                                                 : 0;
  const bool takes_whole_frames = weld.is_batch && weld.runner.batch_size == 0;
  setup->pace_.emplace(takes_whole_frames
                           ? 0
                           : std::max(weld.runner.batch_size, static_cast<std::size_t>(weld.runner.threads)),
                       weld.is_batch, static_cast<std::size_t>(weld.frames));
  const std::uint32_t cell = weld.cells.first + options.index;
  if (cell >= control.size()) return Error("the control segment has too few cells");
  setup->ports_.emplace(std::move(in), std::move(out), std::move(control), cell, weld.cells, order, first_seq,
                        ipc::OverflowPolicy{weld.run_directory + "/overflow", weld.overflow_bytes},
                        weld.checksums);
  const auto threads = static_cast<std::uint32_t>(weld.frames * weld.runner.threads);
  if (threads > setup->ports_->control().in_flight_per_cell())
    return Error("the control segment has too few entries for " + std::to_string(threads) + " threads");
  setup->in_flight_ = {&setup->ports_->control().in_flight(cell, 0), threads};
  setup->context_ =
      std::make_unique<detail::ContextState>(weld.stage, static_cast<int>(options.index), weld.parameters);
  detail::PaidWork& paid_work = *setup->context_->paid_work;
  paid_work.ledger_place = {ledger_folder(weld.run_directory),
                            {weld.stage, static_cast<int>(options.index), weld.generation},
                            weld.earlier_ledgers,
                            {},
                            {},
                            {}};
  paid_work.limits_place = {limits_folder(weld.run_directory), {},   ledger_folder(weld.run_directory),
                            paid_work.ledger_place.owner,      cell, setup->ports_->control().size()};
  // A thread that waits for frames hears it as it hears the launcher.
  paid_work.on_give_up = [ports = &*setup->ports_, cell] {
    ports->cell().cancel.store(1, std::memory_order_relaxed);
    ipc::rouse(ports->control(), {cell, 1});
  };
  ipc::Cell& own = setup->ports_->cell();
  setup->context_->cancel = &own.cancel;
  setup->context_->show_progress = show_progress;
  own.start_ticks.store(started, std::memory_order_relaxed);
  own.pid.store(static_cast<std::uint32_t>(getpid()), std::memory_order_relaxed);
  own.state.store(ipc::WorkerState::running, std::memory_order_relaxed);
  return setup;
}

std::uint64_t WorkerSetup::show_frame(std::uint64_t seq) {
  ipc::Cell& cell = ports_->cell();
  cell.current_frame.store(seq, std::memory_order_relaxed);
  const std::uint64_t now = ipc::monotonic_ns();
  cell.heartbeat_ns.store(now, std::memory_order_relaxed);
  return now;
}

void WorkerSetup::show_cost(std::uint64_t began_ns, std::uint64_t rows, std::size_t records) {
  const std::lock_guard lock(counting_);
  pace_->note(ports_->cell(), ipc::monotonic_ns() - began_ns, rows, records);
}

namespace {
thread_local ipc::InFlight* entry_of_this_thread = nullptr;
}

void WorkerSetup::show_progress(std::int64_t done, std::int64_t total) {
  if (entry_of_this_thread == nullptr) return;
  entry_of_this_thread->done.store(static_cast<std::uint64_t>(done), std::memory_order_relaxed);
  entry_of_this_thread->total.store(static_cast<std::uint64_t>(total), std::memory_order_relaxed);
}

void WorkerSetup::show_record(int thread, std::uint64_t frame, std::size_t first, std::size_t count,
                              const RecordView* record) {
  ipc::InFlight& entry = in_flight_[static_cast<std::size_t>(thread)];
  entry.frame.store(ipc::InFlight::kNothing, std::memory_order_relaxed);
  if (record == nullptr) return;
  if (entry_of_this_thread != &entry) {
    entry_of_this_thread = &entry;
    name_record_in_crash(entry);
  }
  std::atomic_thread_fence(std::memory_order_release);  // never the new record's words under the old frame
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  entry.record.store(first, std::memory_order_relaxed);
  entry.count.store(count, std::memory_order_relaxed);
  entry.started_ns.store(
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec),
      std::memory_order_relaxed);
  entry.row.store(record->origin.row, std::memory_order_relaxed);
  entry.path_hash.store(path_hash(record->path), std::memory_order_relaxed);
  entry.done.store(0, std::memory_order_relaxed);
  entry.total.store(0, std::memory_order_relaxed);
  entry.frame.store(frame, std::memory_order_release);
}

void WorkerSetup::show_idle() {
  for (int thread = 0; thread < weld_.frames * weld_.runner.threads; ++thread)
    show_record(thread, 0, 0, 0, nullptr);
}

void WorkerSetup::show_totals(const StageNotes& notes, std::size_t bytes_in, std::size_t bytes_out) {
  ipc::Counters& counters = ports_->cell().counters;
  const std::lock_guard lock(counting_);
  const auto add = [](ipc::AtomicWord& word, std::uint64_t amount) {
    word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  };
  add(counters.records_in, notes.counts.in);
  add(counters.records_out, notes.counts.out);
  add(counters.dropped, notes.counts.dropped);
  add(counters.dead, notes.counts.dead);
  add(counters.errors, notes.errors);
  add(counters.retries, notes.retries);
  add(counters.bytes_in, bytes_in);
  add(counters.bytes_out, bytes_out);
  for (const auto& [model, usage] : paid_by_model(notes.usage)) {
    add(counters.prompt_tokens, usage.prompt_tokens);
    add(counters.completion_tokens, usage.completion_tokens);
    add(counters.cost_nano, static_cast<std::uint64_t>(std::max<std::int64_t>(0, usage.cost_nano)));
  }
}

int WorkerSetup::fail(int code, const std::string& message) {
  ports_->cell().gave_up.store(1, std::memory_order_release);
  return fail_worker(weld_.stage, code, message);
}

Result<void> publish(ipc::Ports& ports, std::uint64_t seq, FrameWriter& writer,
                     std::span<const std::byte> frame) {
  const auto begun = writer.checksum().value_or(ipc::FrameChecksum(seq));
  return ports.publish(seq, frame, ports.outputs() == 1 ? frame : writer.copy_without_side(), begun);
}

int fail_worker(const std::string& stage, int code, const std::string& message) {
  std::fprintf(stderr, "stage '%s': %s\n", stage.c_str(), message.c_str());
  return code;
}

}  // namespace datagen
