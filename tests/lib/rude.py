#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rude.py ADDRESS:PORT ADDRESS:PORT CERTIFICATE KEY RULE...
rude.py ADDRESS:PORT ADDRESS:PORT CERTIFICATE KEY @DIRECTORY

A TLS proxy in front of an ACME server that misbehaves where it is told to. It listens on the first address and forwards to
the second. Pebble makes its URLs from the Host header, which is passed on: a client that begins here stays here.

RULE is METHOD|PATH|WHICH|ACTION, with METHOD "*" for any or "POST:TEXT" for a payload with this text in it, PATH a regular expression, WHICH "2" (the second request that this
rule fits), "2-" (from the second on) or "all". ACTION is one of

    status=CODE[:TYPE[:RETRY-AFTER]]  a problem document instead of the answer; with a fresh nonce, but not to HEAD, as
                 that is how a nonce is asked for
    reset        RST instead of an answer           close     the connection ends without an answer
    truncate     half of the body                   hang      no answer, for ever
    garbage      octets that are no JSON            empty     the status and headers, no body
    endless      a body that never ends             html      a page of some middle box, status 200
    nononce      the answer without Replay-Nonce    stale     with a nonce that the CA never gave
    set=NAME=JSON[;NAME=JSON...]   members of the object replaced
    challenge=TYPE:NAME=JSON[;NAME=JSON...]   the same in the challenge of this type; without JSON: removed
    wait=SECONDS the answer comes so late
    headers=BYTES[:COUNT]   so many bytes of header lines more, in so many lines (1)
    redirect=URL status 302 instead of an answer
    document=JSON  status 200 with this document, and HEADER: VALUE for each further line
    ahead=SECONDS  the clock of the CA is so much ahead: Date says so
    lose         the CA acts, and its answer never comes
    drop         the CA acts, and the connection ends without an answer
    pending=SECONDS[:RETRY-AFTER[:REASON]]   an authorization or order stays pending for so long after the first challenge
                 was answered, with this reason in its http-01 challenge; with a path for SECONDS, until that file is there

Each request is a line on standard output: METHOD PATH ACTION.

