#include "tools/ring_top.h"

#include <string>
#include <utility>

#include "launcher/screen.h"
#include "launcher/show_state.h"

namespace datagen::tools {

int top(RunView& view, const TopOptions& options) {
  std::optional<launcher::RunState> earlier;
  const auto look = [&] {
    refresh(view);
    launcher::RunState state = look_at(view, options.edge);
    std::string text = show_table(view, state, earlier ? &*earlier : nullptr);
    earlier = std::move(state);
    return text;
  };
  return launcher::show_live(look, options.interval, options.count);
}

}  // namespace datagen::tools
