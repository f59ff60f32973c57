/* SPDX-License-Identifier: GPL-3.0-or-later */
/* validated.h - how far the validations are, as the client tells the warden, which shows it and does nothing else with it. */
#ifndef ACMEGATE_BASE_VALIDATED_H
#define ACMEGATE_BASE_VALIDATED_H

#include <stdint.h>

struct validated {
	uint32_t done; /* names that are valid, or that the CA has come for */
	uint32_t of;   /* names that the port was opened for, or that are validated without */
};

#endif
