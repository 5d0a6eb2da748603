#include "ipc/succession.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace datagen::ipc {

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

std::pair<Socket, Socket> Socket::pair() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {Socket(), Socket()};
  return {Socket(ends[0]), Socket(ends[1])};
}

bool tell(int socket) {
  const char word = 1;
  return send(socket, &word, sizeof word, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof word;
}

bool hear(int socket) {
  char word = 0;
  ssize_t got = 0;
  do {
    got = recv(socket, &word, sizeof word, 0);
  } while (got < 0 && errno == EINTR);
  return got == sizeof word;
}

namespace {

// A packet that brings a process id and a descriptor.
struct Packet {
  Packet() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  pid_t pid = -1;
  iovec part{&pid, sizeof pid};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
};

}  // namespace

bool pass_on(int socket, const Successor& successor) {
  Packet packet;
  packet.pid = successor.pid;
  cmsghdr& rights = *CMSG_FIRSTHDR(&packet.header);
  rights.cmsg_level = SOL_SOCKET;
  rights.cmsg_type = SCM_RIGHTS;
  rights.cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = successor.begin.fd();
  std::memcpy(CMSG_DATA(&rights), &fd, sizeof fd);
  return sendmsg(socket, &packet.header, MSG_NOSIGNAL) == sizeof packet.pid;
}

std::optional<Successor> take_passed_on(int socket) {
  Packet packet;
  const ssize_t got = recvmsg(socket, &packet.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got != sizeof packet.pid) return std::nullopt;
  const cmsghdr* rights = CMSG_FIRSTHDR(&packet.header);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return Successor{packet.pid, Socket(fd)};
}

}  // namespace datagen::ipc
