#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tamper.py ADDRESS UPSTREAM [FATE] - stands between acmegate-dns and a name server (TCP port 53), and spoils the answers to questions for
_acme-challenge.tN.example.org in the N-th way. Updates have no answer as long as there is a file FATE: if it says "late", or "held" without
an end of the connection, the server gets them when the file is gone; it is empty as soon as one is held. All else goes through."""
import pathlib
import socket
import struct
import sys
import threading
import time

from wire import skip_name

address, upstream = sys.argv[1:3]
fate_file = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None


def records(data):
    """Where the question ends, and where each record begins; the last one is that of TSIG."""
    counts = struct.unpack('!4H', data[4:12])
    at = 12
    for _ in range(counts[0]):
        at = skip_name(data, at) + 4
    starts = []
    for _ in range(sum(counts[1:])):
        starts.append(at)
        at = skip_name(data, at)
        at += 10 + struct.unpack('!H', data[at + 8:at + 10])[0]
    return starts


def flip(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


def unsigned(data):
    return data[:10] + struct.pack('!H', struct.unpack('!H', data[10:12])[0] - 1) + data[12:records(data)[-1]]


def algorithm(data):
    return skip_name(data, records(data)[-1]) + 10


def fields(data):
    return skip_name(data, algorithm(data))


def refuse(data):
    return flip(unsigned(data)[:3] + b'\x05' + unsigned(data)[4:], 2, 0)


def failing(data):
    """SERVFAIL, with nothing behind the question."""
    return data[:3] + b'\x02' + data[4:6] + bytes(6) + data[12:(records(data) or [len(data)])[0]]


def longer(data, record):
    """With as many of these records as there is room for."""
    count, more = struct.unpack('!H', data[10:12])[0], (65535 - len(data)) // len(record)
    return data[:10] + struct.pack('!H', count + more) + data[12:] + more * record


WAYS = {
    1: lambda d: flip(d, 3),                    # the code
    2: lambda d: flip(d, 2, 4),                 # authoritative or not
    3: lambda d: flip(d, 0),                    # the number: an update forwarder changes it, and the signature has the first one
    4: unsigned,
    5: lambda d: flip(d, fields(d) + 10),       # the signature
    6: lambda d: flip(d, fields(d) + 4),        # its time
    7: lambda d: flip(d, records(d)[-1] + 2),   # the name of the key
    8: lambda d: flip(d, algorithm(d) + 11),    # hmac-sha256 becomes hmac-sha257
    9: lambda d: d[:10],
    10: lambda d: flip(d, 2, 0x80),             # no answer
    11: lambda d: flip(d, 14),                  # to another question
    12: lambda d: None,
    13: refuse,
    14: lambda d: b'\xff' * 65535,
    15: lambda d: flip(d, records(d)[0] - 6),   # to a question for another type
    16: lambda d: d + d,
    # of a second server, whose answers have no signature
    17: failing,
    18: lambda d: flip(d, 2, 2),                # cut off
    19: lambda d: d,                            # less than was promised
    20: lambda d: longer(d, b'\0\0\x10\0\1\0\0\0\1\0\xff\xfe' + 254 * b'x'),
    21: lambda d: longer(d, b'\0\0\1\0\1\0\0\0\0\0\4' + bytes(4)),
}
PROMISED = {19: 100}


def receive(connection, length):
    data = b''
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            return None
        data += part
    return data


def message(connection):
    size = receive(connection, 2)
    return size and receive(connection, struct.unpack('!H', size)[0])


def fate(query):
    """What happens to it; None: nothing."""
    try:
        return fate_file.read_text().strip() if fate_file and query[2] >> 3 & 15 == 5 else None
    except FileNotFoundError:
        return None


def serve(connection):
    with connection, socket.create_connection((upstream, 53)) as server:
        query = message(connection)
        if not query:
            return
        how = fate(query)
        if how == 'held':
            fate_file.write_text('')
        while how in ('late', 'held') and fate(query) is not None:
            if how == 'late':
                connection.close()
            time.sleep(0.05)
        server.sendall(struct.pack('!H', len(query)) + query)
        answer = message(server)
        if how:
            return
        length = query[12 + 1 + len('_acme-challenge')]
        label = query[12 + 2 + len('_acme-challenge'):][:length]
        number = int(label[1:]) if label[:1] == b't' and label[1:].isdigit() else 0
        if number in WAYS:
            answer = WAYS[number](answer)
        if answer:
            connection.sendall(struct.pack('!H', len(answer) + PROMISED.get(number, 0)) + answer)


listener = socket.create_server((address, 53))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
