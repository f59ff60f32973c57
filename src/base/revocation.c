// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/revocation.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/own.h"

static const char *const names[] = {
	[REVOCATION_UNSPECIFIED] = "unspecified",
	[REVOCATION_KEY_COMPROMISE] = "keyCompromise",
	[3] = "affiliationChanged",
	[4] = "superseded",
	[5] = "cessationOfOperation",
};

static bool is_name(const char *typed, const char *name)
{
	for (; *typed; typed++) {
		if (*name && tolower((unsigned char)*typed) == tolower((unsigned char)*name))
			name++;
		else if (!strchr("-_ ", *typed))
			return false;
	}
	return !*name;
}

int revocation_find(const char *name)
{
	for (size_t i = 0; i < LENGTH_OF(names); i++)
		if (names[i] && is_name(name, names[i]))
			return (int)i;
	return -1;
}

const char *revocation_name(int reason)
{
	return reason >= 0 && (size_t)reason < LENGTH_OF(names) && names[reason] ? names[reason] : names[REVOCATION_UNSPECIFIED];
}
