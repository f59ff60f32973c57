# SPDX-License-Identifier: GPL-3.0-or-later
"""observe - what can be seen of acmegate from outside: the ruleset, the port, its system calls, its files."""
import collections
import ctypes
import re
import signal
import subprocess
import time

HANDS = 10  # of who closes, and of the tracer, which has each of its system calls before the kernel has it


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, text=True, errors="replace", check=False, **options)


def belong_together(key, certificate):
    """PEM files, by OpenSSL: the agent needs it, so it is there."""
    crypto = ctypes.CDLL("libcrypto.so.3")
    for name in ("BIO_new_file", "PEM_read_bio_X509", "PEM_read_bio_PrivateKey"):
        getattr(crypto, name).restype = ctypes.c_void_p
    parts = []
    for name, read in ((certificate, crypto.PEM_read_bio_X509), (key, crypto.PEM_read_bio_PrivateKey)):
        bio = ctypes.c_void_p(crypto.BIO_new_file(name.encode(), b"r"))
        parts.append(ctypes.c_void_p(read(bio, None, None, None) if bio else None))
        crypto.BIO_free(bio)
    same = all(parts) and crypto.X509_check_private_key(*parts) == 1
    crypto.X509_free(parts[0])
    crypto.EVP_PKEY_free(parts[1])
    return same


class Ruleset:
    """The ruleset as text with handles, without what packets and time change."""
    # Of a rule with a match that it does not know nft prints no comment; nobody else here matches sockets.
    OURS = re.compile(r'acmegate[:_]|xt match "?socket')

    def __init__(self):
        result = run("nft", "-a", "list", "ruleset")
        if result.returncode:
            raise RuntimeError("nft: " + result.stdout)
        text = re.sub(r"packets \d+ bytes \d+", "packets N bytes N", result.stdout)
        text = re.sub(r" expires \w+", "", text)
        # nft warns of tables of iptables, in some versions once they are not empty.
        self.text = re.sub(r"^# Warning: .*\n", "", text, flags=re.M)

    def others(self):
        """The lines that are not acmegate's."""
        lines, skipping = collections.Counter(), False
        for line in self.text.splitlines():
            if re.match(r"\s*set acmegate_", line):
                skipping = True
            elif not skipping and line.strip() and not self.OURS.search(line):
                lines[line.strip()] += 1
            if skipping and line.strip() == "}":
                skipping = False
        return lines

    def ours(self):
        return bool(self.OURS.search(self.text))


class Probe:
    """tests/lib/probe.c during one point."""
    turn = 0

    def __init__(self, rig):
        Probe.turn += 1
        i = 10 + Probe.turn % 80
        self.process = subprocess.Popen(
            ["nsenter", "--net=/run/netns/" + rig["RIG_CA"], rig["RIG_PROBE"], "-b", rig["RIG_PORT"],
             f"10.98.0.{i}", rig["RIG_HOST4"], f"fd98::{i}", rig["RIG_HOST6"]], stdout=subprocess.PIPE, text=True)

    def stop(self):
        """It waits 30 ms for the last answers. A very short run may be over before the probe listens to signals."""
        time.sleep(0.005)
        while not self.is_ready():
            time.sleep(0.005)
        self.process.send_signal(signal.SIGTERM)

    def is_ready(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            caught = next(line for line in file if line.startswith("SigCgt")).split()[1]
        return int(caught, 16) >> (signal.SIGTERM - 1) & 1

    def report(self):
        """[(family, from, to) of the times when the port was open], {family: last state}, what the machine took: the longest time
        without a look, and that which a process beside it waited for a processor, for each of those that act in turn"""
        output = self.process.communicate(timeout=10)[0]
        spans, last, gap, beside = [], {}, 0.0, 0.0
        for line in output.splitlines():
            word = line.split() or [""]
            if word[0] == "interval" and word[2] != "silent":
                spans.append((int(word[1]), float(word[3]), float(word[4])))
            elif word[0] == "total":
                last[int(word[1])] = word[word.index("last") + 1]
                gap = max(gap, float(word[word.index("gap") + 1]))
            elif word[0] == "beside":
                beside = float(word[1])
        if set(last) != {4, 6}:
            raise RuntimeError("the probe failed: " + output[-200:])
        return spans, last, gap + HANDS * beside


class Trace:
    """What the tracer wrote down."""

    def __init__(self, path):
        self.calls, self.counts, self.became, self.exits, self.accidents = [], {}, {}, {}, []
        self.left = None
        with open(path) as file:
            for line in file:
                word = line.split() or [""]
                if word[0] == "call":
                    self.calls.append((word[1], int(word[2]), word[3]))
                elif word[0] == "role":
                    self.counts[word[1]], self.became[word[1]] = int(word[2]), word[3]
                elif word[0] == "exit":
                    self.exits[word[2]] = (float(word[1]), int(word[3]))
                elif word[0] == "accident":
                    self.accidents.append((float(word[1]), word[2], int(word[3]), word[4]))
                elif word[0] == "left":
                    self.left = int(word[1])
