#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""stub.py ADDRESS UPSTREAM - a resolver (TCP port 53) that leaves out where an answer comes from, as systemd-resolved does."""
import socket
import struct
import sys
import threading

from wire import skip_name

address, upstream = sys.argv[1:3]


def stripped(data):
    questions, answers = struct.unpack('!2H', data[4:8])
    at = 12
    for _ in range(questions):
        at = skip_name(data, at) + 4
    for _ in range(answers):
        at = skip_name(data, at)
        at += 10 + struct.unpack('!H', data[at + 8:at + 10])[0]
    return data[:8] + b'\0\0\0\0' + data[12:at]


def take(connection):
    head = connection.recv(2, socket.MSG_WAITALL)
    return connection.recv(struct.unpack('!H', head)[0], socket.MSG_WAITALL) if len(head) == 2 else b''


def serve(connection):
    with connection:
        while query := take(connection):
            with socket.create_connection((upstream, 53), timeout=10) as server:
                server.sendall(struct.pack('!H', len(query)) + query)
                answer = stripped(take(server))
            connection.sendall(struct.pack('!H', len(answer)) + answer)


with socket.create_server((address, 53)) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
