/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hook_socket.h - STATE/hook.socket: what a hook says to the process that holds a window, see lease.h. */
#ifndef ACMEGATE_WARDEN_HOOK_SOCKET_H
#define ACMEGATE_WARDEN_HOOK_SOCKET_H

#include "warden/clients.h"

enum hook { HOOK_PRE, HOOK_POST };

/*
 * Speaks to the process that holds a window already: pre adds a client to it, post takes one away and returns when the port
 * is closed, if it was the last. *status: the exit status. 1: done. 0: nobody holds a window. -1: fault.
 */
int hook_socket_ask(int state_fd, enum hook hook, const struct client *client, int *status, struct fault *fault) MUST_CHECK;

/* Makes the socket, in place of one that is left. *fd never waits. */
int hook_socket_listen(int state_fd, int *fd, struct fault *fault) MUST_CHECK;
void hook_socket_remove(int state_fd);

/* A hook that asks. The descriptors of *client are the caller's, also when it fails. Its connection, or -1: nobody who may ask. */
int hook_socket_accept(int fd, enum hook *hook, struct client *client);

/* Closes the connection, too. */
void hook_socket_reply(int connection, int status, const char *text);

#endif
