/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inquiry.h - the words of the parent that open nothing: the plan, a try to listen, a reading, and why a client may not have come through. */
#ifndef ACMEGATE_FIREWALL_INQUIRY_H
#define ACMEGATE_FIREWALL_INQUIRY_H

#include "firewall/gate.h"

void inquiry_on_plan(struct gate *g);
void inquiry_on_try_listening(struct gate *g);
void inquiry_on_explain(struct gate *g);
void inquiry_on_read(struct gate *g);

#endif
