// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/idna.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

int idna_ascii(const char *name, char ascii[NAME_SIZE], char why[WHY_SIZE])
{
	char *text = NULL;
	int bad = idn2_to_ascii_8z(name, &text, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (bad == IDN2_OK && strlen(text) >= NAME_SIZE)
		bad = IDN2_TOO_BIG_DOMAIN;
	if (bad == IDN2_OK)
		memcpy(ascii, text, strlen(text) + 1);
	else
		snprintf(why, WHY_SIZE, "%s", idn2_strerror(bad));
	idn2_free(text);
	return bad == IDN2_OK ? 0 : -1;
}

const char *idna_unicode(const char *name, char text[FOREIGN_NAME_SIZE])
{
	char *foreign = NULL;

	text[0] = '\0';
	if (idn2_to_unicode_8z8z(name, &foreign, 0) == IDN2_OK && strcmp(foreign, name) && strlen(foreign) < FOREIGN_NAME_SIZE)
		memcpy(text, foreign, strlen(foreign) + 1);
	idn2_free(foreign);
	return text;
}
