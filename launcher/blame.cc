#include "launcher/blame.h"

#include <algorithm>
#include <csignal>

namespace datagen::launcher {

using ipc::Begun;
using ipc::Directive;

namespace {

constexpr std::uint64_t kAllRecords = ~std::uint64_t{0};

Directive run_alone(std::uint32_t stage, std::uint64_t frame, std::uint64_t begin, std::uint64_t end) {
  return {Directive::Kind::alone, stage, frame, begin, end, 0};
}

}  // namespace

bool is_crash_signal(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGSYS:
    case SIGTRAP:
    case SIGALRM:  // the crash handler did not come to its end
    case SIGPIPE:
    case SIGXCPU:
    case SIGXFSZ:
      return true;
    default:
      return false;
  }
}

const char* reason_of(Death::Cause cause) {
  switch (cause) {
    case Death::Cause::timeout:
      return "timeout";
    case Death::Cause::out_of_memory:
      return "out_of_memory";
    default:
      return "crash";
  }
}

bool Blame::give(Judgement& judgement, const Directive& directive) {
  if (std::ranges::find(given_, directive) != given_.end()) return false;
  given_.push_back(directive);
  judgement.directives.push_back(directive);
  return true;
}

Judgement Blame::judge(const Death& death, int crash_attempts) {
  if (death.cause == Death::Cause::foreign_kill || death.cause == Death::Cause::own_kill) return {};
  if (death.suspects.empty()) return {};  // between two records: no record's doing
  if (death.suspects.size() > 1) return judge_threads(death);
  const Begun& suspect = death.suspects.front();
  return suspect.count > 1 ? judge_batch(death, suspect) : judge_record(death, suspect, crash_attempts);
}

Judgement Blame::judge_record(const Death& death, const Begun& suspect, int crash_attempts) {
  Record& record = records_[{death.stage, suspect.row, suspect.path_hash}];
  record.frame = suspect.frame;
  if (!record.number) {
    ++record.attempts;
    if (record.attempts < crash_attempts) {
      Judgement again{true, {}, {}};
      // Not where records are seen in order.
      if (death.keeps_frames)
        give(again, {Directive::Kind::first, death.stage, suspect.frame, suspect.record, 0, 0});
      return again;
    }
    record.number = next_number_++;
    careful_.erase(death.stage);
    const Directive skip{Directive::Kind::skip, death.stage,       suspect.frame,
                         suspect.row,           suspect.path_hash, *record.number};
    return {true,
            {skip},
            GivenUp{*record.number, death.stage, suspect.row, suspect.path_hash, suspect.frame,
                    suspect.record, record.attempts}};
  }
  // It was to be skipped, and ran all the same: something else is wrong, which restart intensity has to end.
  return {
      false,
      {{Directive::Kind::skip, death.stage, suspect.frame, suspect.row, suspect.path_hash, *record.number}},
      {}};
}

Judgement Blame::judge_batch(const Death& death, const Begun& suspect) {
  Judgement judgement;
  if (!death.keeps_frames) {
    judgement.is_attributed = careful_.insert_or_assign(death.stage, suspect.frame).second;
    return judgement;  // it takes effect with the new epoch
  }
  // The end may be any number when a wild write hit the entry; then it is cut at the largest one.
  const std::uint64_t end = suspect.record + std::min(suspect.count, kAllRecords - suspect.record);
  const std::uint64_t middle = suspect.record + (end - suspect.record) / 2;
  judgement.is_attributed =
      give(judgement, {Directive::Kind::split, death.stage, suspect.frame, suspect.record, middle, end});
  return judgement;
}

// Each record is run alone that was not yet. Neighbours share a directive: threads take records in order.
Judgement Blame::judge_threads(const Death& death) {
  Judgement judgement;
  const std::uint64_t frame = death.suspects.front().frame;
  std::vector<std::uint64_t> indices;
  for (const Begun& suspect : death.suspects) {
    const bool was_alone = std::ranges::any_of(given_, [&](const Directive& directive) {
      return directive.kind == Directive::Kind::alone && directive.stage == death.stage &&
             directive.frame == frame && directive.first <= suspect.record &&
             suspect.record < directive.second;
    });
    if (suspect.frame == frame && suspect.record != kAllRecords && !was_alone)
      indices.push_back(suspect.record);
  }
  std::ranges::sort(indices);
  for (std::size_t begin = 0, end = 0; begin < indices.size(); begin = end) {
    for (end = begin + 1; end < indices.size() && indices[end] <= indices[end - 1] + 1;) ++end;
    if (give(judgement, run_alone(death.stage, frame, indices[begin], indices[end - 1] + 1)))
      judgement.is_attributed = true;
  }
  return judgement;
}

std::vector<Directive> Blame::new_epoch() {
  given_.clear();
  std::vector<Directive> directives;
  for (const auto& [stage, frame] : careful_)
    directives.push_back(run_alone(stage, Directive::kAnyFrame, 0, kAllRecords));
  for (auto& [identity, record] : records_) {
    record.frame = Directive::kAnyFrame;
    const auto& [stage, row, path_hash] = identity;
    if (record.number)
      directives.push_back(
          {Directive::Kind::skip, stage, Directive::kAnyFrame, row, path_hash, *record.number});
  }
  return directives;
}

void Blame::retire(std::uint64_t seq, const std::function<bool(std::uint32_t stage)>& is_meant) {
  std::erase_if(
      given_, [&](const Directive& directive) { return directive.frame < seq && is_meant(directive.stage); });
  std::erase_if(records_, [&](const auto& entry) {
    return entry.second.frame < seq && is_meant(std::get<0>(entry.first));
  });
  // A new epoch may cut the same records into frames a little differently, hence one frame more.
  std::erase_if(careful_, [&](const auto& entry) { return entry.second + 1 < seq && is_meant(entry.first); });
}

int Blame::attempts(std::uint32_t stage, std::uint64_t row, std::uint64_t path_hash) const {
  const auto found = records_.find({stage, row, path_hash});
  return found == records_.end() ? 0 : found->second.attempts;
}

}  // namespace datagen::launcher
