#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts, replayed. Started by tests/crash/powercut in the host's namespace of the rig.

Records the writes of whole runs, makes each image that a disk may hold after a power cut at any moment of them, and boots each
one into recovery: once with the firewall as a boot loads it, once with an opening of ours still in it.
"""
import argparse
import ctypes
import difflib
import errno
import hashlib
import itertools
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import powercut_disk as disk

NAME = "one.test"
FILES = ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem", "keyfirst.pem")
TEMPORARY = ".tmp-"
SLOT = 512
OPEN_PORT = 22  # the host's firewall lets it in, and nobody listens
RIG = {name: os.environ["RIG_" + name] for name in ("DIR", "CONF", "STATE", "ACMEGATE", "CA", "HOST4", "HOST6", "PORT")}
STATE = RIG["STATE"]
totals = {"passed": 0, "failed": 0, "skipped": 0, "images": 0, "booted": 0, "renewed": 0, "recorded": 0, "broken stores": 0, "left open": 0}
said = {}


def fails(what, kind=None):
    totals["failed"] += 1
    if kind:
        totals[kind] += 1
    # One reason is often found in hundreds of images.
    reason = what.partition(": ")[2]
    said[reason] = said.get(reason, 0) + 1
    if said[reason] <= 3:
        print(f"not ok: {what}", flush=True)


def run(*command, timeout=60, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, check=False, **options)


def acmegate(*arguments, before=()):
    return run(*before, RIG["ACMEGATE"], "-c", RIG["CONF"], *arguments)


# --- the firewall, and the port as seen from outside --------------------------------------------------------------------

def ruleset():
    """All of it, without what packets and time change."""
    objects = json.loads(run("nft", "-a", "-j", "list", "ruleset").stdout)["nftables"]
    for thing in objects:
        for expression in thing.get("rule", {}).get("expr", []):
            if "counter" in expression:
                expression["counter"] = None
    return objects


def commands(objects):
    """What brings the opening back that stands among these."""
    ours = [thing for thing in objects if "acmegate" in json.dumps(thing)]
    for verb, kind in ("add", "set"), ("insert", "rule"):
        for thing in ours:
            if kind in thing:
                yield {verb: {kind: {key: value for key, value in thing[kind].items() if key != "handle"}}}


class Gate:
    """The host's firewall with somebody behind port 80, so that a rule of ours which is left is a port that is open."""

    def __init__(self, opened):
        self.base, self.listeners = ruleset(), []
        self.sources, self.evidence = itertools.cycle(range(16000, 32000)), []  # below those that the kernel chooses
        self.opening = json.dumps({"nftables": list(commands(opened["nftables"]))})
        self.here = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.there = os.open("/run/netns/" + RIG["CA"], os.O_RDONLY)
        self.setns = ctypes.CDLL(None, use_errno=True).setns

    def leave_open(self, seconds=60):
        opening = re.sub(r'"(timeout|expires)": \d+', f'"\\1": {seconds}', self.opening)
        result = subprocess.run(("nft", "-j", "-f", "-"), input=opening, text=True, capture_output=True, check=False)
        if result.returncode:
            sys.exit("powercut: nft: " + result.stderr)

    def wrong(self):
        """Empty when the firewall is as it was and nobody outside is answered; otherwise what is different."""
        lines = [[json.dumps(thing, sort_keys=True) for thing in objects] for objects in (self.base, ruleset())]
        found = list(difflib.unified_diff(*lines, lineterm="", n=0))[2:]
        if answered := self.answers():
            self.tell()
            found.append(f"answered over {' and '.join(sorted(answered))}")
        return "\n  ".join(found)

    def clean(self):
        """Takes away an opening that acmegate has left, with a store of its own."""
        with tempfile.TemporaryDirectory(dir=RIG["DIR"]) as place:
            config = place + "/acmegate.conf"
            with open(RIG["CONF"], encoding="utf-8") as old, open(config, "w", encoding="utf-8") as new:
                new.write(old.read().replace(f"state = {STATE}", f"state = {place}/state"))
            result = run(RIG["ACMEGATE"], "-c", config, "recover")
        if result.returncode or ruleset() != self.base:
            sys.exit(f"powercut: the firewall cannot be cleaned: {result.stdout}")

    def listen(self):
        for family, option, level in (socket.AF_INET, 19, socket.IPPROTO_IP), (socket.AF_INET6, 75, socket.IPPROTO_IPV6):
            listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(level, option, 1)  # IP_TRANSPARENT, IPV6_TRANSPARENT: what the rule matches
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(("", int(RIG["PORT"])))
            listener.listen(1000)
            self.listeners.append(listener)

    def hang_up(self):
        while self.listeners:
            self.listeners.pop().close()

    def call(self, family, address, port, source):
        """A SYN from the CA's side. Its source port was not used for minutes: the host's firewall, which accepts what is established, may
        know the connection of another caller at that port for ten seconds after its end, and would let a new one in by that."""
        if self.setns(self.there, 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            caller = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        finally:
            if self.setns(self.here, 0):
                sys.exit("powercut: cannot come back into the namespace")
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        caller.bind(("", source))
        if (code := caller.connect_ex((address, port))) not in (0, errno.EINPROGRESS):
            sys.exit(f"powercut: a caller cannot call: {os.strerror(code)}")
        return caller

    def answers(self):
        """The families over which somebody answers a SYN, on a cable that takes less than 1 ms: 15 ms after another port, which the
        firewall lets in, has answered a later SYN, so that a machine that was slow has delivered both."""
        found, callers, source = set(), {}, next(self.sources)
        for port in int(RIG["PORT"]), OPEN_PORT:
            for family, address in (socket.AF_INET, RIG["HOST4"]), (socket.AF_INET6, RIG["HOST6"]):
                callers[port, family.name] = self.call(family, address, port, source)
        for (port, family), caller in sorted(callers.items()):  # the open port is the first
            poll = select.poll()
            poll.register(caller, select.POLLOUT)
            if poll.poll(60000 if port == OPEN_PORT else 15):
                if caller.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED):
                    found.add((port, family))
        for caller in callers.values():
            caller.close()
        if not {(OPEN_PORT, family.name) for family in (socket.AF_INET, socket.AF_INET6)} <= found:
            sys.exit(f"powercut: port {OPEN_PORT} does not answer either")
        found = {family for port, family in found if port != OPEN_PORT}
        self.evidence = [time.strftime("%T"), f"from port {source}"] if found else []
        return found

    def tell(self):
        """What can be known about an answer: the rules that it may have come by, who listens, and which connections the host knows."""
        for command in ("nft", "-a", "list", "ruleset"), ("ss", "-tanp"), ("grep", f"dport={RIG['PORT']} ", "/proc/net/nf_conntrack"):
            self.evidence += run(*command).stdout.splitlines()
        if totals["left open"] < 3:
            print(*("# " + line for line in self.evidence), sep="\n", flush=True)


