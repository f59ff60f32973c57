# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk may hold after a power cut, computed from what strace saw of the writes below one directory.

An image is a tree: ("d", mode, uid, gid, {name: tree}), ("f", mode, uid, gid, bytes) or ("l", target).
"""
import os
import re
import stat

CALLS = ("open openat creat write pwrite64 writev pwritev pwritev2 fallocate ftruncate truncate mkdir mkdirat rename renameat "
         "renameat2 symlink symlinkat link linkat unlink unlinkat rmdir chmod fchmod fchmodat chown lchown fchown fchownat "
         "fsync fdatasync sync syncfs sync_file_range msync mmap lseek copy_file_range sendfile splice io_uring_setup "
         "sendto sendmsg execve").split()


class Unknown(Exception):
    """The log has something that this program does not know how to replay."""


# --- the disk: what is in memory, and what has reached the medium -------------------------------------------------------

class Inode:
    """kept: what the medium holds for sure. pending: the changes since then, each of which may be there or not."""

    def __init__(self, kind, mode, uid=0, gid=0, content=None):
        self.kind, self.pending = kind, []
        self.now = {"mode": mode, "uid": uid, "gid": gid, "content": content}
        self.kept = dict(self.now)
        if kind == "d":
            self.now["content"], self.kept["content"] = {}, {}

    def change(self, change):
        change.inode = self
        change.apply(self.now)
        self.pending.append(change)

    def settle(self, data_only):
        """fsync, or fdatasync: then mode and owner need not reach the medium."""
        rest = []
        for change in self.pending:
            if data_only and isinstance(change, Attributes):
                rest.append(change)
            else:
                change.apply(self.kept)
        self.pending = rest


class Attributes:
    tearable = False

    def __init__(self, **values):
        self.values = values

    def apply(self, state, how="whole"):
        state.update(self.values)


class Write:
    tearable = True

    def __init__(self, at, data):
        self.at, self.data = at, data

    def apply(self, state, how="whole"):
        old, data = state["content"], self.data
        if how == "half":
            data = data[:len(data) // 2]
        elif how == "sector":
            data = data[:min(512, len(data) - 1)]
        elif how == "zeros":
            data = bytes(len(data))
        old = old.ljust(self.at, b"\0")
        state["content"] = old[:self.at] + data + old[self.at + len(data):]


class Size:
    tearable = False

    def __init__(self, size, grow_only):
        self.size, self.grow_only = size, grow_only

    def apply(self, state, how="whole"):
        old = state["content"]
        state["content"] = old.ljust(self.size, b"\0") if self.grow_only else old[:self.size].ljust(self.size, b"\0")


class Names:
    """Changes of entries of one directory that happen together; None removes the name."""
    tearable = False

    def __init__(self):
        self.entries = []

    def entry(self, name, inode):
        self.entries.append((name, inode))
        return self

    def apply(self, state, how="whole"):
        content = dict(state["content"])
        for name, inode in self.entries:
            if inode is None:
                content.pop(name, None)
            else:
                content[name] = inode
        state["content"] = content


def plant(tree):
    """An image that the medium holds for sure."""
    if tree[0] == "l":
        return Inode("l", 0o777, content=tree[1])
    if tree[0] == "f":
        return Inode("f", *tree[1:4], content=tree[4])
    inode = Inode("d", *tree[1:4])
    content = {name: plant(inner) for name, inner in tree[4].items()}
    inode.now["content"], inode.kept["content"] = content, dict(content)
    return inode


def inodes(root):
    """All that can be reached, by names in memory or on the medium."""
    seen, todo = {}, [root]
    while todo:
        inode = todo.pop()
        if id(inode) in seen:
            continue
        seen[id(inode)] = inode
        if inode.kind == "d":
            todo += inode.kept["content"].values()
            todo += [i for change in inode.pending if isinstance(change, Names) for _, i in change.entries if i]
    return list(seen.values())


def image(inode, how, depth=0):
    """how(change): None (it is not on the medium), "whole", "half", "sector" or "zeros"."""
    if depth > 20:
        raise Unknown("a loop of directories")
    state = dict(inode.kept)
    for change in inode.pending:
        if how(change):
            change.apply(state, how(change))
    if inode.kind == "l":
        return ("l", state["content"])
    content = state["content"]
    if inode.kind == "d":
        content = {name: image(inner, how, depth + 1) for name, inner in sorted(content.items())}
    return (inode.kind, state["mode"], state["uid"], state["gid"], content)


def images(root):
    """(model, image) for everything that a power cut at this moment may leave."""
    pending = [change for inode in inodes(root) for change in inode.pending]
    yield "all", image(root, lambda change: "whole")
    if not pending:
        return
    yield "synced", image(root, lambda change: None)
    yield "names-empty", image(root, lambda change: "whole" if isinstance(change, Names) else None)
    yield "names-zeros", image(root, lambda change: "zeros" if isinstance(change, Write) else "whole")
    yield "data", image(root, lambda change: None if isinstance(change, Names) else "whole")
    for one in pending:
        if len(pending) > 1:
            yield "only", image(root, lambda change: "whole" if change is one else None)
            yield "without", image(root, lambda change: None if change is one else "whole")
        if one.tearable:
            for torn in "half", "sector":
                yield torn, image(root, lambda change: torn if change is one else "whole")
                yield torn + "-only", image(root, lambda change: torn if change is one else None)


# --- the log ------------------------------------------------------------------------------------------------------------

def text(hexed):
    return bytes.fromhex(hexed.replace("\\x", "")).decode("utf-8", "surrogateescape")


def lines(path):
    """(pid, call, arguments, result) in the order in which the calls returned."""
    begun = {}
    with open(path, encoding="ascii") as log:
        for line in log:
            pid, _, rest = line.rstrip("\n").partition(" ")
            rest = rest.lstrip()
            if rest.endswith("<unfinished ...>"):
                begun[pid] = rest[:-len("<unfinished ...>")].rstrip()
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
            if resumed:
                rest = begun.pop(pid) + resumed[1]
            match = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", rest)
            if match:
                yield pid, match[1], match[2].split(", "), int(match[3])


class Log:
    """Plays the log of one run on a disk. steps() yields a word for each call that changed something, reached the firewall or began
    a program."""

    def __init__(self, top, root):
        self.top, self.root, self.open = top.rstrip("/"), root, {}

    def below(self, path):
        return path == self.top or path.startswith(self.top + "/")

    def find(self, path):
        inode = self.root
        for name in path[len(self.top):].split("/"):
            if name:
                inode = inode.now["content"].get(name)
            if inode is None:
                return None
        return inode

    @staticmethod
    def descriptor(argument):
        match = re.fullmatch(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>", argument)
        return (match[1], text(match[2])) if match else (argument, "")

    def place(self, at, name):
        """Directory and name of an argument pair; None outside."""
        path = text(name.strip('"'))
        if at is not None:
            path = os.path.join(self.descriptor(at)[1], path)
        path = os.path.normpath(path)
        if path == self.top or not self.below(path):
            return None
        directory = self.find(os.path.dirname(path))
        if directory is None:
            raise Unknown(f"no directory for {path}")
        return directory, os.path.basename(path)

    def steps(self, path):
        for pid, call, arguments, result in lines(path):
            if call in ("sendto", "sendmsg"):
                # A batch without its end is a rehearsal: the kernel takes it back.
                if any("NFNL_MSG_BATCH_END" in argument for argument in arguments):
                    yield "gate"
                continue
            if result < 0:
                continue
            if call == "execve":
                yield "run " + os.path.basename(text(arguments[0].strip('"')))
                continue
            word = self.play(pid, call, arguments, result)
            if word:
                yield word

    def play(self, pid, call, arguments, result):
        handler = getattr(self, "on_" + call, None)
        fd, path = self.descriptor(arguments[0])
        if handler:
            return handler(pid, fd, path, arguments, result)
        if any(self.below(self.descriptor(argument)[1]) or self.below(text(argument.strip('"'))) for argument in arguments
               if "\\x" in argument and "{" not in argument):
            raise Unknown(f"{call} below {self.top}")
        if call in ("sync", "syncfs", "io_uring_setup"):
            raise Unknown(call)
        return None

    def file(self, path):
        """None outside, and for a file that has no name any more."""
        return self.find(path) if path and self.below(path) else None

    def on_openat(self, pid, fd, path, arguments, result):
        flags = arguments[2]
        place = self.place(*arguments[:2])
        self.open[pid, str(result)] = None
        if not place:
            return None
        directory, name = place
        inode = directory.now["content"].get(name)
        self.open[pid, str(result)] = 0
        if inode and "O_TRUNC" in flags and inode.now["content"]:
            inode.change(Size(0, False))
            return f"truncate {name}"
        if inode or "O_CREAT" not in flags:
            return None
        directory.change(Names().entry(name, Inode("f", int(arguments[3], 8), content=b"")))
        return f"create {name}"

    def written(self, path, at, argument, result):
        inode = self.file(path)
        if inode is None:
            return None
        data = bytes.fromhex(argument.strip('"').replace("\\x", ""))[:result]
        if len(data) != result:
            raise Unknown(f"a write of {result} bytes to {path}, of which the log has {len(data)}")
        inode.change(Write(at, data))
        return f"write {os.path.basename(path)}"

    def on_write(self, pid, fd, path, arguments, result):
        if not self.below(path):
            return None
        at = self.open.get((pid, fd))
        if at is None:
            raise Unknown(f"a write to {path}, which the log did not see opened")
        self.open[pid, fd] = at + result
        return self.written(path, at, arguments[1], result)

    def on_pwrite64(self, pid, fd, path, arguments, result):
        return self.written(path, int(arguments[3]), arguments[1], result) if self.below(path) else None

    def on_fallocate(self, pid, fd, path, arguments, result):
        inode = self.file(path)
        if inode is None:
            return None
        if arguments[1] != "0":
            raise Unknown(f"fallocate with {arguments[1]}")
        inode.change(Size(int(arguments[2]) + int(arguments[3]), True))
        return f"fallocate {os.path.basename(path)}"

    def on_ftruncate(self, pid, fd, path, arguments, result):
        inode = self.file(path)
        if inode is None:
            return None
        inode.change(Size(int(arguments[1]), False))
        return f"truncate {os.path.basename(path)}"

    def make(self, place, inode, word):
        if not place:
            return None
        directory, name = place
        directory.change(Names().entry(name, inode))
        return f"{word} {name}"

    def on_mkdirat(self, pid, fd, path, arguments, result):
        return self.make(self.place(*arguments[:2]), Inode("d", int(arguments[2], 8)), "mkdir")

    def on_mkdir(self, pid, fd, path, arguments, result):
        return self.make(self.place(None, arguments[0]), Inode("d", int(arguments[1], 8)), "mkdir")

    def on_symlinkat(self, pid, fd, path, arguments, result):
        return self.make(self.place(*arguments[1:3]), Inode("l", 0o777, content=text(arguments[0].strip('"'))), "symlink")

    def on_unlinkat(self, pid, fd, path, arguments, result):
        return self.make(self.place(*arguments[:2]), None, "unlink")

    def on_renameat(self, pid, fd, path, arguments, result):
        old, new = self.place(*arguments[:2]), self.place(*arguments[2:4])
        if not old and not new:
            return None
        if not old or not new or old[0] is not new[0]:
            raise Unknown("a rename from one directory to another")
        directory = old[0]
        directory.change(Names().entry(old[1], None).entry(new[1], directory.now["content"][old[1]]))
        return f"rename {old[1]} {new[1]}"

    def on_renameat2(self, pid, fd, path, arguments, result):
        if arguments[4] not in ("0", "RENAME_NOREPLACE"):
            raise Unknown(f"renameat2 with {arguments[4]}")
        return self.on_renameat(pid, fd, path, arguments, result)

    def on_fchmod(self, pid, fd, path, arguments, result):
        inode = self.file(path)
        if inode is None or inode.now["mode"] == int(arguments[1], 8):
            return None
        inode.change(Attributes(mode=int(arguments[1], 8)))
        return f"fchmod {os.path.basename(path)}"

    def on_fchown(self, pid, fd, path, arguments, result):
        inode = self.file(path)
        if inode is None:
            return None
        owner = {name: int(value) for name, value in zip(("uid", "gid"), arguments[1:3]) if int(value) not in (-1, 2**32 - 1)}
        inode.change(Attributes(**owner))
        return f"fchown {os.path.basename(path)}"

    def on_fsync(self, pid, fd, path, arguments, result, data_only=False):
        inode = self.file(path)
        if inode is None:
            return None
        inode.settle(data_only)
        return f"{'fdatasync' if data_only else 'fsync'} {os.path.basename(path)}"

    def on_fdatasync(self, pid, fd, path, arguments, result):
        return self.on_fsync(pid, fd, path, arguments, result, True)

    def on_mmap(self, pid, fd, path, arguments, result):
        if self.below(self.descriptor(arguments[4])[1]) and "PROT_WRITE" in arguments[2] and "MAP_SHARED" in arguments[3]:
            raise Unknown("a shared writable mapping")

    def on_lseek(self, pid, fd, path, arguments, result):
        if self.open.get((pid, fd)) is not None and self.below(path):
            self.open[pid, fd] = result


# --- trees and real directories -----------------------------------------------------------------------------------------

def read_tree(path):
    s = os.lstat(path)
    if stat.S_ISLNK(s.st_mode):
        return ("l", os.readlink(path))
    mode = stat.S_IMODE(s.st_mode)
    if stat.S_ISDIR(s.st_mode):
        return ("d", mode, s.st_uid, s.st_gid, {name: read_tree(os.path.join(path, name)) for name in sorted(os.listdir(path))})
    if not stat.S_ISREG(s.st_mode):
        return ("f", mode, s.st_uid, s.st_gid, b"")
    with open(path, "rb") as file:
        return ("f", mode, s.st_uid, s.st_gid, file.read())


def empty(path):
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            empty(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def write_tree(path, tree):
    """Makes path, a directory that is there, hold exactly this."""
    empty(path)
    fill(path, tree)


def fill(path, tree):
    for name, inner in tree[4].items():
        inner_path = os.path.join(path, name)
        if inner[0] == "l":
            os.symlink(inner[1], inner_path)
            continue
        if inner[0] == "d":
            os.mkdir(inner_path)
            fill(inner_path, inner)
        else:
            with open(inner_path, "wb") as file:
                file.write(inner[4])
        os.chown(inner_path, inner[2], inner[3])
        os.chmod(inner_path, inner[1])


def lookup(tree, path):
    """What is at this path; symbolic links are followed when they lead to a name beside them. None when there is nothing."""
    names = [name for name in path.split("/") if name]
    while names:
        if tree is None or tree[0] != "d":
            return None
        inner = tree[4].get(names[0])
        if inner is not None and inner[0] == "l" and len(names) > 1:
            inner = tree[4].get(inner[1])
        tree, names = inner, names[1:]
    return tree


def walk(tree, path=""):
    yield path, tree
    if tree[0] == "d":
        for name, inner in tree[4].items():
            yield from walk(inner, f"{path}/{name}")
