/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.h - the state of each certificate, as every view shows it: collected once, from the configuration and the ledgers.
 *
 *	status_collect() -> table_write(), json_write(), summary_write(), metrics_write() or page_write() -> status_free()
 */
#ifndef ACMEGATE_VIEW_STATUS_H
#define ACMEGATE_VIEW_STATUS_H

#include <stdio.h>

#include "base/config.h"
#include "base/watched.h"
#include "store/ledger.h"
#include "store/schedule.h"
#include "store/windows.h"

/* In the order of their weight. */
enum health {
	HEALTH_GOOD,
	HEALTH_WAITING,	  /* something is to be done, and acmegate will do it */
	HEALTH_ATTENTION, /* somebody has to look */
	HEALTHS
};

enum condition {
	CONDITION_VALID,    /* nothing is to be done yet */
	CONDITION_DUE,	    /* the next run orders it */
	CONDITION_FAILING,  /* it was tried, in vain, and will be tried again */
	CONDITION_EXPIRING, /* less than a sixth of its life is left */
	CONDITION_EXPIRED,
	CONDITION_MISSING, /* there has never been one */
	CONDITION_UNKNOWN, /* its ledger cannot be read */
	CONDITIONS
};

struct entry {
	const struct certificate *certificate; /* NULL: another client's, */
	const struct watched *watched;	       /* which it then is */
	enum ledger_state state;	       /* of the ledger */
	struct ledger ledger;
	struct decision decision;
	enum condition condition;
	enum health health;
	const struct attempt *last; /* NULL: none */
	uint32_t failures;	    /* in a row, without an attempt that is at work */
	struct fault why;	    /* with CONDITION_UNKNOWN */
};

/* The windows of a time, without those that were not opened: exposure_since() counts them, for every view. */
struct stretch {
	int64_t from;  /* seconds since the epoch: the windows that began then or later */
	int64_t known; /* nothing is known before then; 0: all of it is known */
	uint64_t windows, open_ms, longest_ms;
};

#define EXPOSURE_DAYS 365

/* The time that the port was open. */
struct exposure {
	uint64_t windows, open_ms; /* since the ledger was begun; windows: with those that were not opened */
	uint64_t longest_ms;	   /* of those in status.window */
	int64_t since;		   /* when the oldest of them began; seconds since the epoch, 0: there is none */
	bool open;		   /* the newest has no end yet: it is open, or acmegate was killed */
	struct stretch year;	   /* today, and the 364 days before it */
};

struct status {
	const struct config *config;
	struct instant now;
	char host[256];
	bool mistaken; /* the configuration has mistakes, and what they are in is not here */
	bool complete; /* all of the configuration's certificates; else those that were named */
	size_t count;
	struct entry *entry;	    /* in the order of the configuration, and behind them those of other clients */
	const struct watched *rows; /* config->watched, with remarks; NULL: none */
	bool windows_known;	    /* their ledger was read, or there is none yet */
	struct exposure exposure;
	uint32_t windows;
	struct window_entry window[WINDOWS_KEPT]; /* the newest first */
	uint32_t days;
	struct window_day day[WINDOWS_DAYS + 1]; /* those with windows, in no order; the same day may be there twice */
	enum health health;			 /* the worst */
};

/*
 * ledgers: the directory STATE/ledger, or -1: no run has made it yet. names: of certificates; none: all of them. The caller calls
 * status_free() in any case. FAULT_USAGE: there is no certificate of that name, or none at all.
 */
int status_collect(struct status *status, const struct config *config, int ledgers, char *const names[],
		   struct fault *fault) MUST_CHECK;

/* Adds the windows, of the ledger in this directory (-1: there is none). The fault says why they are not known. */
int status_add_windows(struct status *status, int directory, struct fault *fault) MUST_CHECK;
void status_free(struct status *status);

/*
 * Adds the certificates of other clients: all, or those of these names, which may be their own or those of sections. There are config->watched
 * rows, which stay. FAULT_USAGE: one of the names is nobody's.
 */
int status_add_watched(struct status *status, const struct watched *rows, char *const names[], struct fault *fault) MUST_CHECK;

/* Condition and health of an entry whose dates are known. */
void status_judge(struct entry *entry, const struct instant *now);

/* The NAME of [certificate NAME], or the label of another client's certificate. */
const char *status_name(const struct entry *entry);

/* The number of names of the certificate; and the one behind `name` (NULL: the first). NULL: there are no more, or no more are known. */
uint32_t status_names(const struct entry *entry);
const char *status_next_name(const struct status *status, const struct entry *entry, const char *name);

/* The remark about a section [watch NAME] behind this one (NULL: the first); NULL: there are no more. */
const struct watched *status_next_remark(const struct status *status, const struct watched *row);

/* Without certificates: for the windows alone. status_collect() begins so, too. */
int status_begin(struct status *status, const struct config *config, struct fault *fault) MUST_CHECK;

/* From a moment on, or where older windows are known by days only, from the beginning of its day. */
struct stretch exposure_since(const struct status *status, int64_t from);

/* "valid", "due" ... and what acmegate's exit status is. */
const char *status_word(enum condition condition);
int status_exit(enum health health);

/* When a record of dns-persist-01 lapses that the certificate depends on, and of which name; NULL: none does, as far as is known. */
const struct lapse *status_lapse(const struct entry *entry);

/* "gate", "kernel" ..., which closed it. */
const char *status_net(const struct window_entry *entry);

/* "port 80 was", or "ports 80 and 443 were" open in these windows. */
struct ports {
	char text[32];
} status_ports(const struct status *status);

/* "stored", "refused" ... of an attempt. */
const char *status_result(const struct attempt *attempt);

/* Whole days that are left; negative: since. Only if not_after is known. */
int64_t status_days(const struct entry *entry, const struct instant *now);

/* The views. They write all that they have; the caller looks after errors of the stream. */
void table_write(const struct status *status, FILE *out, unsigned int width, bool coloured);
int json_write(const struct status *status, FILE *out);
void metrics_write(const struct status *status, FILE *out);
void page_write(const struct status *status, FILE *out);

/* A line for Nagios and its like. Their exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
int summary_write(const struct status *status, FILE *out);

#endif
