/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sockets.h - which TCP sockets this host has, by sock_diag(7). Looking takes no right. */
#ifndef ACMEGATE_BASE_SOCKETS_H
#define ACMEGATE_BASE_SOCKETS_H

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <stdint.h>

#include "base/fault.h"

#define SOCKETS_IN(state) (1U << (state))

/* Finds the inodes of up to most sockets that listen on the port; returns how many there are, or -1. */
int sockets_listeners(uint16_t port, uint32_t *inodes, int most, struct fault *fault) MUST_CHECK;

/* All sockets of the port in these states, of both families. */
int sockets_list(uint16_t port, uint32_t states, mnl_cb_t callback, void *arg, struct fault *fault) MUST_CHECK;

/* The state of the one that has these four words, or of the listener that would have such a connection; 0: there is none. -1: errno. */
int sockets_state(struct mnl_socket *socket, uint8_t family, const struct inet_diag_sockid *id) MUST_CHECK;

/* For other questions, and orders. */
void sockets_free(struct mnl_socket **socket);
#define OWN_SOCKET __attribute__((cleanup(sockets_free)))
struct mnl_socket *sockets_connect(struct fault *fault) MUST_CHECK;
struct inet_diag_req_v2 *sockets_build(struct nlmsghdr **message, void *buffer, uint16_t type, uint16_t flags);

/* Sends one request and gives all answers to the callback. */
int sockets_talk(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t callback, void *arg) MUST_CHECK;

#endif