# --- what must hold -----------------------------------------------------------------------------------------------------

def journal(tree):
    """None: there is none. Otherwise "armed", "clear", or "unreadable"."""
    file = disk.lookup(tree, "journal")
    if file is None:
        return None
    best = None
    for at in range(0, 2 * SLOT, SLOT):
        slot = file[4][at:at + SLOT]
        if len(slot) < SLOT or slot[:8] != b"acmegate" or hashlib.sha256(slot[:-32]).digest() != slot[-32:]:
            continue
        armed, sequence = struct.unpack_from("=IQ", slot, 12)
        if best is None or sequence > best[0]:
            best = sequence, armed
    if best is None:
        return "empty" if not file[4] else "unreadable"
    return "armed" if best[1] else "clear"


def live(tree):
    """None: there is no certificate. Otherwise its four files."""
    directory = disk.lookup(tree, f"certificates/{NAME}")
    link = directory and directory[4].get("live")
    if not link:
        return None
    target = directory[4].get(link[1]) if link[0] == "l" else link
    if not target or target[0] != "d":
        return ()
    return tuple(target[4].get(name, (None,) * 5)[4] for name in FILES)


def account_key(tree):
    return [inner for path, inner in disk.walk(tree) if path.startswith("/accounts/") and path.endswith("/key.pem")]


verdicts = {}


def wrong_with(files):
    """Empty when key, certificate and chain are whole and belong together."""
    if files not in verdicts:
        verdicts[files] = examine(files)
    return verdicts[files]


