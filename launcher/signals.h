// The signals that end a run, as a descriptor that an event loop waits for.
#pragma once

namespace datagen::launcher {

// Signals that end a run arrive here instead of at the process, from the object's making on.
class Signals {
 public:
  Signals();
  ~Signals();
  int fd() const { return fd_; }
  // The next signal that arrived, or 0.
  int take() const;

 private:
  int fd_ = -1;
};

}  // namespace datagen::launcher
