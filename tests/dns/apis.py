#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""apis.py SERVER TSIG-KEY LOG [CERTIFICATE KEY] - is the services that [dns NAME] knows, on port 8443 of all addresses, before a real name server,
which nsupdate changes; without a certificate by plain HTTP. Each request is a line in LOG.

    /acmedns        acme-dns 2: register, update, allowfrom; two values of each registration, in the zone auth.example.net
    /httpreq        lego's httpreq; user "lego", password "secret: with a colon"
    /v2             DigitalOcean's records of the domain example.org; token "dop_v1_token"
    /bad/WORD/...   401, 404, 429, 500; redirect, page (no JSON), large (1 MB), stall, empty
"""
import base64
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

server, tsig, log = sys.argv[1:4]
LOGIN = 'Basic ' + base64.b64encode(b'lego:secret: with a colon').decode()
TOKEN = 'Bearer dop_v1_token'
AUTH = 'auth.example.net'
DOMAIN = 'example.org'
lock = threading.Lock()
registrations = {}
# Another hand's records, more than a page of them.
records = {n: {'id': n, 'type': 'TXT', 'name': '_acme-challenge.b', 'data': 'of another client %d' % n} for n in range(1, 251)}
next_id = 1000


def nsupdate(*lines):
    text = 'server %s\n' % server + ''.join(line + '\n' for line in lines) + 'send\n'
    subprocess.run(['nsupdate', '-v', '-k', tsig], input=text.encode(), check=True, timeout=20)


class Refused(Exception):
    def __init__(self, status, answer):
        super().__init__(status)
        self.status, self.answer = status, answer


def register(handler, body):
    networks = (body or {}).get('allowfrom', [])
    for network in networks:
        ipaddress.ip_network(network)
    user, subdomain = str(uuid.uuid4()), str(uuid.uuid4())
    registrations[user] = {'username': user, 'password': uuid.uuid4().hex + 'x' * 8, 'fulldomain': subdomain + '.' + AUTH,
                           'subdomain': subdomain, 'allowfrom': networks, 'values': []}
    return 201, {k: v for k, v in registrations[user].items() if k != 'values'}


def update(handler, body):
    one = registrations.get(handler.headers.get('X-Api-User'))
    address = ipaddress.ip_address(handler.client_address[0].replace('::ffff:', ''))
    if not one or one['password'] != handler.headers.get('X-Api-Key') or one['subdomain'] != body['subdomain']:
        raise Refused(401, {'error': 'forbidden'})
    if one['allowfrom'] and not any(address in ipaddress.ip_network(n) for n in one['allowfrom']):
        raise Refused(401, {'error': 'forbidden'})
    if not re.fullmatch('[A-Za-z0-9_-]{43}', body['txt']):
        raise Refused(400, {'error': 'bad_txt'})
    one['values'] = (one['values'] + [body['txt']])[-2:]
    nsupdate('update delete %s. TXT' % one['fulldomain'], *('update add %s. 1 TXT "%s"' % (one['fulldomain'], v) for v in one['values']))
    return 200, {'txt': body['txt']}


def lego(verb):
    def change(handler, body):
        if handler.headers.get('Authorization') != LOGIN:
            raise Refused(401, {'message': 'who are you?'})
        assert body['fqdn'].endswith('.') and set(body) == {'fqdn', 'value'}
        nsupdate('update %s %s %s TXT "%s"' % (verb, body['fqdn'], '60' if verb == 'add' else '', body['value']))
        return 200, {}
    return change


def full(name):
    return DOMAIN if name == '@' else name + '.' + DOMAIN


def digitalocean(handler, method, path, query, body):
    global next_id
    if handler.headers.get('Authorization') != TOKEN:
        raise Refused(401, {'id': 'unauthorized', 'message': 'Unable to authenticate you'})
    match = re.fullmatch(r'/v2/domains/([^/]+)/records(?:/(\d+))?', path)
    if not match or match[1] != DOMAIN:
        raise Refused(404, {'id': 'not_found', 'message': 'The resource you were accessing could not be found.'})
    if method == 'GET':
        found = [r for r in records.values() if r['type'] == query['type'][0] and full(r['name']) == query['name'][0]]
        size, page = int(query['per_page'][0]), int(query['page'][0])
        return 200, {'domain_records': found[size * (page - 1):size * page], 'meta': {'total': len(found)}}
    if method == 'POST':
        assert 30 <= body['ttl'] <= 3600
        one = {'id': next_id, 'type': body['type'], 'name': body['name'], 'data': body['data']}
        nsupdate('update add %s. %d TXT "%s"' % (full(one['name']), body['ttl'], one['data']))
        records[next_id] = one
        next_id += 1
        return 201, {'domain_record': one}
    one = records.pop(int(match[2]), None)
    if not one:
        raise Refused(404, {'id': 'not_found', 'message': 'The resource you were accessing could not be found.'})
    nsupdate('update delete %s. TXT "%s"' % (full(one['name']), one['data']))
    return 204, None


def bad(handler, word):
    if word == 'stall':
        time.sleep(60)
    if word == 'redirect':
        return 302, {}
    if word == 'large':
        return 200, {'message': 'x' * 1000000}
    if word in ('page', 'empty'):
        return 200, '<html>welcome' if word == 'page' else None
    raise Refused(int(word), {'message': 'as you like it'})


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    routes = {('POST', '/acmedns/register'): register, ('POST', '/acmedns/update'): update,
              ('POST', '/httpreq/present'): lego('add'), ('POST', '/httpreq/cleanup'): lego('delete')}

    def find(self, path, query, body):
        if path.startswith('/bad/'):
            return bad(self, path.split('/')[2])
        if path.startswith('/v2/'):
            return digitalocean(self, self.command, path, query, body)
        if (self.command, path) not in self.routes:
            raise Refused(404, {'error': 'no such thing'})
        return self.routes[self.command, path](self, body)

    def serve(self):
        text = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        url = urllib.parse.urlparse(self.path)
        # A stalled one must not keep the others waiting.
        with (lock if '/stall' not in url.path else threading.Lock()):
            with open(log, 'a', encoding='ascii') as file:
                file.write('%s %s\n' % (self.command, self.path))
            try:
                status, answer = self.find(url.path, urllib.parse.parse_qs(url.query), json.loads(text) if text else None)
            except Refused as refused:
                status, answer = refused.status, refused.answer
            except Exception as trouble:  # as a service does that has a mistake
                print(repr(trouble), flush=True)
                status, answer = 500, {'message': repr(trouble)}
        data = b'' if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        if status == 302:
            self.send_header('Location', 'https://%s/httpreq/present' % self.headers['Host'])
        if status != 204:
            self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = serve

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def get_request(self):
        connection, address = self.socket.accept()
        connection.settimeout(90)
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) if context else connection, address

    def handle_error(self, *_):
        pass


context = None
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[4:6])
Server(('::', 8443), Handler).serve_forever()
