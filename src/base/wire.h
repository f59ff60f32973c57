/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - the records that the processes exchange, and the descriptors that the agent starts with.
 *
 * The warden makes every channel, a SOCK_SEQPACKET socket pair, before it starts its children. One record is one packet: a header,
 * and as many bytes of data as the header says, within the bounds of the verb. The receiver checks all of it, and treats a peer
 * that sends anything else as dead.
 *
 *	acmegate -- gate	what is to be opened, and the replies to it; the state directory, and the listening sockets
 *	warden -- client	OPEN and CLOSE, and the replies to them; how far the validations are; text for standard output
 *	warden -- storer	which certificates are due, which were stored
 *	warden -- responder	READY
 *	client -- signer	requests to sign, certificate requests (CSR), certificates; tokens with mode webroot
 *	signer -- storer	keys and certificates as bytes, and the signer's verdict on them; tokens with mode webroot
 *	warden -- importer	keys and certificates that other clients have left, as bytes
 *	client -- responder	tokens, and the addresses that fetched them
 *	client -- dns		values of dns-01 to add, to wait for and to remove, with a reply to each
 *	dns -- writer		the same values, where the section [dns NAME] is not rfc2136. There is a process for each such section that the run
 *				needs, a writer, with a channel of its own: none of them has the secrets of another
 *	acmegate -- dns		addresses of this host; a name whose values check asks about
 */
#ifndef ACMEGATE_BASE_WIRE_H
#define ACMEGATE_BASE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/bundle.h"
#include "base/dns_address.h"
#include "base/fault.h"
#include "base/outcome.h"
#include "base/persist.h"
#include "base/suggestion.h"
#include "base/validated.h"

enum agent_fd {
	FD_WARDEN = 3,	  /* every role but signer and sweeper: channel to the warden */
	FD_ADDRESSES = 3, /* dns: the file of the addresses that were set; closed but for acmegate dns address */
	FD_TRUST = 3,	  /* signer: roots of CAs (PEM), see signer_trust(); closed when there are none */
	FD_CONFIG = 4,	  /* client, signer, storer: config_share() */
	FD_SIGNER = 5,	  /* client, storer */
	FD_RESPONDER = 6, /* client */
	FD_CA_FILE = 7,	  /* client, signer, provider: the configured ca_file opened for reading; closed when none is configured */
	FD_CLIENT = 5,	  /* signer, both responders, dns; a writer: who asks it */
	FD_STORER = 6,	  /* signer, importer */
	FD_SECRET = 6,	  /* provider: the file with the secrets of its section [dns NAME]; closed when there is none */
	FD_NOTES = 6,	  /* dns: the file with the values that are in the DNS */
	FD_WRITER = 7,	  /* dns: a channel with VERB_WRITER for each writer, and then its end; closed when there is none */
	FD_STATE = 6,	  /* storer, sweeper: the state directory (O_PATH | O_DIRECTORY) */
	FD_LISTEN_4 = 6,  /* both responders: listening, non-blocking; closed when the host has no IPv4 */
	FD_LISTEN_6 = 7,  /* both responders: the same for IPv6, IPV6_V6ONLY */
	FD_LEDGERS = 6,	  /* acmegate-view: the directory of the ledgers; closed when there is none yet */
	FD_WATCHED = 5,	  /* acmegate-view: config->watched structs watched; closed when there are none */
	FD_WINDOWS = 7,	  /* acmegate-view: the state directory (O_PATH), for the ledger of windows; closed when there is none */
	FD_AGENT_END = 8,
};

