/* SPDX-License-Identifier: GPL-3.0-or-later */
/* payload.h - the expression that reads or writes bytes of a header. */
#ifndef ACMEGATE_BACKENDS_SURVEY_PAYLOAD_H
#define ACMEGATE_BACKENDS_SURVEY_PAYLOAD_H

#include "backends/survey/packet.h"

enum match payload_judge(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome);

#endif
