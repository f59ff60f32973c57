/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * estate.h - what other clients have left, as files: certbot's and lego's directories, or PEM files. acmegate reads bytes, and looks at names
 * of files and, in certbot's, at lines of text; the importer looks at keys, certificates and JSON.
 */
#ifndef ACMEGATE_IMPORT_ESTATE_H
#define ACMEGATE_IMPORT_ESTATE_H

#include <limits.h>

#include "base/config.h"
#include "base/wire.h"

#define ESTATE_ITEMS (MAX_CERTIFICATES + 64)

struct estate_item {
	char files[PATH_MAX];	  /* that it is in, for messages */
	char directory[URL_SIZE]; /* of the CA */
	char name[LABEL_SIZE];	  /* of a certificate, from that of its file, or "" */
	char id[64];		  /* of an account, or of that which a certificate was ordered with; "" if that is not kept */
	struct estate *data;	  /* for the importer; the owner frees it by estate_free() */
	size_t length;
	struct found *found; /* the importer's answer, or NULL */
	bool left_out;	     /* for a reason that was logged */
	int section;	     /* index of that in the configuration that it is for; -1: none */
};

struct estate_list {
	size_t items;
	struct estate_item item[ESTATE_ITEMS];
};

/*
 * Each adds what is there. -1: something is missing or cannot be read; the fault says what to do. directory: /etc/letsencrypt, ~/.lego.
 * config: for the URLs of CAs, which lego does not keep.
 */
int estate_of_certbot(struct estate_list *list, const char *directory, struct fault *fault) MUST_CHECK;
int estate_of_lego(struct estate_list *list, const char *directory, const struct config *config, struct fault *fault) MUST_CHECK;
/* One certificate in n files; an account's key, with its URL or "". */
int estate_of_files(struct estate_list *list, char *const *file, int n, const char *directory, struct fault *fault) MUST_CHECK;
int estate_of_account(struct estate_list *list, const char *file, const char *url, const char *directory,
		      struct fault *fault) MUST_CHECK;

void estate_free(struct estate_list *list);

/* --- for these ----------------------------------------------------------------------------------------------------- */

/* The next item. NULL: there are too many. */
struct estate_item *estate_add(struct estate_list *list, bool account, struct fault *fault) MUST_CHECK;

/* Adds the content of a file to an item, which then names it. key: it is an account's key. */
int estate_read(struct estate_item *item, const char *path, bool key, struct fault *fault) MUST_CHECK;

/* The name of a certificate of the configuration from that of a host or file: a-z, 0-9, '.', '_' and '-', at most 32 of them. */
void estate_name(char name[LABEL_SIZE], const char *from);

/* Calls act for each entry of a directory that does not begin with a dot, in no order. A failure of act ends it. */
int estate_each(const char *directory, int (*act)(void *context, const char *path, const char *name, struct fault *fault),
		void *context, struct fault *fault) MUST_CHECK;

#endif
