/* SPDX-License-Identifier: GPL-3.0-or-later */
/* option.h - an option of a rule as "iptables -S" prints it: does the packet match? */
#ifndef ACMEGATE_BACKENDS_SURVEY_OPTION_H
#define ACMEGATE_BACKENDS_SURVEY_OPTION_H

#include "backends/iptables/rules.h"
#include "backends/survey/packet.h"

/* Judges the option at *i and moves *i to the last of its values. */
enum match option_judge(const struct meeting *meeting, const struct ipt_words *rule, size_t *i);

#endif
