/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_line.h - the lines of the configuration on their way to inih, which would cut long ones and pass over some in silence. */
#ifndef ACMEGATE_BASE_CONFIG_LINE_H
#define ACMEGATE_BASE_CONFIG_LINE_H

#include "base/loader.h"

/* An ini_reader: user is the loader. inih gets an empty line in the place of a wrong one, and a long line in pieces. */
char *config_line_next(char *line, int size, void *user);

#endif
