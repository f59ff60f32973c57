# SPDX-License-Identifier: GPL-3.0-or-later
"""wire.py - where a name in a DNS message ends (RFC 1035, 4.1.4), for what stands between acmegate-dns and a server."""


def skip_name(data, at):
    while data[at]:
        if data[at] >= 0xC0:
            return at + 2
        at += data[at] + 1
    return at + 1
