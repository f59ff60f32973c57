/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meta.h - the expressions that read or write what the kernel knows of a packet, and of its connection. */
#ifndef ACMEGATE_BACKENDS_SURVEY_META_H
#define ACMEGATE_BACKENDS_SURVEY_META_H

#include "backends/survey/packet.h"

enum match meta_judge(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome);
enum match meta_judge_ct(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome);

#endif
