/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * watched.h - certificates of other clients, on their way to who shows them. The watcher, a role without rights, gets the bytes of a file as
 * one message, and answers with a struct sighting; acmegate-view gets a file of structs watched.
 */
#ifndef ACMEGATE_BASE_WATCHED_H
#define ACMEGATE_BASE_WATCHED_H

#include <stdint.h>

#include "base/ca.h"

#define MAX_WATCHED 2000	      /* files in all */
#define MAX_WATCHED_EACH 256	      /* of one section */
#define WATCHED_FILE_MOST (64 * 1024) /* bytes: one message */
#define WATCHED_NAMES 2048
#define WATCHED_WHY 256

struct sighting {
	uint32_t good;	/* 0: there is no certificate, and why says so */
	uint32_t names; /* how many it has, also those that have no room here */
	int64_t not_before, not_after;
	char name[WATCHED_NAMES];     /* one behind the other, each with a NUL; an empty one ends them */
	char issuer[CHAIN_NAME_SIZE]; /* its common name, or "" */
	char why[WATCHED_WHY];
};

/* Texts are printable ASCII. */
struct watched {
	char section[LABEL_SIZE];	    /* the NAME of [watch NAME] */
	char label[LABEL_SIZE + PATH_SIZE]; /* no other has the same; "": no file, but a remark about the section, which why has */
	char file[PATH_SIZE];
	struct sighting sighting;
};

#endif