enum verb {
	/* acmegate -> gate, at the start, the second only if the first says so; later the first again with another time. No reply */
	VERB_POLICY,  /* data: struct policy; comes with the state directory, if there is one */
	VERB_COMMAND, /* data: [gate] command */
	/* acmegate -> gate, each replied to by VERB_REPLY, VERB_FAULT or what is named, before the next. Index + FOR_TLS: on that port */
	VERB_CLAIM,	    /* index: enum claim. Lock the host, close leftovers; VERB_REPLY with struct past, or VERB_OCCUPIED */
	VERB_PLAN,	    /* index: 1: for our own listener. As above; then VERB_REPLY with lines of text */
	VERB_TRY_LISTENING, /* can what answers for our own client do so? */
	VERB_EXPLAIN,	    /* the run has failed: log what of the firewall may be the reason */
	VERB_READ,	    /* VERB_REPLY with struct reading */
	VERB_PREPARE,	    /* index as VERB_PLAN, or 2: as 1, and traced. data: struct whereabouts; VERB_PREPARED */
	VERB_LET_IN,	    /* VERB_OPENED */
	VERB_SHUT,	    /* index: 1: another VERB_LET_IN may follow. VERB_CLOSED, then VERB_CLEARED */
	/* gate -> acmegate */
	VERB_PREPARED, /* comes with the listening sockets for IPv4 and IPv6, as far as the host has those */
	VERB_CLEARED,  /* index: exit status. The journal is clear, the watchdog has ended */
	VERB_OVERTIME, /* index: exit status. Not a reply: the time is up, the port is closed */
	VERB_OCCUPIED, /* data: text. FAULT_LATER: an acmegate with another state directory is at work */
	/* storer -> warden, at the start: once for each certificate, in their order */
	VERB_RENEWAL, /* index, data: struct renewal */
	/* warden -> client, once at the start */
	VERB_WORK, /* data: struct work; comes with the channel to acmegate-dns, if there is one */
	/* client -> warden: no power */
	VERB_OPEN, /* index: 1: the port of tls-alpn-01. data: struct whereabouts */
	VERB_CLOSE,
	/* warden -> client */
	VERB_OPENED,
	VERB_CLOSED,  /* data: struct closed */
	VERB_REFUSED, /* data: the reason as text; the port is closed */
	/* client -> signer, one at a time; the reply is VERB_REPLY or VERB_FAULT */
	VERB_ACCOUNT,	  /* reply: struct account; makes the key on first use */
	VERB_ACCOUNT_URL, /* data: account URL to keep beside the key; reply: empty. signer -> storer: the same */
	VERB_SIGN,	  /* data: struct draft; reply: the JWS (RFC 7515, 7.2.2) as text */
	VERB_SIGN_EAB,	  /* data: URL of newAccount; reply: the external account binding (RFC 8555, 7.3.4) as text */
	VERB_CSR,	  /* index; makes a new certificate key and keeps it in memory; reply: PKCS#10 DER */
	VERB_PREFERS,	  /* index, data: PEM chain; reply: one byte, 1 if the configured `chain` names its issuer, else 0 */
	VERB_INSTALL,	  /* index, data: PEM chain; verified, then stored; reply: empty */
	/* warden -> importer, one at a time: is this good? And then: have it stored. The reply is VERB_REPLY with struct found, or VERB_FAULT */
	VERB_WEIGH, /* index, data: struct estate */
	VERB_ADOPT, /* the same */
	/* signer -> client, storer -> signer and back */
	VERB_REPLY,
	VERB_FAULT, /* index: enum fault_kind, data: text */
	/* storer -> warden: the new generation is in use on disk */
	VERB_STORED, /* index */
	/* warden -> storer: which deploy hooks of that certificate have succeeded: all of them, or some, and the others stay pending */
	VERB_DEPLOYED, /* index, data: struct config's hooks that have, each with a newline; empty: all */
	/* warden -> storer: an attempt begins for these. The reply comes when their ledgers say so on the disk */
	VERB_ATTEMPT, /* data: struct work */
	/* storer -> warden: for these the client may be started; for the others it could not be written */
	VERB_ATTEMPTED, /* data: struct work */
	/* client -> responder. Mode webroot: client -> signer -> storer, with a reply once the web server finds the file */
	VERB_TOKEN, /* data: struct token */
	/* client -> signer -> storer, with a reply: the port is closed, remove all tokens */
	VERB_WITHDRAW,
	/* responder -> warden: it has all tokens sent so far, and accepts connections */
	VERB_READY,
	/* client -> acmegate-tls */
	VERB_DIGEST, /* data: struct digest */
	/* responder, acmegate-tls -> client: the proof for a token was given. Sent without waiting; lost when the client does not read */
	VERB_HIT, /* data: struct hit */
	/* signer -> storer, one at a time; the reply is VERB_REPLY or VERB_FAULT */
	VERB_LOAD_ACCOUNT, /* reply: struct stored_account */
	VERB_SAVE_ACCOUNT, /* data: PEM of the account key; a broken one is renamed */
	VERB_LOAD_EAB,	   /* reply: the content of the configured eab_key_file */
	VERB_SAVE, /* index, data: struct bundle, which becomes the generation in use; reply: one byte, 1: VERB_SAVE_NEXT is wanted */
	/* storer -> signer: are these a key and its certificate? The reply is VERB_VERDICT or VERB_FAULT */
	VERB_EXAMINE, /* index, data: struct bundle */
	VERB_VERDICT, /* data: struct verdict; behind it the PKCS#12 to be stored in the place of what the bundle has, or nothing */
	/*
	 * storer -> signer: is this the key that a later order may have? The reply is VERB_VERDICT, with a fresh key behind it (PEM) if this
	 * is none of the configured type, or VERB_FAULT. With csr the question is whether the request is good
	 */
	VERB_NEXT_KEY, /* index, data: PEM of the next key, or nothing */
	/* client -> signer: the certificate in use; reply: struct identity */
	VERB_IDENTITY, /* index */
	/* client -> signer -> storer, one at a time; the reply is VERB_REPLY or VERB_FAULT */
	VERB_SUGGESTION, /* index, data: struct suggestion; reply: struct renewal, which takes it into account */
	VERB_RECALL,	 /* index; reply: struct recalled */
	VERB_PLACED,	 /* index, data: URL of the order that a later run may resume; none: there is no such order any more */
	VERB_OUTCOME,	 /* index, data: struct outcome. Once for each certificate in a run */
	/* signer -> storer, the same: the key of the order that VERB_PLACED has named */
	VERB_SAVE_KEY, /* index, data: PEM */
	VERB_LOAD_KEY, /* index; reply: PEM, or nothing */
	/* signer -> storer, the same: with reuse_key */
	VERB_CHOOSE_KEY, /* index; reply: PEM of the key in use or of the next one, or nothing: there is neither */
	VERB_SAVE_NEXT,	 /* index, data: struct next_key; there was none any more */
	/* client -> signer, one at a time, as the ones above; what the task in the configuration does not ask for is refused */
	VERB_CONTACTS,	 /* the CA has been told the configured contacts. signer -> storer: data: these */
	VERB_REVOCATION, /* reply: the payload that revokes the certificate of the task */
	VERB_REVOKED,	 /* the CA has revoked it. client -> signer -> storer */
	VERB_NEW_ACCOUNT_KEY, /* data: URL of keyChange. Makes a new account key, durable beside the old one; reply: the JWS by it (7.3.5) */
	VERB_OTHER_KEY,	 /* from now on the other one of the two account keys signs; reply: struct account */
	VERB_SETTLE_KEY, /* the key that signs is the account's, the other one goes. signer -> storer: index: 1: it is the new one */
	VERB_RETIRE,	 /* the account is deactivated: put its key aside. client -> signer -> storer */
	/* signer -> storer */
	VERB_SAVE_NEW_ACCOUNT_KEY, /* data: PEM of the new account key */
	/* client -> dns, each with a reply: VERB_REPLY or VERB_FAULT. Index: of the certificate, data: struct value */
	VERB_ADD_VALUE,
	VERB_AWAIT_VALUE, /* until every server of the zone gives it */
	VERB_REMOVE_VALUE,
	/* acmegate -> dns: with the channel to the writer of the section [dns NAME] of this index. acmegate -> that writer: its section */
	VERB_WRITER,
	/*
	 * dns -> writer, each with a reply: VERB_REPLY or VERB_FAULT. Index: of the section, data: struct placed. Both may come again. FAULT_USAGE:
	 * it was refused, and nothing was changed
	 */
	VERB_PUT_VALUE,
	VERB_TAKE_VALUE,
	/* acmegate -> provider: register this name; data: it; comes with an empty file for all registrations. Reply: the name that its CNAME leads to */
	VERB_REGISTER,
	/* acmegate -> dns, likewise */
	VERB_SET_ADDRESS,  /* index: of the section [dns NAME], data: struct address_wish; reply: struct address_report */
	VERB_SIGHT_NAME,   /* index: of the certificate, data: struct value with its name alone; reply: struct sighting */
	VERB_FIND_RECORDS, /* reply: struct persist_found; the text of the value is empty */
	/* client -> signer -> storer, with a reply */
	VERB_LAPSE, /* index, data: struct lapse */
	/* client -> warden */
	VERB_TELL,	/* data: lines for standard output */
	VERB_VALIDATED, /* data: struct validated; in a window, or of names that need none */
	VERBS
};