def examine(files):
    if len(files) != len(FILES):
        return "live leads nowhere"
    missing = [name for name, data in zip(FILES, files) if not data]
    if missing:
        return "live has no, or an empty, " + " ".join(missing)
    key, cert, chain, fullchain, combined, keyfirst = files
    if cert + chain != fullchain:
        return "fullchain.pem is not cert.pem and chain.pem"
    if combined != fullchain + key or keyfirst != key + fullchain:
        return "combined.pem or keyfirst.pem is not made of the other files"
    place = os.path.join(RIG["DIR"], "examined")
    os.makedirs(place, exist_ok=True)
    for name, data in zip(FILES, files):
        with open(os.path.join(place, name), "wb") as file:
            file.write(data)
    of_key = run("openssl", "pkey", "-in", f"{place}/privkey.pem", "-pubout")
    of_cert = run("openssl", "x509", "-in", f"{place}/cert.pem", "-noout", "-pubkey")
    if of_key.returncode or of_cert.returncode or of_key.stdout != of_cert.stdout:
        return "privkey.pem and cert.pem do not belong together"
    chained = run("openssl", "verify", "-CAfile", RIG["DIR"] + "/root.pem", "-untrusted", f"{place}/chain.pem",
                  f"{place}/cert.pem")
    return "" if chained.returncode == 0 else "the chain does not verify"


def foreign(tree):
    return {path: inner for path, inner in disk.walk(tree) if "/foreign" in path}


def temporary(tree):
    return [path for path, _ in disk.walk(tree) if os.path.basename(path).startswith(TEMPORARY)]


class Scenario:
    """One recorded run: the store before and after it, and what each image of it must keep."""

    def __init__(self, name, before, after, strict):
        self.name, self.before, self.after, self.strict = name, before, after, strict
        self.whole = [live(before), live(after)]

    def wrong_store(self, tree):
        files = live(tree)
        if files is not None and not wrong_with(files):
            return "" if files in self.whole or not self.strict else "live is neither the old nor the new certificate"
        if files in self.whole and files is None or not self.strict:
            return ""  # there was none before, or a broken one, which the renewal heals
        return "the certificate is lost" if files is None else wrong_with(files)


def check_recovered(gate, scenario, label):
    result = acmegate("recover")
    now, after = ruleset(), disk.read_tree(STATE)
    if result.returncode:
        return fails(f"{label}: recover ended with {result.returncode}: {result.stdout.strip()}")
    if wrong := gate.wrong():
        return fails(f"{label}: the firewall is not as before after recover: {wrong}", "left open")
    if journal(after) != "clear":
        return fails(f"{label}: the journal is {journal(after)} after recover")
    if wrong := scenario.wrong_store(after):
        return fails(f"{label}: {wrong}", "broken stores")
    if foreign(after) != foreign(scenario.before):
        return fails(f"{label}: a foreign file is gone")
    totals["passed"] += 1
    return None


def check_renewed(gate, scenario, label):
    gate.hang_up()
    result = acmegate("renew-now")
    gate.listen()
    totals["renewed"] += 1
    after = disk.read_tree(STATE)
    if result.returncode:
        return fails(f"{label}: renew-now ended with {result.returncode}: {result.stdout.strip()}")
    if wrong := gate.wrong():
        return fails(f"{label}: the firewall is not as before after renew-now: {wrong}", "left open")
    # An order that the cut interrupted is resumed, and may bring the certificate that this order had brought.
    known = scenario.whole[: 1 if "the order of an earlier run is resumed" in result.stdout else 2]
    if not live(after) or wrong_with(live(after)) or live(after) in known:
        return fails(f"{label}: no new certificate after renew-now: {wrong_with(live(after) or ())}", "broken stores")
    if temporary(after) or disk.lookup(after, f"certificates/{NAME}/deploy-pending"):
        return fails(f"{label}: left after renew-now: {temporary(after) or 'deploy-pending'}")
    if any(path.endswith(".broken") for path, _ in disk.walk(after)) and scenario.strict:
        return fails(f"{label}: something was put aside as broken by renew-now")
    if journal(after) != "clear" or foreign(after) != foreign(scenario.before):
        return fails(f"{label}: after renew-now a foreign file is gone or the journal is {journal(after)}")
    totals["passed"] += 1
    return None


def boot(gate, scenario, label, tree, renew):
    for left in False, True:
        disk.write_tree(STATE, tree)
        if left:
            gate.leave_open()
        totals["booted"] += 1
        check_recovered(gate, scenario, f"{label}{', opening left' if left else ''}")
    if renew:
        check_renewed(gate, scenario, label)


# --- recording and replaying --------------------------------------------------------------------------------------------

