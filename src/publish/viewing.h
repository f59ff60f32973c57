/* SPDX-License-Identifier: GPL-3.0-or-later */
/* viewing.h - acmegate-view as a child, with files as its standard input and output. */
#ifndef ACMEGATE_PUBLISH_VIEWING_H
#define ACMEGATE_PUBLISH_VIEWING_H

#include "publish/view.h"

/* Waits some seconds at most. 0: it has written all, and the remark is a warning or "". -1: the remark says why it has not. */
int viewing_run(const struct show *show, int input, int output, struct fault *remark) MUST_CHECK;

#endif