#define FOR_TLS 4U /* VERB_PLAN, VERB_TRY_LISTENING, VERB_PREPARE: it is about the port of tls-alpn-01 */

/* The gate claims the host with the state directory; without one that can be used, or that is there at all. */
enum claim { CLAIM_STATE, CLAIM_WITHOUT_STATE, CLAIM_WITHOUT_TRACE, CLAIMS };

/* The net that closed a window. The gate says the first ones, and acmegate concludes the others (store/windows.h). */
enum net { NET_UNKNOWN, NET_GATE, NET_WATCHDOG, NET_KERNEL, NET_RECOVERY, NET_GONE, NET_TIME, NET_BOOT, NET_NEVER, NETS };

/* The gate's reply to VERB_CLAIM: what its journal says of the windows before. */
struct past {
	uint64_t sequence; /* the same as at an earlier claim: no window was opened since */
	int64_t cleared;   /* when the last one was known to be closed; seconds since the epoch */
	uint32_t net, padding;
};

/* The storer's report about one certificate. */
struct renewal {
	uint8_t due;	      /* 0 or 1 */
	uint8_t present;      /* a generation is in use */
	uint8_t deploy;	      /* it is stored, but its deploy hook has not succeeded yet */
	uint8_t ask;	      /* the CA may be asked when it suggests to renew it (RFC 9773) */
	uint8_t backs_off;    /* it would be due, but for an earlier failure */
	uint8_t ca, asked_ca; /* to order from, and to ask; indices in config.ca */
	uint8_t unproved;     /* the last attempt failed while a name was validated */
	int64_t limited; /* another failure would meet the CA's limit before then, whoever asks for the certificate; 0: it would not */
	int64_t from;	 /* when there is something to be done: seconds since the epoch, 0 when that is not known */
	char reason[REASON_SIZE]; /* why it is due or not, for the log */
};

