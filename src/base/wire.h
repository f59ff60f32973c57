/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - the records that the processes exchange, and the numbers of the descriptors that the agent is started with.
 *
 * Every channel is a SOCK_SEQPACKET socket pair made by the warden before it starts its children; one record is one packet:
 * a header and as many bytes of data as the header says, within the bounds of its verb. The receiver checks all of it;
 * anything else is a fault, and the receiver treats it like the death of the peer.
 *
 *	warden -- client	OPEN, CLOSE and what became of them
 *	warden -- storer	what is due, what was stored
 *	warden -- responder	that it listens
 *	client -- signer	signed requests, requests for certificates (CSR), certificates; tokens with mode webroot
 *	signer -- storer	keys and certificates as bytes, and what these are worth; the tokens
 *	client -- responder	tokens, and who came to fetch them
 */
#ifndef ACMEGATE_BASE_WIRE_H
#define ACMEGATE_BASE_WIRE_H

#include <stdint.h>

#include "base/config.h"
#include "base/fault.h"

enum agent_fd {
	FD_WARDEN = 3,		/* every role but signer and sweeper: channel to the warden */
	FD_TRUST = 3,		/* signer: roots of CAs (PEM), see signer_trust(); closed when there are none */
	FD_CONFIG = 4,		/* every role: config_share() */
	FD_SIGNER = 5,		/* client, storer */
	FD_RESPONDER = 6,	/* client */
	FD_CA_FILE = 7,		/* client, signer: the configured ca_file opened for reading; closed when none is configured */
	FD_CLIENT = 5,		/* signer, responder */
	FD_STORER = 6,		/* signer */
	FD_STATE = 6,		/* storer, sweeper: the state directory (O_PATH | O_DIRECTORY) */
	FD_LISTEN_4 = 6,	/* responder: listening, non-blocking; closed when the host has no IPv4 */
	FD_LISTEN_6 = 7,	/* responder: the same for IPv6, IPV6_V6ONLY */
	FD_AGENT_END = 8,
};

enum verb {
	/* storer -> warden, once for each certificate in order, as soon as it has looked at the store */
	VERB_SURVEY,		/* index, data: struct survey */
	/* warden -> client, once at the start */
	VERB_WORK,		/* data: struct work */
	/* client -> warden: no power */
	VERB_OPEN,		/* data: struct whereabouts */
	VERB_CLOSE,
	/* warden -> client */
	VERB_OPENED,
	VERB_CLOSED,		/* data: struct closed */
	VERB_REFUSED,		/* data: text why, for the problem report; the window is closed */
	/* client -> signer, each answered by VERB_ANSWER or VERB_FAULT before the next */
	VERB_ACCOUNT,		/* answer: struct account; makes the key on first use */
	VERB_ACCOUNT_URL,	/* data: account URL to keep beside the key; answer: empty. signer -> storer: the same */
	VERB_SIGN,		/* data: struct draft; answer: the JWS (RFC 7515, 7.2.2) as text */
	VERB_SIGN_EAB,		/* answer: the external account binding (RFC 8555, 7.3.4) as text. data: URL of newAccount */
	VERB_CSR,		/* index; makes a fresh certificate key, kept in memory; answer: PKCS#10 DER */
	VERB_PREFERS,		/* index, data: PEM chain; answer: one byte, 1 when it is the configured `chain`, else 0 */
	VERB_INSTALL,		/* index, data: PEM chain; verified, then stored; answer: empty */
	/* signer -> client, storer -> signer and back */
	VERB_ANSWER,
	VERB_FAULT,		/* index: enum fault_kind, data: text */
	/* storer -> warden, after the new generation is live on disk */
	VERB_STORED,		/* index */
	/* warden -> storer: the deploy hook of that certificate has succeeded, forget that it is pending */
	VERB_DEPLOYED,		/* index */
	/* client -> responder; with mode webroot -> signer -> storer, answered as above once the host's web server finds it */
	VERB_TOKEN,		/* data: struct token */
	/* client -> signer -> storer, answered as above, when the port is closed: nobody comes for the tokens any more */
	VERB_WITHDRAW,
	/* responder -> warden: all tokens sent so far are known, connections are accepted */
	VERB_READY,
	/* responder -> client: a live token was served. Sent without waiting; lost when the client does not read */
	VERB_HIT,		/* data: struct hit */
	/* signer -> storer, each answered by VERB_ANSWER or VERB_FAULT before the next */
	VERB_LOAD_ACCOUNT,	/* answer: struct stored_account */
	VERB_SAVE_ACCOUNT,	/* data: PEM of the account key; one that is there was broken and is put aside */
	VERB_LOAD_EAB,		/* answer: what the configured eab_key_file contains */
	VERB_SAVE,		/* index, data: struct bundle, which becomes the live generation */
	/* storer -> signer, answered by VERB_VERDICT or VERB_FAULT: what is this worth? */
	VERB_EXAMINE,		/* index, data: struct bundle */
	VERB_VERDICT,		/* data: struct verdict */
	VERBS
};

