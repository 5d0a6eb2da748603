// How many frames a ring holds and how large they may be, where the user does not say.
#pragma once

#include "launcher/plan.h"

namespace datagen::launcher {

// Sets `slots` and `block_bytes` of every edge, by the plan's settings, its workers and its inputs. All edges
// get the same blocks, as a frame that outgrows one costs a segment of its own.
void fit_rings(Plan& plan);

}  // namespace datagen::launcher
