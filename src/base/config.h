/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.h - the configuration, acmegate.conf(5), as one flat struct.
 *
 * The struct holds no pointer, so that a role of the agent can read its part of it in place from a read-only file: see config_share.h.
 * config_load() has validated all of it.
 */
#ifndef ACMEGATE_BASE_CONFIG_H
#define ACMEGATE_BASE_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bounds.h"
#include "base/ca.h"
#include "base/challenge_table.h"
#include "base/dns.h"
#include "base/fault.h"
#include "base/policy.h"
#include "base/publication.h"
#include "base/watch.h"

/* Each array is as long as the longest configuration; what of it is not in use is never touched, and takes no memory. */
#define MAX_NAMES 8192	       /* over all certificates */
#define MAX_NAMES_EACH 100     /* Let's Encrypt's limit for one order */
#define MAX_HOOKS 4096	       /* deploy lines over all certificates */
#define FOREIGN_NAME_SIZE 1024 /* of an international name in UTF-8 */
#define PASSWORD_SIZE 128
#define CSR_SIZE (24 * 1024)	   /* of one request */
#define CSR_ROOM (4 * 1024 * 1024) /* of all */
#define REUSE_ALWAYS UINT32_MAX
#define REUSE_MOST 1000 /* renewals */

struct certificate {
	char name[LABEL_SIZE]; /* [a-z0-9._-], names its directory in the store */
	uint32_t first_name;   /* index of its first name in config.names */
	uint32_t names;	       /* how many follow each other there, at least one */
	enum key_type key;
	uint32_t reuse;		     /* certificates with the same key; 0: each has a new one. REUSE_ALWAYS: all */
	char csr[PATH_SIZE];	     /* file with the request for it, or "": the key is ours */
	uint32_t csr_at;	     /* where its content begins in config.csr */
	uint32_t csr_length;	     /* bytes of it; 0: there is none */
	char profile[LABEL_SIZE];    /* ACME profile for newOrder at the CA at hand, or "" */
	char chain[CHAIN_NAME_SIZE]; /* common name of who issued the top of the preferred chain there, or "" */
	char own_profile[LABEL_SIZE], own_chain[CHAIN_NAME_SIZE]; /* what its section says, for the first of its CAs */
	uint8_t ca[MAX_CAS];					  /* indices in config.ca, the preferred one first */
	uint32_t cas;						  /* how many these are; 0 (tests): only config.acme */
	uint8_t challenge[CHALLENGE_TYPES];			  /* enum challenge_type, the preferred one first */
	uint32_t challenges;					  /* how many these are; 0: http-01 alone */
	char dns_name[LABEL_SIZE];				  /* that of its section [dns NAME], or "" */
	uint32_t dns;						  /* index in config.dns; MAX_DNS: it has none */
	uid_t owner;						  /* of the files, 0 by default */
	gid_t group;
	mode_t mode;		      /* of the files, 0600 by default */
	int64_t persist_until;	      /* for its records of dns-persist-01: seconds since the epoch; 0: no end */
	bool pkcs12;		      /* beside PEM */
	char password[PASSWORD_SIZE]; /* of it, read from its file by those who load the whole configuration; the signer's alone */
	uint32_t first_hook;	      /* index of its first deploy hook in config.hook */
	uint32_t hooks;		      /* how many follow each other there */
	uint32_t line;		      /* where its section begins, for messages */
};

/* The work of the command at hand at the CA or in the store: not of the file, but of the command line. */
enum task_kind {
	TASK_RENEW,
	TASK_REVOKE,	 /* certificate, reason */
	TASK_SHOW,	 /* the account */
	TASK_TERMS,	 /* the CA's terms of service */
	TASK_UPDATE,	 /* its contacts */
	TASK_ROLLOVER,	 /* its key */
	TASK_DEACTIVATE, /* it */
	TASK_REMOVE,	 /* the store of a certificate: name */
	TASK_PERSIST,	 /* the records of dns-persist-01 */
	TASKS
};

struct task {
	enum task_kind kind;
	uint32_t certificate; /* index */
	int reason;	      /* base/revocation.h */
	char name[LABEL_SIZE];
};