struct survey {
	uint8_t due;		/* 0 or 1 */
	uint8_t present;	/* there is a live generation */
	uint8_t deploy;		/* it is stored but its deploy hook has not succeeded yet */
	int64_t from;		/* when it is due: seconds since the epoch, 0 when that is not known */
	char reason[128];	/* why it is due or not, for the log */
};

struct work {
	uint8_t wanted[MAX_CERTIFICATES];	/* 1: obtain this one */
};

/* What the firewall saw while the port was open. */
struct closed {
	uint64_t packets;	/* that the rules let in */
	uint8_t counted;	/* 0: no rule was needed, or none can count */
	char shut[256];		/* what kept packets out in spite of the rules, or "" */
};

#define WIRE_DATA (64 * 1024)
#define KEY_PEM_SIZE 4096	/* PKCS#8 of RSA 4096 takes 3272 characters */

/* A private key and its chain, as bytes. */
struct bundle {
	uint32_t key;	/* bytes of the private key (PEM), which is the beginning of text */
	uint32_t leaf;	/* bytes of the certificate itself, which is the beginning of the chain, which is the rest of text */
	char text[];
};
#define CHAIN_SIZE (WIRE_DATA - KEY_PEM_SIZE - sizeof(struct bundle))

struct verdict {
	uint8_t whole;	/* key and chain belong together and say what we would have written; else nothing else counts */
	struct survey survey;	/* without what only the storer knows: deploy */
};

#define JWK_SIZE 1024
struct account {
	char algorithm[8];	/* "ES256", "ES384", "RS256" */
	char jwk[JWK_SIZE];	/* public key, members in the order of RFC 7638, no white space */
	char thumbprint[48];	/* base64url SHA-256 of jwk */
	char url[URL_SIZE];	/* account URL of an earlier run, or "" */
};

struct stored_account {
	char url[URL_SIZE];	/* or "" */
	char key[KEY_PEM_SIZE];	/* PEM, or "" when there is none; not wiped by the wire */
};

#define NONCE_SIZE 257
struct draft {
	char url[URL_SIZE];	/* where it goes */
	char nonce[NONCE_SIZE];
	uint8_t by_key;		/* newAccount, which names the key; the others name the account */
	char payload[];		/* JSON, or nothing for POST-as-GET; the rest of the record */
};

#define TOKEN_SIZE 129
struct token {
	char token[TOKEN_SIZE];		/* base64url alphabet only, 1 to 128 characters */
	char answer[TOKEN_SIZE + 48];	/* token "." thumbprint */
};

/* In the state directory as long as tokens are files for the host's web server: which these are (webroot.h). */
#define TOKEN_NOTES "webroot"
#define TOKEN_PLACE ".at"	/* in it: the link that says below which directory they are */

#define WHEREABOUTS_MOST 8

/*
 * The addresses that the names resolve to, in network order; none of a family: it is not known. They can only narrow what is opened:
 * those that are not this host's make their family unknown.
 */
struct whereabouts {
	uint32_t addresses4, addresses6;
	unsigned char address4[WHEREABOUTS_MOST][4], address6[WHEREABOUTS_MOST][16];
};

struct hit {
	char token[TOKEN_SIZE];
	char address[46];
};

/*
 * The channel to the translator carries no records: one name as UTF-8, without a NUL, and one answer: a character and the ASCII form,
 * or why there is none.
 */
#define TRANSLATED	 '='
#define UNTRANSLATABLE	 '!'
#define TRANSLATION_SIZE (NAME_SIZE + 1)

struct record {
	uint32_t verb;
	uint32_t index;		/* of a certificate in the configuration where the verb says so, else 0 */
	uint32_t length;	/* of data in use; for a text without its NUL */
	_Alignas(8) char data[WIRE_DATA + 1];	/* after wire_receive() a NUL stands behind what is in use */
};

/* A pair of connected close-on-exec sockets. */
int wire_pair(int ends[2], struct fault *fault) MUST_CHECK;

/* Sends header and data; blocks while the peer's queue is full. EPIPE (the peer is gone) is FAULT_FAILED. */
int wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault) MUST_CHECK;

/*
 * Takes one record, waiting for it. 1: *record is valid (known verb, length within its bounds, index below
 * MAX_CERTIFICATES, texts inside structs terminated). 0: the peer has closed. -1: a malformed record, or a system error.
 */
int wire_receive(int fd, struct record *record, struct fault *fault) MUST_CHECK;

/* The same for an answer: a peer that gives none in so many seconds is a fault. */
int wire_await(int fd, struct record *record, unsigned int seconds, struct fault *fault) MUST_CHECK;
#define WIRE_PATIENCE 20	/* seconds for an answer */
#define WIRE_KEY_PATIENCE 120	/* for one that takes a new key: RSA on a small machine takes a minute */

/* The checks of wire_receive() on n bytes that lie in *record; for it, and for the fuzzer. */
int wire_check(struct record *record, size_t n, struct fault *fault) MUST_CHECK;

const char *verb_name(enum verb verb);

#endif
