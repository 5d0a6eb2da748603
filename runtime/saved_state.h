// What a stateful stage has in its memory, saved at commit marks: state/<stage>.<mark>, and a line in
// <stage>.done.
//
// Owner: the stage's only worker. Durable before the line that names it, and both before the marked frame is
// published, so a state that a commit names is always there. Two marks are kept: the newest may still be
// unknown to another committer.
#pragma once

#include <cstdint>
#include <string>

#include "commit_log.h"
#include "datagen/stage.h"
#include "ipc/control.h"
#include "weld.h"

namespace datagen {

class SavedState {
 public:
  SavedState(const Weld& weld, ipc::Cell& cell);

  // Gives the operator the state of the mark that this generation begins with. Errors: it is not there.
  // Removes those of other marks.
  Result<void> load(Operator& stage_operator);
  // Behind the frame `seq`, which carries the mark.
  Result<void> save(const Operator& stage_operator, std::uint64_t mark, std::uint64_t seq);
  // The stream has ended before frame `seq`.
  Result<void> seal(std::uint64_t seq);

 private:
  std::string path_of(std::uint64_t mark) const;
  void remove_others() const;
  const Weld& weld_;
  ipc::Cell& cell_;
  CommitLog log_;
  std::uint64_t newest_ = 0, before_ = 0;  // marks that are kept
};

}  // namespace datagen
