// A worker that stands by: linked and not yet begun, it is forked for each successor that the launcher wants.
// That costs a fifth of a new process, most of which is the dynamic linker.
//
// It is forked before any constructor of its executable has run: what static objects of a user's code hold,
// such as a seed or a connection, each successor makes for itself. Only those of shared libraries are common
// to all. One that has threads by then is not forked; the launcher starts workers anew instead.
#pragma once

#include "ipc/result.h"

namespace datagen {

// Of a successor, which has written nothing of the run before; its stdin is /dev/null afterwards.
// Error: the launcher is gone, or does not want it.
Result<void> wait_to_begin();

}  // namespace datagen
