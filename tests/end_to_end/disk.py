"""What a power failure leaves of a folder: durable content for sure, the rest at the disk's whim (shim/disk.h).

The shim notes what was synced. lose_power() builds the folder anew out of these notes: strictly (only what is durable is there),
or as a file system may have it: each name and each content of now, of the last sync, or something in between, with garbage.
"""

import ctypes
import os
import shutil
import stat

_libc = ctypes.CDLL(None, use_errno=True)


def key_of(path):
    """As the shim makes it: inode and birth time."""
    info = ctypes.create_string_buffer(256)
    nofollow, inode_and_birth = 0x100, 0x100 | 0x800
    if _libc.statx(-100, os.fsencode(path), nofollow, inode_and_birth, info) != 0:
        raise OSError(ctypes.get_errno(), path)
    inode = ctypes.c_uint64.from_buffer(info, 32).value
    seconds = ctypes.c_int64.from_buffer(info, 80).value
    return f"{inode}-{seconds}.{ctypes.c_uint32.from_buffer(info, 88).value}"


class Disk:
    def __init__(self, root, notes):
        self.root = root
        self.notes = notes
        self.sync_all()

    def sync_all(self):
        """Everything that is there is durable."""
        shutil.rmtree(self.notes, ignore_errors=True)
        os.mkdir(self.notes)
        for folder, folders, files in os.walk(self.root):
            lines = [f"{key_of(os.path.join(folder, name))} {'d' if name in folders else 'f'} {name}\n" for name in folders + files]
            self.write_note(key_of(folder) + ".dir", "".join(lines).encode())
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    self.write_note(key_of(path) + ".file", file.read())

    def write_note(self, name, content):
        with open(os.path.join(self.notes, name), "wb") as file:
            file.write(content)

    def note(self, name):
        try:
            with open(os.path.join(self.notes, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def durable_names(self, key):
        names = {}
        for line in self.note(key + ".dir").decode().splitlines():
            inner, kind, name = line.split(" ", 2)
            names[name] = (inner, kind)
        return names

    def lose_power(self, chance=None):
        """`chance`: a random.Random that decides for the disk; None: strictly what is durable."""
        self.paths = {}  # where a file or folder stands now, by key
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                path = os.path.join(folder, name)
                self.paths[key_of(path)] = path
        made = self.root + ".restored"
        self.build(key_of(self.root), self.root, made, chance)
        # The root itself stays, so that its inode does.
        for name in os.listdir(self.root):
            path = os.path.join(self.root, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for name in os.listdir(made):
            os.rename(os.path.join(made, name), os.path.join(self.root, name))
        os.rmdir(made)
        self.sync_all()

    def build(self, key, now, made, chance):
        os.mkdir(made)
        durable, current = self.durable_names(key), {}
        if now is not None:
            for entry in os.scandir(now):
                current[entry.name] = (key_of(entry.path), "d" if stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode) else "f")
        for name in sorted(durable.keys() | current.keys()):
            before, after = durable.get(name), current.get(name)
            chosen = before if chance is None or chance.random() < 0.5 else after
            if chosen is None:
                continue
            inner, kind = chosen
            target = os.path.join(made, name)
            if kind == "d":
                self.build(inner, self.paths.get(inner), target, chance)
            else:
                with open(target, "wb") as file:
                    file.write(self.content(inner, chance))

    def content(self, key, chance):
        durable = self.note(key + ".file")
        if chance is None:
            return durable
        current = durable
        if key in self.paths:
            with open(self.paths[key], "rb") as file:
                current = file.read()
        choice = chance.randrange(4)
        if choice == 0:
            return durable
        lost = [int(word) for word in self.note(key + ".lost").split()]
        if choice == 1 and not lost:
            return current
        # Some of what was appended, then zeros or anything, up to some length: blocks arrive in any order.
        kept = chance.randint(len(durable), max(len(durable), len(current)))
        bytes_now = max(kept, chance.randint(len(durable), max(len(durable), len(current))))
        filling = bytes(bytes_now - kept) if choice == 2 else chance.randbytes(bytes_now - kept)
        content = bytearray(durable + current[len(durable):kept] + filling)
        if lost:
            begin, end = lost[0], min(lost[1], len(content))
            content[begin:end] = bytes(max(0, end - begin))
        return bytes(content)
