/* SPDX-License-Identifier: GPL-3.0-or-later */
/* firewall_tool.h - hooks of other clients that open the port: what setup replaces is what check warns of. */
#ifndef ACMEGATE_COMMAND_FIREWALL_TOOL_H
#define ACMEGATE_COMMAND_FIREWALL_TOOL_H

/* The firewall's tool that a line of shell names, as a word or as the last part of a path, or NULL. */
const char *firewall_tool_of(const char *line);

#endif
