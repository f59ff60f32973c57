#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
town - who answers whom between several network namespaces.

    town serve NAME@PLACE:PORT...               answers each request there with NAME, over IPv4 and IPv6, until SIGTERM
    town expect 'FROM>TO[:PORT] WORD [WORD6]'...  every look at once; fails and says which did not come out so

Places are in the file $TOWN_MAP, one a line: NAME NAMESPACE ADDRESS4 ADDRESS6; "-" is the namespace of the caller. A look connects
from an address of FROM to one of TO and asks for a page; the word is the NAME of the server that answered, "us" for acmegate's
responder, which knows no such page, "mute" for a connection without an answer, "closed" for none. One word is for both families.
"closed" is looked at once and for 0.3 seconds; anything else again until it comes true, for six seconds, or two if others answer.

tests/corpus/corpus imports this for its own world.
"""
import ctypes, itertools, os, random, selectors, signal, socket, sys, threading, time

CLONE_NEWNET = 0x40000000
CLOSED_SECONDS = 0.3
# Each once: where answers alone are masqueraded, two connections from one port would be one to whoever hears them, and come back changed.
PORTS = itertools.cycle(random.sample(range(2000, 10000), 8000))
libc = ctypes.CDLL(None, use_errno=True)
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def enter(namespace):
    """Moves the calling thread only."""
    with open(f'/run/netns/{namespace}') as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')


def inside(namespace, function, *arguments):
    """The result of a function that a thread in that namespace calls."""
    result = []

    def work():
        if namespace != '-':
            enter(namespace)
        result.append(function(*arguments))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return result[0] if result else None


# --- who answers ----------------------------------------------------------------------------------------------------------

def listener(family, port):
    one = socket.socket(FAMILIES[family], socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == 6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(('', port))
    one.listen(64)
    one.setblocking(False)
    return one


class Servers:
    """Listening sockets in several namespaces, served by one thread. A connection is answered as often as it asks."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.sockets = {}

    def listen(self, namespace, port, name):
        for family in FAMILIES:
            one = inside(namespace, listener, family, port)
            if not one:
                raise OSError(f'{name} cannot listen on port {port}')
            self.sockets.setdefault((namespace, port), []).append(one)
            self.selector.register(one, selectors.EVENT_READ, name)

    def close(self, namespace, port):
        for one in self.sockets.pop((namespace, port), ()):
            self.selector.unregister(one)
            one.close()

    def accept(self, one, name):
        try:
            connection, _ = one.accept()
        except OSError:
            return
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ, name)

    def answer(self, connection, name):
        try:
            if connection.recv(4096):
                connection.send(f'HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}'.encode())
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()

    def serve(self, seconds=None):
        for key, _ in self.selector.select(seconds):
            if key.fileobj.fileno() < 0:
                continue
            try:
                listens = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            except OSError:
                continue
            (self.accept if listens else self.answer)(key.fileobj, key.data)


# --- who asks -------------------------------------------------------------------------------------------------------------

def connect(family, source, target, port, limit):
    """From a port below those of probe.c and those that the kernel gives out, which the rig may hold back."""
    for _ in range(20):
        connection = socket.socket(FAMILIES[family], socket.SOCK_STREAM)
        connection.settimeout(limit)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            connection.bind((source, next(PORTS)))
            connection.connect((target, port))
            return connection
        except OSError as error:
            connection.close()
            if error.errno not in (98, 99):  # in use: another port
                return None
    return None


def ask(connection):
    """The word of one request on it."""
    try:
        connection.sendall(b'GET / HTTP/1.1\r\nHost: town\r\n\r\n')
        answer = connection.recv(4096).decode(errors='replace')
    except OSError:
        return 'mute'
    if answer.startswith('HTTP/1.1 200'):
        return answer.rpartition('\r\n')[2]
    return 'us' if answer.startswith('HTTP/') else 'mute'


def fetch(family, source, target, port, limit):
    connection = connect(family, source, target, port, limit)
    if not connection:
        return 'closed'
    with connection:
        return ask(connection)


def look(namespace, family, source, target, port, wanted):
    if wanted == 'closed':
        return inside(namespace, fetch, family, source, target, port, CLOSED_SECONDS)
    start = time.monotonic()
    while True:
        found = inside(namespace, fetch, family, source, target, port, 1.5)
        if found == wanted or time.monotonic() > start + (6 if found in ('closed', 'mute') else 2):
            return found
        time.sleep(0.1)


# --- for shell scripts ----------------------------------------------------------------------------------------------------

def places():
    with open(os.environ['TOWN_MAP']) as file:
        return {line.split()[0]: line.split()[1:] for line in file if line.strip()}


def expect(lines):
    known, wrong, threads = places(), [], []

    def one(line, family, wanted):
        way, _, port = line.split()[0].partition(':')
        come, go = (known[place] for place in way.split('>'))
        column = 1 if family == 4 else 2
        found = look(come[0], family, come[column], go[column], int(port or 80), wanted)
        if found != wanted:
            wrong.append(f'{line.split()[0]} over IPv{family}: {found} instead of {wanted}')

    for line in lines:
        words = line.split()[1:]
        for family, wanted in zip(FAMILIES, words * 2 if len(words) == 1 else words):
            if wanted != '-':
                threads.append(threading.Thread(target=one, args=(line, family, wanted)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print('\n'.join(sorted(wrong)), end='\n' if wrong else '')
    return bool(wrong)


def serve(specs):
    servers, known = Servers(), places()
    for spec in specs:
        name, _, rest = spec.partition('@')
        place, _, port = rest.partition(':')
        servers.listen('-' if place == '-' else known[place][0], int(port), name)
    print('ready', flush=True)
    while True:
        servers.serve()


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if len(sys.argv) < 3 or sys.argv[1] not in ('serve', 'expect'):
        sys.exit(__doc__)
    sys.exit({'serve': serve, 'expect': expect}[sys.argv[1]](sys.argv[2:]))
