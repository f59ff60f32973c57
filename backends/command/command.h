/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - a firewall that only a program of the administrator's can open: of a cloud, of a router. acmegate.conf(5) tells
 * what is asked of the program.
 */
#ifndef ACMEGATE_BACKENDS_COMMAND_COMMAND_H
#define ACMEGATE_BACKENDS_COMMAND_COMMAND_H

#include "backends/backend.h"

extern const struct backend command_backend;

#endif
