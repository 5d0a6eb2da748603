// How the launcher and a worker that stands by talk: over a socket of packets, which is the latter's stdin.
//
// The launcher asks for successors, a word each. Who stands by forks them and passes on, of each, its process
// id and a socket on which it is told to begin. One that was not passed on, or that nobody can tell any more,
// reads the end of that socket and ends: no worker begins that the launcher does not know.
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>

namespace datagen::ipc {

// An end of a connection, closed with this object.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();

  // Both ends; without a descriptor (fd() < 0) where there is none to be had.
  static std::pair<Socket, Socket> pair();

  int fd() const { return fd_; }

 private:
  int fd_;
};

struct Successor {
  pid_t pid = -1;
  Socket begin;
};

// One word. False: nobody hears it. Neither waits, nor raises SIGPIPE.
bool tell(int socket);
// Waits for a word. False: there will be none.
bool hear(int socket);

// Of who stands by. False: nobody hears it.
bool pass_on(int socket, const Successor& successor);
// Of the launcher: what was passed on, if anything was. Does not wait.
std::optional<Successor> take_passed_on(int socket);

}  // namespace datagen::ipc