/* Ask: the CA for its renewal information, and obtain it if that makes it due. */
enum work_kind { WORK_NONE, WORK_OBTAIN, WORK_ASK };

struct work {
	uint8_t wanted[MAX_CERTIFICATES]; /* enum work_kind */
};

/* Two that are equal: nothing that is not acmegate's has changed between them. */
struct reading {
	unsigned char digest[8][32]; /* SHA-256 for each kind of firewall; zero: it is not in use, or cannot be read */
};

/* What the gate knows of the time that the port was open. */
struct closed {
	uint64_t packets; /* that acmegate's rules let in */
	uint64_t open_us; /* microseconds from just before the last backend opened until no rule was left, on the gate's clock */
	uint8_t counted;  /* 0: no rule was needed, or the rules cannot count */
	char shut[256];	  /* the rule that kept packets out in spite of ours, or "" */
	char traced[256]; /* the way of the port's packets through the chains, or "": they were not traced */
};

#define WIRE_DATA (64 * 1024)

#define JWK_SIZE 1024
struct account {
	char algorithm[8];   /* "ES256", "ES384", "RS256" */
	char jwk[JWK_SIZE];  /* public key, members in the order of RFC 7638, no white space */
	char thumbprint[48]; /* base64url SHA-256 of jwk */
	char url[URL_SIZE];  /* account URL of an earlier run, or "" */
	uint8_t changing;    /* an earlier run has made a new key, and did not hear from the CA whether the account has it */
	uint8_t untold;	     /* as far as is known the CA has not been told the configured contacts */
};

