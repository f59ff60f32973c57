# SPDX-License-Identifier: GPL-3.0-or-later
"""worker - one rig, one point at a time: lets the accident happen and judges what is left. sweep says what is looked at.

Started by hold.sh; takes [METHOD, ARGUMENTS] in JSON lines and answers in such.
"""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from observe import Probe, Ruleset, Trace, belong_together, run  # noqa: E402

BUILD = os.environ.get("RIG_BUILD", "")
TRACER = os.path.join(BUILD, "tests/crash/tracer")
FAILMALLOC = os.path.join(BUILD, "tests/crash/failmalloc.so")

MAX_OPEN = 5      # the least that the configuration allows
LIMIT = 30        # a run that lasts longer hangs: nothing in it waits for more than three times max_open
AT_ONCE = 0.050   # promised for a killed warden, and asked of all other deaths too

# The state that a run begins with, its purpose, and whether it can succeed.
FLOWS = {
    "enrol": dict(state="empty", success=True),                     # the first run ever: journal, account
    "first": dict(state="account", success=True),
    "renewal": dict(state="certificate", success=True),
    "hook": dict(state="certificate", success=True, hook=True),
    "redirect": dict(state="certificate", success=True, responder="mode = redirect"),
    "iptables": dict(state="certificate", success=True, iptables=True), # drops there too
    "invalid": dict(state="certificate", success=False, names="bad.test"),
    "unreachable": dict(state="certificate", success=False, port=9),
    # "acmegate recover" when all had died with the port open
    "recovery": dict(state="account", success=True, after="all in mid-window", command="recover"),
}


