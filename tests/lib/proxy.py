#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxy.py ADDRESS:PORT USER:PASSWORD|STATUS

A proxy that connects (RFC 9110, 9.3.6) whoever knows the password, and tells the others so with 407; with a status in the place of
the password it tells everybody that. Each request is a line on standard output.
"""
import base64
import select
import socket
import sys
import threading


def split(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return None
        head += data
    return head.decode("latin-1")


def join(one, other):
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def serve(connection, secret):
    with connection:
        head = read_head(connection)
        if head is None:
            return
        method, target, _ = head.split(" ", 2)
        given = "Basic " + base64.b64encode(secret.encode()).decode()
        status = secret if secret.isdigit() else "200" if given in head else "407"
        print(method, target, status, flush=True)
        connection.sendall(("HTTP/1.1 %s Proxy\r\n%s\r\n" % (status, 'Proxy-Authenticate: Basic realm="rig"\r\n'
                                                            if status == "407" else "")).encode())
        if status == "200":
            with socket.create_connection(split(target)) as server:
                join(connection, server)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(split(sys.argv[1]))
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, sys.argv[2]), daemon=True).start()


if __name__ == "__main__":
    main()