struct stored_account {
	char url[URL_SIZE];	 /* or "" */
	char key[KEY_PEM_SIZE];	 /* PEM, or "" when there is none; the receiver wipes it */
	char next[KEY_PEM_SIZE]; /* the same of a new one, which the CA may have or not */
	char contact[CONTACT_SIZE];
	uint8_t told; /* contact is what the CA was told last; 0: that is not known */
};

#define NONCE_SIZE 257
struct draft {
	char url[URL_SIZE]; /* of the request */
	char nonce[NONCE_SIZE];
	uint8_t by_key; /* 1: newAccount, signed in the name of the key; 0: in the name of the account */
	char payload[]; /* JSON, empty for POST-as-GET; the rest of the record */
};

#define TOKEN_SIZE 129
struct token {
	char token[TOKEN_SIZE];			 /* base64url alphabet only, 1 to 128 characters */
	char key_authorization[TOKEN_SIZE + 48]; /* token "." thumbprint (RFC 8555, 8.1) */
};

#define DIGEST_BYTES 32
struct digest {
	char token[TOKEN_SIZE];		    /* for VERB_HIT */
	char name[NAME_SIZE];		    /* lower case DNS name, or an IP address */
	unsigned char digest[DIGEST_BYTES]; /* SHA-256 of the key authorization (RFC 8737, 3) */
};

#define VALUE_SIZE 44 /* of dns-01: base64url of 32 bytes (RFC 8555, 8.4), and a NUL */
struct value {
	char name[NAME_SIZE]; /* of the authorization, without "*." */
	char text[VALUE_SIZE];
	char account[18]; /* the label of dns-account-01: "_" and 16 characters of a-z and 2-7; "": dns-01 */
};

/* A value where it has to be in the end, behind all aliases. Names in lower case, without the dot at their end; the root: "". */
struct placed {
	char zone[NAME_SIZE], owner[NAME_SIZE];
	char name[NAME_SIZE]; /* of the authorization, without "*." and "_acme-challenge." */
	char value[VALUE_SIZE];
};

/* The file in the state directory that lists the values that are in the DNS (dns/notes.h). */
#define VALUE_NOTES "dns"

/* Beside it: the addresses that acmegate has set (dns/holdings.h). */
#define ADDRESS_NOTES "addresses"

/* A directory in the state directory that lists the tokens in the web server's directory (webroot.h). */
#define TOKEN_NOTES "webroot"
#define TOKEN_LINK ".at" /* in it: a link to the web server's directory */

#define WHEREABOUTS_MOST 8

/*
 * The addresses that the names resolve to, in network order; none of a family: unknown. They can only narrow the opening: an
 * address that is not this host's makes its family unknown.
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
 * The channel to the translator carries no records: one name as UTF-8, without a NUL, and one reply: a character and the ASCII form,
 * or the reason why there is none.
 */
#define TRANSLATED '='
#define UNTRANSLATABLE '!'
#define TRANSLATION_SIZE (NAME_SIZE + 1)

struct record {
	uint32_t verb;
	uint32_t index;			      /* of a certificate in the configuration where the verb says so, else 0 */
	uint32_t length;		      /* of data in use; for a text without its NUL */
	_Alignas(8) char data[WIRE_DATA + 1]; /* wire_receive() puts a NUL behind the bytes in use */
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

/*
 * The same with up to two descriptors: those that are -1 are not sent; with[] is -1 where none came. The caller owns what came, also
 * after a fault.
 */
int wire_send_with(int fd, enum verb verb, uint32_t index, const void *data, size_t length, const int with[2],
		   struct fault *fault) MUST_CHECK;
int wire_receive_with(int fd, struct record *record, int with[2], struct fault *fault) MUST_CHECK;

/* wire_receive() within so many seconds; a peer that is slower is a fault. */
int wire_await(int fd, struct record *record, unsigned int seconds, struct fault *fault) MUST_CHECK;
#define WIRE_PATIENCE 20      /* seconds for a reply */
#define WIRE_KEY_PATIENCE 120 /* seconds for a reply that takes a new key: RSA on a small machine takes a minute */

/* The checks of wire_receive() on n bytes in *record; the fuzzer calls it too. */
int wire_check(struct record *record, size_t n, struct fault *fault) MUST_CHECK;

const char *verb_name(enum verb verb);

#endif