struct config {
	char file[PATH_SIZE];
	struct task task;
	struct ca acme; /* the CA at hand, which processes work with: a copy of ca[turn], see cas_turn_to() */
	uint32_t turn;
	uint32_t cas;
	struct ca ca[MAX_CAS]; /* the first is that of [acme] */
	struct {
		enum backend_choice backend;
		char command[COMMAND_SIZE]; /* the administrator's own way to open and close, or ""; see the command backend */
		uint16_t port;		    /* 80 */
		uint16_t tls_port;	    /* 443, of tls-alpn-01 */
		uint32_t max_open;	    /* seconds of open time for one run, hook or guard, whatever happens */
		char user[LABEL_SIZE];	    /* whom client and responder run as */
		uid_t uid;
		gid_t gid;
		char state[PATH_SIZE]; /* directory of journal, account and certificates */
	} gate;
	struct {
		enum responder_mode mode;
		uint16_t port;		 /* private: where we listen when the port is redirected */
		char webroot[PATH_SIZE]; /* absolute, with mode webroot */
	} responder;
	struct publication status;
	uint32_t dnses;
	struct dns dns[MAX_DNS];
	uint32_t watches;
	struct watchlist watch[MAX_WATCHES];
	uint32_t watched; /* rows of base/watched.h that acmegate-view gets: not of the file */
	uint32_t certificates;
	struct certificate certificate[MAX_CERTIFICATES];
	uint32_t hooks;
	char hook[MAX_HOOKS][COMMAND_SIZE]; /* absolute program and its arguments; split at white space, never a shell */
	uint32_t csr_used;
	char csr[CSR_ROOM]; /* the requests, as in their files: only the signer reads what they say */
	uint32_t names;
	char name[MAX_NAMES][NAME_SIZE]; /* lower case DNS names or IP addresses in canonical text form */
	uint32_t mark[MAX_NAMES];	 /* config_mark() of each: names with different marks differ */
};

uint32_t config_mark(const char *name);

/* Is this name an IP address (RFC 8738 identifier type "ip") rather than a DNS name? */
bool config_is_address(const char *name);

/* Are all CAs among those that the configuration knows by name? They ask from public addresses, and their roots are public. */
/* Is it the directory of a public CA, one of those that have a name here? */
bool config_knows_ca(const char *directory);
bool config_has_public_ca(const struct config *config);

/* The directory URL of the CA that a rehearsal asks; Let's Encrypt's needs not be configured. NULL: none is known. */
const char *config_staging(const struct ca *ca);

/* The directory URLs of the CAs that the configuration knows by name; NULL: there are no more. */
const char *config_known_url(size_t i);

/* The directory URL of the CA of this name, or NULL. */
const char *config_ca_url(const char *name);

/* The TCP port of an http or https URL; 0: it is none. */
uint16_t config_url_port(const char *url);

/* The TCP port of the CA, or of the proxy before it. 0: neither is configured. */
uint16_t config_ca_port(const struct config *config);

/* As at the start of the program, when nothing had been read; and a copy. Both touch only what is in use. */
void config_clear(struct config *config);
void config_copy(struct config *to, const struct config *from);

/* Gives back the memory of the certificates, their names, hooks and requests: for a window that is open for another client. */
void config_forget_certificates(struct config *config);

#define CONFIG_FILE SYSCONFDIR "/acmegate/acmegate.conf"

/*
 * The part that a command needs: all of it to renew, all but certificates for the account, the port's for hooks and guard, and to close
 * nothing that could be wrong.
 */
enum config_part { CONFIG_WHOLE, CONFIG_ACCOUNT, CONFIG_GATE, CONFIG_CLOSING };

#define MOST_MISTAKES 32
#define MISTAKE_SIZE FAULT_TEXT_SIZE

struct mistakes {
	uint32_t number;			/* of all; the first are told */
	char text[MOST_MISTAKES][MISTAKE_SIZE]; /* "FILE:LINE: what is expected" */
};

/* Whom client and responder run as: [gate] user becomes a number. FAULT_USAGE: there is none, or it is root. CONFIG_WHOLE includes it. */
int config_find_user(struct config *config, struct fault *fault) MUST_CHECK;

/* The number that this text says, within these bounds; -1: it says none. */
int config_number(const char *text, unsigned long least, unsigned long most, int base, unsigned long *out) MUST_CHECK;

/* Another value for gate.max_open, from the command line. */
int config_set_max_open(struct config *config, const char *text) MUST_CHECK;

/* May it be the NAME of a section? 1 to 32 of a-z, 0-9, '.', '_', '-'. */
bool config_is_label(const char *name);

/* The number of challenges that the certificate may answer, one at least; and is this one of them? */
uint32_t config_challenges(const struct certificate *certificate);
bool config_answers(const struct certificate *certificate, enum challenge_type type);
bool config_answers_by_dns(const struct certificate *certificate);

/* Has one of its challenges, or one of any certificate's, this port? */
bool config_needs(const struct certificate *certificate, enum challenge_window window);
bool config_needs_tls(const struct config *config);

/* The index of the certificate of that name, or -1. */
int config_find(const struct config *config, const char *name);

/* The index of [watch NAME], or -1. */
int config_find_watch(const struct config *config, const char *name);

#endif
