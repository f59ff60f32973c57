/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loader.h - the configuration while it is being read. For config_load.c, config_line.c, keys.c, section.c and what takes values. */
#ifndef ACMEGATE_BASE_LOADER_H
#define ACMEGATE_BASE_LOADER_H

#include <stdio.h>

#include "base/config.h"

#define MOST_KEYS 96   /* in all sections */
#define LINE_MOST 4096 /* of ours: any value fits, and some fifteen of the longest names */

enum section {
	SECTION_ACME,
	SECTION_GATE,
	SECTION_RESPONDER,
	SECTION_STATUS,
	SECTION_CERTIFICATE,
	SECTION_CA,
	SECTION_DNS,
	SECTION_WATCH,
	SECTION_UNKNOWN,
	SECTIONS
};

/* The names in one line ca = NAME... */
struct wanted {
	uint32_t line;
	uint32_t names;
	char name[MAX_CAS][LABEL_SIZE];
};

/* The state of reading. inih calls store() between two calls of config_line_next(), so line is always right. */
struct loader {
	struct config *config;
	struct mistakes *mistakes;
	enum config_part part;
	FILE *file;
	char *buffer;
	size_t capacity;
	const char *rest;      /* of the line in buffer, that inih has not got yet; NULL: it has all */
	char value[LINE_MOST]; /* what it has told of the value so far */
	size_t used;
	uint32_t line;
	bool continued;	    /* the line begins with white space: the value of the line before goes on */
	bool fresh_section; /* its header was read, none of its keys yet */
	bool skipping;	    /* the header was wrong: what follows belongs to no section */
	bool spoiled;	    /* the certificate has a mistake, and is left out */
	enum section section;
	bool wrong[SECTIONS];		/* which kinds of sections have mistakes */
	bool seen[SECTIONS][MOST_KEYS]; /* keys given so far, by kind of section */
	struct certificate *certificate;
	struct ca *ca;		 /* that of the section; config.acme in other sections */
	struct dns *dns;	 /* that of the section, or NULL */
	struct watchlist *watch; /* likewise */
	struct wanted *wanted;	 /* by each certificate, and behind them all by those that name none: [acme] */
	int (*begin_section)(struct loader *loader, const char *header); /* config_line.c sees a header before inih does */
	void (*finish_section)(struct loader *loader);
	int (*translate)(const char *name, char ascii[NAME_SIZE], struct fault *fault); /* or NULL */
};

struct key {
	enum section section;
	const char *name;
	int (*set)(struct loader *, const struct key *, const char *value);
	size_t offset; /* of the field in struct config, struct certificate or struct ca */
	size_t size;
	const char *const *names; /* of an enum's values, NULL at the end */
};

/* Notes a mistake. */
void loader_note(struct mistakes *mistakes, const char *text);

/* Notes a mistake in this line. -1. */
int loader_wrong(struct loader *loader, const char *format, ...) PRINTF_LIKE(2, 3);

/* The field of the configuration, of the certificate or of the CA that the key names. */
void *loader_field(const struct loader *loader, const struct key *key);

#endif