The second form takes its rules from DIRECTORY/rude.rules, each with a zero octet behind it, in a child that writes into DIRECTORY/rude.log
and makes DIRECTORY/rude.ready once it listens. SIGHUP puts another child in its place: starting Python takes longer than a run of acmegate.
"""
import base64
import ctypes
import email.utils
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time

PROBLEM = "urn:ietf:params:acme:error:"
lock = threading.Lock()
answered = []  # when challenges were


def payload(body):
    """Of a JWS, as text."""
    try:
        text = json.loads(body)["payload"]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (ValueError, KeyError, TypeError):
        return ""


class Rule:
    def __init__(self, text):
        method, path, self.which, self.action = text.split("|", 3)
        self.method, _, self.text = method.partition(":")
        self.path = re.compile(path)
        self.seen = 0

    def fits(self, method, path, body):
        if self.method not in ("*", method) or not self.path.search(path) or self.text not in payload(body):
            return False
        with lock:
            self.seen += 1
            seen = self.seen
        if self.which == "all":
            return True
        if self.which.endswith("-"):
            return seen >= int(self.which[:-1])
        return seen == int(self.which)


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


class Backend:
    def __init__(self, address):
        self.address = split(address)
        self.context = ssl.create_default_context()
        # It is the other process of the same test, in the same namespace.
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def ask(self, method, path, headers, body):
        connection = http.client.HTTPSConnection(*self.address, context=self.context, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            kept = [pair for pair in answer.getheaders()
                    if pair[0].lower() not in ("transfer-encoding", "content-length", "connection")]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def nonce(self, host):
        _, headers, _ = self.ask("HEAD", "/nonce-plz", [("Host", host), ("User-Agent", "rude")], b"")
        return dict((name.lower(), value) for name, value in headers).get("replay-nonce", "")


def read_request(stream):
    line = stream.readline(65536).decode("latin-1")
    if not line.strip():
        return None
    method, path, _ = line.split(" ", 2)
    headers = []
    while True:
        field = stream.readline(65536).decode("latin-1").rstrip("\r\n")
        if not field:
            break
        name, _, value = field.partition(":")
        headers.append((name, value.strip()))
    known = dict((name.lower(), value) for name, value in headers)
    return method, path, headers, known, stream.read(int(known.get("content-length", 0)))


def problem(backend, method, host, argument):
    code, kind, later = (argument.split(":") + ["", ""])[:3]
    headers = [("Content-Type", "application/problem+json")]
    if method != "HEAD":
        headers.append(("Replay-Nonce", backend.nonce(host)))
    if later:
        headers.append(("Retry-After", later))
    body = {"type": PROBLEM + (kind or "serverInternal"), "detail": "rude on purpose", "status": int(code)}
    return int(code), headers, json.dumps(body).encode()


def is_over(end):
    if end.startswith("/"):
        return os.path.exists(end)
    return answered and time.monotonic() - answered[0] >= float(end)


def hold_back(argument, headers, document):
    """What the CA would say if it were not as far yet."""
    end, later, reason = (argument.split(":", 2) + ["", ""])[:3]
    if document.get("status") not in ("pending", "ready", "valid", "invalid", "processing") or is_over(end):
        return headers, document
    document["status"] = "pending"
    for challenge in document.get("challenges", []):
        challenge["status"] = "pending"
        challenge.pop("error", None)
        if reason and answered and challenge["type"] == "http-01":
            challenge["error"] = {"type": PROBLEM + "connection", "detail": reason}
    return headers + ([("Retry-After", later)] if later else []), document


def without_nonce(headers):
    return [pair for pair in headers if pair[0].lower() != "replay-nonce"]


def spoil(name, argument, status, headers, body):
    """The answer of the real server, with one thing wrong."""
    if name == "garbage":
        body = bytes((i * 7 + 3) & 255 for i in range(500))
    elif name == "empty":
        body = b""
    elif name == "html":
        body = b"<html><body>Please log in to the guest network</body></html>"
        headers = [pair for pair in headers if pair[0].lower() != "content-type"] + [("Content-Type", "text/html")]
        status = 200
    elif name == "nononce":
        headers = without_nonce(headers)
    elif name == "stale":
        headers = without_nonce(headers) + [("Replay-Nonce", "c3RhbGU" * 3)]
    elif name == "set":
        document = json.loads(body)
        for pair in argument.split(";"):
            member, value = pair.split("=", 1)
            document[member] = json.loads(value)
        body = json.dumps(document).encode()
    elif name == "challenge":
        document = json.loads(body)
        kind, members = argument.split(":", 1)
        for challenge in document.get("challenges", []):
            for pair in members.split(";") if challenge["type"] == kind else []:
                member, value = pair.split("=", 1)
                challenge[member] = json.loads(value or "null")
                if not value:
                    del challenge[member]
        body = json.dumps(document).encode()
    elif name == "ahead":
        headers = [pair for pair in headers if pair[0].lower() != "date"] + [
            ("Date", email.utils.formatdate(time.time() + int(argument), usegmt=True))]
    elif name == "headers":
        size, count = (argument.split(":") + ["1"])[:2]
        headers = headers + [("X-Rude-%d" % i, "r" * (int(size) // int(count))) for i in range(int(count))]
    elif name == "pending":
        headers, document = hold_back(argument, headers, json.loads(body))
        body = json.dumps(document).encode()
    return status, headers, body


def send(connection, method, name, status, headers, body):
    head = "HTTP/1.1 %d Rude\r\n" % status + "".join("%s: %s\r\n" % pair for pair in headers)
    if name == "endless":
        connection.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        while True:
            connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
    length = 0 if method == "HEAD" else len(body)
    connection.sendall((head + "Content-Length: %d\r\n\r\n" % length).encode())
    if method == "HEAD":
        return
    connection.sendall(body[:len(body) // 2] if name == "truncate" else body)


def answer(connection, backend, request, rules):
    """Whether the connection goes on."""
    method, path, headers, known, body = request
    action = next((rule.action for rule in rules if rule.fits(method, path, body)), "")
    print(method, path, action or "-", flush=True)
    name, _, argument = action.partition("=")
    if re.search("/chalZ/", path):
        answered.append(time.monotonic())
    if name == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if name == "close":
        return False
    if name in ("lose", "drop"):
        backend.ask(method, path, headers, body)
        print("lost", path, flush=True)
    if name == "drop":
        return False
    if name in ("hang", "lose"):
        # Until the peer gives up.
        connection.recv(1)
        return False
    if name == "wait":
        time.sleep(float(argument))
    if name == "redirect":
        status, fields, content = 302, [("Location", argument)], b""
    elif name == "document":
        document, *lines = argument.split("\n")
        status, fields, content = 200, [tuple(line.split(": ", 1)) for line in lines], document.encode()
    elif name == "status":
        status, fields, content = problem(backend, method, known.get("host", ""), argument)
    else:
        status, fields, content = spoil(name, argument, *backend.ask(method, path, headers, body))
    send(connection, method, name, status, fields, content)
    return name != "truncate"


def serve(raw, context, backend, rules):
    try:
        with context.wrap_socket(raw, server_side=True) as connection, connection.makefile("rb") as stream:
            while True:
                request = read_request(stream)
                if request is None or not answer(connection, backend, request, rules):
                    # Not unwrap(): the abrupt end is the point.
                    return
    except (OSError, ValueError) as error:
        print("ended:", error, flush=True)


def in_child(directory):
    """Returns in a child, for each SIGHUP in another one, with its rules; the parent ends with the last of them."""
    signals = {signal.SIGHUP, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    while True:
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
            os.dup2(os.open(directory + "/rude.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 1)
            os.dup2(1, 2)
            with open(directory + "/rude.rules", encoding="utf-8") as file:
                return [text for text in file.read().split("\0") if text]
        ended = signal.sigwait(signals) == signal.SIGTERM
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if ended:
            sys.exit()


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    listen, to, certificate, key, *texts = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    backend = Backend(to)
    directory = texts[0][1:] if texts and texts[0].startswith("@") else None
    if directory:
        texts = in_child(directory)
    rules = [Rule(text) for text in texts]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(split(listen))
        listener.listen(64)
        if directory:
            os.close(os.open(directory + "/rude.ready", os.O_CREAT | os.O_WRONLY, 0o644))
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=serve, args=(raw, context, backend, rules), daemon=True).start()


if __name__ == "__main__":
    main()