def record(gate, before, *command, status=0):
    """Runs acmegate on this store and gives the log of it and the store after it."""
    totals["recorded"] += 1
    log = f"{RIG['DIR']}/writes.{totals['recorded']}"
    disk.write_tree(STATE, before)
    gate.hang_up()
    result = acmegate(*command, before=("strace", "-f", "-y", "-xx", "-s", "4000000", "--seccomp-bpf", "-qq", "-o", log, "-e",
                                        "trace=" + ",".join(disk.CALLS), "--"))
    gate.listen()
    if result.returncode != status:
        sys.exit(f"powercut: acmegate {command[0]} ended with {result.returncode}\n{result.stdout}")
    return log, disk.read_tree(STATE)


def moments(log, before, after):
    """(word, disk) after each call of the log."""
    root = disk.plant(before)
    yield "start", root
    for word in disk.Log(STATE, root).steps(log):
        yield word, root
    if disk.image(root, lambda change: "whole") != after:
        sys.exit("powercut: the log, replayed, is not the store that the run left")


def last(words, wanted):
    return max((at for at, word in enumerate(words) if word == wanted), default=-1)


def replay(gate, name, before, *command, status=0, strict=True, every=1, renew_every=1):
    """Boots the images of one run. every: one distinct image of so many is booted. renew_every: one boot of so many is followed by a renewal; 0: none."""
    log, after = record(gate, before, *command, status=status)
    scenario = Scenario(name, before, after, strict)
    words = [word for word, _ in moments(log, before, after)]
    opened, closed = words.index("gate") if "gate" in words else len(words), last(words, "gate")
    hook = words.index("run true") if "run true" in words else len(words)
    deployed = last(words, "unlink deploy-pending")
    registered = words.index("create .tmp-url") if "create .tmp-url" in words else len(words) - 1
    seen, count = set(), 0
    for at, (word, root) in enumerate(moments(log, before, after)):
        for model, tree in disk.images(root):
            label = f"{name}, {at} {word}, {model}"
            count += 1
            if command[0] != "recover" and opened <= at <= closed and journal(tree) != "armed":
                fails(f"{label}: the port may be open, and the journal on the disk is {journal(tree)}")
            if at < deployed and live(tree) and live(tree) != live(before) and \
                    not disk.lookup(tree, f"certificates/{NAME}/deploy-pending"):
                fails(f"{label}: the new certificate is live, and nobody knows that its hook has not run")
            if at >= min(hook, len(words) - 1) and live(tree) != live(after):
                fails(f"{label}: hook or user have been told, and the certificate on the disk is not the one that was stored",
                      "broken stores")
            if at >= registered and account_key(tree) != account_key(after):
                fails(f"{label}: the CA knows the account, and its key is not on the disk")
            key = tree_key(tree)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) % every == 1 % every:
                boot(gate, scenario, label, tree, renew_every and len(seen) // every % renew_every == 0)
    totals["images"] += count
    print(f"{name}: {len(words) - 1} calls, {count} images, {len(seen)} of them distinct", flush=True)
    return after


def tree_key(tree):
    """Of content the digest: as a text the ledger of windows, a megabyte of zeros, has four."""
    *head, content = tree
    if tree[0] == "d":
        content = [(name, tree_key(inner)) for name, inner in content.items()]
    elif tree[0] == "f":
        content = hashlib.sha256(content).digest()
    return hashlib.sha256(repr((head, content)).encode()).digest()


def resume(gate, name, before, every=1):
    """Killed at a moment, run again, then the power cut: what the killed run had not brought to the disk is still owed."""
    log, after = record(gate, before, "renew-now")
    count = starts = 0
    owing = [at for at, (word, root) in enumerate(moments(log, before, after))
             if any(inode.pending for inode in disk.inodes(root))]
    for at in owing[::every]:
        # The generator is not closed: the disk is that of this moment, with the pending writes.
        word, root = next(itertools.islice(moments(log, before, after), at, None))
        killed = disk.image(root, lambda change: "whole")
        second, stored = record(gate, killed, "renew-now")
        scenario = Scenario(name, killed, stored, True)
        scenario.whole += live(before), live(after)  # the killed run's are as good as the second's
        starts += 1
        for word2 in disk.Log(STATE, root).steps(second):
            for model, tree in disk.images(root):
                count += 1
                wrong = scenario.wrong_store(tree)
                if wrong:
                    fails(f"{name}, killed at {at} {word}, cut at {word2}, {model}: {wrong}", "broken stores")
        if disk.image(root, lambda change: "whole") != stored:
            sys.exit("powercut: the log, replayed, is not the store that the second run left")
        lost = [model for model, tree in disk.images(root) if live(tree) != live(stored)]
        if lost:
            fails(f"{name}, killed at {at} {word}, run again, {lost[0]}: the second run said that it is done, and its certificate "
                  "is not on the disk", "broken stores")
        else:
            totals["passed"] += 1
    totals["images"] += count
    print(f"{name}: killed at {starts} moments and run again, {count} images", flush=True)


def with_file(tree, path, data, mode=0o600):
    """The same image with this file in it; None removes it."""
    *directories, name = path.split("/")
    if directories:
        inner = tree[4].get(directories[0], ("d", 0o700, 0, 0, {}))
        inner = with_file(inner, "/".join(path.split("/")[1:]), data, mode)
        name = directories[0]
    else:
        inner = data if isinstance(data, tuple) else ("f", mode, 0, 0, data)
    content = {**tree[4], name: inner}
    if inner[-1] is None:
        del content[name]
    return (*tree[:4], content)


def replays(gate, options):
    pace = {"every": options.every, "renew_every": options.renew_every}
    empty = ("d", 0o711, 0, 0, {"foreign": ("f", 0o644, 0, 0, b"not ours\n")})
    store = replay(gate, "first certificate", empty, "renew-now", **pace)
    if options.first:
        return store
    store = with_file(store, f"certificates/{NAME}/foreign.txt", b"not ours\n")
    store = with_file(store, "certificates/foreign/live", ("l", "1"))
    store = with_file(store, "accounts/foreign.txt", b"not ours\n")
    for _ in range(3):  # so that the recorded run has an old generation to remove
        _, store = record(gate, store, "renew-now")
    replay(gate, "renewal", store, "renew-now", **pace)
    replay(gate, "recovery from an unreadable journal", with_file(store, "journal", b"?" * 2 * SLOT), "recover", **pace)
    number = disk.lookup(store, f"certificates/{NAME}")[4]["live"][1]
    torn = with_file(store, f"certificates/{NAME}/{number}/privkey.pem", b"")
    replay(gate, "renewal over a broken certificate", torn, "renew-now", strict=False, **pace)
    resume(gate, "a first certificate after a killed run", empty, options.every)
    resume(gate, "a renewal after a killed one", store, options.every)
    return store


# --- a journal that cannot be used --------------------------------------------------------------------------------------

def sealed(slot):
    return slot[:-32] + hashlib.sha256(slot[:-32]).digest()


def version(slot, number):
    return sealed(slot[:8] + struct.pack("=I", number) + slot[12:])


def mounted(*options):
    def mount():
        run("mount", "--bind", STATE, STATE)
        run("mount", "-o", "remount,bind," + ",".join(options), STATE)
        return lambda: run("umount", STATE)
    return mount


def filled(tree):
    """A file system of 64 KiB with this on it and not a byte left."""
    def mount():
        run("mount", "-t", "tmpfs", "-o", "mode=711,size=64k", "full", STATE)
        disk.write_tree(STATE, tree)
        try:
            with open(STATE + "/foreign", "ab", buffering=0) as file:
                while file.write(b"x" * 1024):
                    pass
        except OSError:
            pass
        return lambda: run("umount", STATE)
    return mount


def unusable(store):
    """(name, image, preparation, what recover says, its exit status). Where it is not 0, a renewal must fail as well."""
    good = disk.lookup(store, "journal")[4]
    first, second = good[:SLOT], good[SLOT:]
    armed = sealed(first[:12] + struct.pack("=IQ", 1, 1000) + first[24:])
    corrupt = "journal was unreadable and is kept as"
    nothing = "no rule of acmegate is left in the firewall"
    killed = "an earlier run was killed while port 80 was open"

    def of(data, uid=0, mode=0o600):
        return with_file(store, "journal", ("f", mode, uid, 0, data))

    yield "no journal", with_file(store, "journal", None), None, nothing, 0
    yield "an empty journal", of(b""), None, nothing, 0
    yield "both slots garbage", of(os.urandom(2 * SLOT)), None, corrupt, 0
    yield "both slots zeros", of(bytes(2 * SLOT)), None, corrupt, 0
    for size in 1, SLOT - 1, SLOT // 2:
        yield f"cut to {size} bytes", of(good[:size]), None, corrupt, 0
    yield "cut to one slot", of(good[:SLOT]), None, nothing, 0
    yield "cut in the second slot", of(good[:SLOT + 100]), None, nothing, 0
    yield "longer than two slots", of(good + b"x" * 100), None, nothing, 0
    yield "one slot garbage", of(first + os.urandom(SLOT)), None, nothing, 0
    yield "the other slot garbage", of(os.urandom(SLOT) + second), None, nothing, 0
    yield "armed, and the other slot garbage", of(armed + os.urandom(SLOT)), None, killed, 0
    for at in range(0, SLOT, 37):
        flipped = bytearray(armed)
        flipped[at] ^= 4
        yield f"armed, one bit wrong at {at}, and nothing else", of(bytes(flipped) + bytes(SLOT)), None, corrupt, 0
    yield "from a newer version", of(version(first, 2) + version(second, 2)), None, "newer acmegate (version 2", 1
    yield "one slot from a newer version", of(version(armed, 77) + second), None, "newer acmegate (version 77", 1
    yield "somebody else's", of(good, uid=65534), None, "not a regular file that root alone can write; remove it", 1
    yield "that others can write", of(good, mode=0o666), None, "not a regular file that root alone can write; remove it", 1
    yield "a directory", with_file(store, "journal", ("d", 0o700, 0, 0, {})), None, "can be written: Is a directory", 1
    yield "a link", with_file(store, "journal", ("l", "foreign")), None, "can be written: Too many levels", 1
    yield "on a read-only file system", store, mounted("ro"), "can be written: Read-only file system", 1
    yield "none, on a read-only file system", with_file(store, "journal", None), mounted("ro"), "Read-only file system", 1
    small = ("d", 0o711, 0, 0, {"foreign": store[4]["foreign"], "journal": ("f", 0o600, 0, 0, good)})
    yield "armed, on a full disk", small, filled(with_file(small, "journal", armed + second)), killed, 0
    yield "none, on a full disk", small, filled(with_file(small, "journal", None)), "room for the journal, 1024 bytes: No space left", 1
    yield "garbage, on a full disk", small, filled(with_file(small, "journal", b"?" * 2 * SLOT)), "room for the journal, 1024 bytes: No space left", 1


def journals(gate, store):
    """Each of them with an opening left in the firewall, and nobody of ours behind it: user space is dead."""
    for name, tree, prepare, says, status in unusable(store):
        label = f"journal: {name}"
        disk.write_tree(STATE, tree)
        undo = prepare() if prepare else None
        gate.leave_open()
        gate.hang_up()
        result = acmegate("recover")
        totals["booted"] += 1
        if result.returncode != status or says not in result.stdout:
            fails(f"{label}: recover ended with {result.returncode}, not {status}, and said {result.stdout.strip()!r} without {says!r}")
        elif wrong := gate.wrong():
            fails(f"{label}: the firewall is not as before after recover: {wrong}", "left open")
            gate.clean()
        else:
            totals["passed"] += 1
        again = acmegate("renew-now")
        if status and (not again.returncode or says not in again.stdout or ruleset() != gate.base):
            fails(f"{label}: renew-now ended with {again.returncode}: {again.stdout.strip()!r}")
        if not status and not undo and (again.returncode or wrong_with(live(disk.read_tree(STATE)))):
            fails(f"{label}: renew-now ended with {again.returncode}: {again.stdout.strip()!r}")
        if undo:
            undo()
        gate.listen()


def expiry(gate):
    """What recover does not remove ends by itself, whoever listens."""
    gate.leave_open(2)
    if len(gate.answers()) != 2:
        sys.exit("powercut: an opening of two seconds does not open")
    time.sleep(2.2)
    if gate.answers():
        fails("an opening of two seconds: it is still open after that time", "left open")
    else:
        totals["passed"] += 1
    gate.clean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--renew-every", type=int, default=1)
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    run("mount", "-t", "tmpfs", "-o", "mode=711", "powercut", STATE)
    with open(RIG["DIR"] + "/opening.json", encoding="utf-8") as file:
        gate = Gate(json.load(file))
    gate.leave_open()
    gate.listen()
    if len(gate.answers()) != 2:
        sys.exit("powercut: the opening that was left lets nobody in, so nothing could be found by it")
    acmegate("recover")
    expiry(gate)
    store = replays(gate, options)
    if not options.first:
        journals(gate, store)
    print("{images} images, {booted} boots into recovery, {renewed} renewals after them: {broken stores} broken stores, "
          "{left open} left open".format_map(totals))
    for reason, count in said.items():
        print(f"{count} times: {reason}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format_map(totals))
    return 1 if totals["failed"] or not totals["passed"] else 0


sys.exit(main())