class Worker:
    def __init__(self):
        self.rig = {name: os.environ[name] for name in os.environ if name.startswith("RIG_")}
        self.dir, self.state, self.conf = self.rig["RIG_DIR"], self.rig["RIG_STATE"], self.rig["RIG_CONF"]
        self.acmegate, self.hooked = self.rig["RIG_ACMEGATE"], self.dir + "/hooked"
        self.serial = 0
        self.net = os.readlink("/proc/self/ns/net")
        self.make_states()
        self.iptables = False
        self.baseline = Ruleset()
        self.accidents = {}

    # Names are new each time: Pebble reuses one authorization in a hundred in spite of its setting.
    def configure(self, names=None, port=14000, hook=False, responder=""):
        self.serial += 1
        names = names or f"p{self.serial}.test"
        text = (f"[acme]\ndirectory = https://{self.rig['RIG_CA4']}:{port}/dir\ncontact = admin@example.test\n"
                f"accept_terms = yes\nca_file = {self.dir}/pki/ca.pem\n"
                f"[gate]\nport = {self.rig['RIG_PORT']}\nuser = nobody\nstate = {self.state}\nmax_open = {MAX_OPEN}\n"
                + (f"[responder]\n{responder}\n" if responder else "") +
                f"[certificate one]\nnames = {names}\n")
        if hook:
            text += f"deploy = /usr/bin/touch {self.hooked}\n"
        with open(self.conf + ".new", "w") as file:
            file.write(text)
        os.chmod(self.conf + ".new", 0o644)
        os.rename(self.conf + ".new", self.conf)

    def command(self, *words):
        return [self.acmegate, "-c", self.conf, *words]

    def make_states(self):
        os.makedirs(self.dir + "/prepared/empty", mode=0o755)
        self.configure()
        # Twice, so that there is an older generation too.
        for _ in range(2):
            result = run(*self.command("renew-now"))
            if result.returncode:
                raise RuntimeError("no run without accidents succeeds: " + result.stdout)
        shutil.copytree(self.state, self.dir + "/prepared/certificate", symlinks=True)
        shutil.copytree(self.state, self.dir + "/prepared/account", symlinks=True,
                        ignore=shutil.ignore_patterns("certificates"))
        self.old = self.live()

    def reset(self, flow):
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(f"{self.dir}/prepared/{flow['state']}", self.state, symlinks=True)
        if os.path.lexists(self.hooked):
            os.unlink(self.hooked)
        self.configure(flow.get("names"), flow.get("port", 14000), flow.get("hook", False), flow.get("responder", ""))

    # --- the store

    def live(self):
        """None: no certificate; else what identifies it. Raises ValueError when it is broken."""
        top = self.state + "/certificates/one"
        if not os.path.lexists(top + "/live"):
            return None
        if not re.fullmatch(r"[1-9]\d*", os.readlink(top + "/live")):
            raise ValueError("live is a link to " + os.readlink(top + "/live"))
        content = {}
        for name in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem", "keyfirst.pem"):
            try:
                with open(f"{top}/live/{name}", "rb") as file:
                    content[name] = file.read()
            except OSError as error:
                raise ValueError(str(error)) from error
        if content["cert.pem"] + content["chain.pem"] != content["fullchain.pem"]:
            raise ValueError("cert.pem, chain.pem and fullchain.pem do not agree")
        key, fullchain = content["privkey.pem"], content["fullchain.pem"]
        if content["combined.pem"] != fullchain + key or content["keyfirst.pem"] != key + fullchain:
            raise ValueError("combined.pem or keyfirst.pem is not made of the other files")
        return hashlib.sha256(content["privkey.pem"] + content["fullchain.pem"]).hexdigest()

    def check_store(self, had, problem):
        """Which certificate is live: 'none', 'old' or 'new'."""
        top = self.state + "/certificates/one"
        try:
            live = self.live()
        except ValueError as error:
            problem("store", str(error))
            return "broken"
        for name in os.listdir(top) if os.path.isdir(top) else []:
            if name.isdigit() and len(os.listdir(f"{top}/{name}")) != 7: # and one says which CA they came from
                problem("store", f"generation {name} has its name and not all its files")
        if live is None:
            if had:
                problem("store", "the certificate is gone")
            return "none"
        if had and live == self.old:
            return "old"
        if not belong_together(top + "/live/privkey.pem", top + "/live/cert.pem"):
            problem("store", "key and certificate do not belong together")
            return "broken"
        return "new"

    def check_tidy(self, problem, unread):
        """After a run without accidents nothing half-made is there. A ledger of windows that could not be read is put aside."""
        top = self.state + "/certificates/one"
        for name in os.listdir(top):
            if not name.isdigit() and name != "live":
                problem("store", f"the next run leaves {name} in the store")
        for name in os.listdir(self.state):
            if name not in ("journal", "accounts", "certificates", "due", "ledger", "windows") and \
                    not (unread and name == "windows.corrupt"):
                problem("journal", f"the next run leaves {name} in the state directory")

    # --- the host

    def check_left(self, problem):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    comm = file.read().strip()
                if comm.startswith("acmegate") and os.readlink(f"/proc/{pid}/ns/net") == self.net:
                    problem("process", f"{comm} ({pid}) is left")
            except OSError:
                continue
        # Connections that fade keep no listener from the port; a listener does.
        for family in (socket.AF_INET, socket.AF_INET6):
            with socket.socket(family) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    listener.bind(("", int(self.rig["RIG_PORT"])))
                except OSError as error:
                    problem("process", f"somebody still listens on the port: {error}")

    def check_ruleset(self, must_be_same, problem):
        """Whether it is the same to the letter."""
        ruleset = Ruleset()
        others, before = ruleset.others(), self.baseline.others()
        if before - others:
            problem("foreign", "lost: " + "; ".join(before - others))
        if others - before:
            problem("foreign", "changed: " + "; ".join(others - before))
        if must_be_same and ruleset.text != self.baseline.text:
            problem("text", "the ruleset is not the same" + (": rules of acmegate stand" if ruleset.ours() else ""))
        return ruleset.text == self.baseline.text

    def mend(self):
        """The next point does not suffer from this one."""
        run("nft", "flush", "ruleset")
        run("nft", "-f", self.dir + "/foreign.nft")
        for tool in ("iptables-nft", "ip6tables-nft") if self.iptables else ():
            result = run(tool, *"-A INPUT -p tcp --dport 80 -j DROP".split())
            if result.returncode:
                raise RuntimeError(tool + ": " + result.stdout)
        self.baseline = Ruleset()

    def recover(self, may_be_armed, problem):
        """Ends with a recovery that has nothing to do."""
        for _ in range(2):
            result = run(*self.command("recover"))
            armed = "earlier run" in result.stdout
            if result.returncode:
                problem("journal", "recover fails: " + result.stdout.strip())
                return
            if armed and not may_be_armed:
                problem("journal", "it was armed: " + result.stdout.strip())
            if not armed:
                return
            may_be_armed = False

    # --- one point

    def trace(self, accidents, command, verbose=False, env=None):
        path = self.dir + "/trace"
        if os.path.exists(path):
            os.unlink(path)
        words = [TRACER, *(["-v"] if verbose else []), "-o", path, "-t", str(LIMIT), *(accidents or ["count"]), "--",
                 *command]
        with open(self.dir + "/stderr", "w") as stderr:
            # Without a timeout here, for which Python would look every 50 ms: the tracer has its own.
            status = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=env,
                                    check=False).returncode
        with open(self.dir + "/stderr", errors="replace") as file:
            self.said = file.read()
        if status:
            raise RuntimeError(f"the tracer ended with {status}: {self.said}")
        return Trace(path)

    def prepare(self, flow):
        self.reset(FLOWS[flow])
        if self.iptables != FLOWS[flow].get("iptables", False):
            self.iptables = not self.iptables
            self.mend()
        if "after" in FLOWS[flow]:
            self.trace(self.accidents[FLOWS[flow]["after"]], self.command("renew-now"))

    def count(self, flow, accidents=()):
        self.prepare(flow)
        trace = self.trace(accidents, self.command(FLOWS[flow].get("command", "renew-now")), verbose=True)
        self.mend()
        return dict(calls=trace.calls, counts=trace.counts, became=trace.became, said=self.said)

    def learn(self, accidents, watchdog, loaded):
        """Accidents that other points begin with; which fork the watchdog is; the last call of main's dynamic loader."""
        self.accidents, self.watchdog, self.loaded = accidents, watchdog, loaded
        return {}

    def leaves_rules(self, flow, accidents):
        self.reset(FLOWS[flow])
        self.trace(accidents, self.command("renew-now"))
        found = Ruleset().ours()
        self.mend()
        return found

    def allocations(self, flow):
        self.prepare(flow)
        return self.with_allocations("0", run, *self.command(FLOWS[flow].get("command", "renew-now")))[1]

    def with_allocations(self, at, function, *arguments):
        """Its result, the number of allocations, and whether one failed."""
        log = self.dir + "/allocations"
        environment = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_AT": str(at), "FAILMALLOC_LOG": log}
        result = function(*arguments, env={**os.environ, **environment})
        text = ""
        if os.path.exists(log):
            with open(log) as file:
                text = file.read()
            os.unlink(log)
        number = re.search(r"^allocations (\d+)", text, re.M)
        # The name service of glibc 2.36 crashes without memory, by itself and before anything of acmegate's has begun.
        self.in_name_service = re.search(r"get(pw|gr)nam", text) is not None
        return result, int(number[1]) if number else 0, "failed" in text

    # --- one point

    def judge_port(self, kind, trace, seen, result, problem):
        spans, last, lost = seen
        for family, state in last.items():
            if state != "silent":
                problem("open", f"IPv{family}: the port is {state} when all has ended")
        longest = max([to - start for _, start, to in spans], default=0)
        if longest > MAX_OPEN + 0.5:
            problem("open", f"the port was open for {longest:.1f} s, {MAX_OPEN} are configured")
        if not trace.accidents:
            return
        result["longest"] = longest
        # Of several accidents the death of the gate counts; the watchdog's may have come before it.
        when = next((a[0] for a in trace.accidents if kind == "watchdog" and a[1] == "gate"), trace.accidents[0][0])
        # A run that survived the death (of a surveyor whose answer it can do without) may open its window afterwards.
        went_on = "validation of" in self.said
        after = max([to - when for _, start, to in spans if to > when and (start <= when or not went_on)], default=None)
        if kind in ("kill", "killall", "watchdog") and after is not None and after > AT_ONCE:
            problem("slow", f"the port was closed {after * 1000:.0f} ms after the death")
            # "to" is when the port was first seen closed. Where the machine may have taken that time, the point is tried again.
            result["late"] = after - lost <= AT_ONCE
        result["closed"] = after

    def judge_status(self, flow, trace, same, store, problem):
        """What main says of itself is true, and it does not fail in silence."""
        status = trace.exits.get("main", (0, None))[1]
        if trace.left and not self.watchdog_tries_on(trace):
            problem("hung", f"{trace.left} processes still ran after {LIMIT} s")
        elif status is None:
            problem("status", "main did not end")
        elif status == 128 + signal.SIGKILL and "watchdog" in self.said:
            pass  # it hung, and the watchdog ended it
        elif status in (128 + signal.SIGABRT, 128 + signal.SIGSEGV) and self.in_name_service:
            pass
        elif status == 128 + signal.SIGSEGV and trace.accidents and trace.accidents[0][2] <= self.loaded:
            pass  # the dynamic loader does not look at each error; nothing of acmegate has run yet
        elif status >= 128:
            problem("status", f"main died of signal {status - 128}")
        elif status and not re.search("error|cannot", self.said):
            problem("silent", f"status {status} without a word of why")
        elif status == 0 and not same:
            problem("status", "status 0, and the ruleset is not the same")
        elif status == 0 and flow.get("command"):
            pass
        elif status == 0 and (not flow["success"] or store != "new"):
            problem("status", f"status 0, and the certificate is {store}")

    def watchdog_tries_on(self, trace):
        """It is the only one left, and says why: while something may be open it does not give up, and this fault never ends."""
        last = max(trace.exits, key=trace.exits.get, default=None)
        return trace.left == 1 and last == self.watchdog and "goes on trying" in self.said

    def judge_watchdog(self, trace, same, problem):
        """The same for the one that acts when the gate is dead."""
        status = trace.exits.get(self.watchdog, (0, None))[1]
        if status == 0 and not same:
            problem("status", "the watchdog ends with status 0, and the ruleset is not the same")
        elif status and status < 128 and "watchdog" not in self.said:
            problem("silent", f"the watchdog ends with status {status} without a word of why")

    def next_run(self, flow, problem, unread):
        self.configure(hook=flow.get("hook", False))
        after = run(*self.command("renew-now"))
        if after.returncode or "error" in after.stdout:
            problem("next", f"the next renew-now ends with {after.returncode}: {after.stdout.strip()[-300:]}")
        elif self.check_store(True, problem) != "new":
            problem("store", "the next renew-now leaves no new certificate")
        else:
            self.check_tidy(problem, unread)
        if flow.get("hook") and not os.path.exists(self.hooked):
            problem("hook", "the hook was not run, not even by the next renew-now")

    def point(self, **arguments):
        for _ in range(3):
            result = self.point_once(**arguments)
            if not result.get("late"):
                break
        return result

    def point_once(self, flow, kind, accidents, allocation=0):
        """kind: kill (one of several), killall, fail, stop, or watchdog (the gate is dead, and then...)"""
        result, problems = {}, []

        def problem(what, text):
            problems.append((what, text))

        start = time.time()
        self.in_name_service = False
        self.prepare(flow)
        flow = FLOWS[flow]
        probe = Probe(self.rig)
        command = self.command(flow.get("command", "renew-now"))
        if allocation:
            trace, _, result["reached"] = self.with_allocations(allocation, self.trace, [], command)
        else:
            trace = self.trace(accidents, command)
            happened = [a for a in trace.accidents if a[1] != "all"]
            result["reached"] = len(happened) == sum(word in ("kill", "killall", "stop", "fail") for word in accidents)
        killed_main = kind == "killall" or accidents[:2] == ["kill", "main"]
        closer = "gate" if accidents[:2] == ["kill", "main"] else self.watchdog if accidents[:2] == ["kill", "gate"] else None
        # A process that could close was alive, and no call of it failed.
        orderly = kind in ("kill", "stop") and "command" not in flow
        same = self.check_ruleset(orderly, problem)
        probe.stop()
        self.check_left(problem)
        store = self.check_store(flow["state"] == "certificate", problem)
        self.judge_port(kind, trace, probe.report(), result, problem)
        if killed_main and trace.accidents:
            result["gone"] = max(0.0, max(when for when, _ in trace.exits.values()) - trace.accidents[0][0])
        if kind == "kill" and same and closer in trace.exits and trace.accidents:
            result["restored"] = max(0.0, trace.exits[closer][0] - trace.accidents[0][0])
        if not killed_main or not trace.accidents:
            self.judge_status(flow, trace, same, store, problem)
        if kind == "watchdog":
            self.judge_watchdog(trace, same, problem)
        said, status = self.said, trace.exits.get("main", (0, None))[1]
        self.recover(not orderly and status != 0, problem)
        if not self.check_ruleset(True, problem):
            self.mend()
        unread = "fail" in accidents and any(accident[3] == "pread64" for accident in trace.accidents)
        self.next_run(flow, problem, unread)
        if not self.check_ruleset(True, problem):
            self.mend()
        result.update(problems=problems, accident=trace.accidents[0] if trace.accidents else None, said=said[-1500:],
                      status=status, seconds=time.time() - start)
        return result

    def serve(self):
        for line in sys.stdin:
            name, arguments = json.loads(line)
            try:
                answer = getattr(self, name)(**arguments)
            except Exception as error:  # told to the parent, where it is a failure
                answer = {"broken": f"{type(error).__name__}: {error}"}
                self.mend()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    Worker().serve()
