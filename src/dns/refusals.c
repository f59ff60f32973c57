// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/refusals.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ERROR_BADSIG = 16, ERROR_BADKEY, ERROR_BADTIME, ERROR_BADTRUNC = 22 };

static const char *rcode_name(enum rcode rcode)
{
	static const char *const names[] = {
		[RCODE_NOERROR] = "NOERROR",   [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
		[RCODE_NXDOMAIN] = "NXDOMAIN", [RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
		[RCODE_NOTAUTH] = "NOTAUTH",   [RCODE_NOTZONE] = "NOTZONE",
	};

	return (size_t)rcode < LENGTH_OF(names) && names[rcode] ? names[rcode] : "an unknown code";
}

/* The server knows the key, and does not do what was asked. */
static int explain_signed(const struct refusal *r, struct fault *fault)
{
	const char *server = r->server->text, *code = rcode_name(r->rcode), *zone = r->zone ? r->zone : "the zone";

	if (r->rcode == RCODE_REFUSED)
		return fault_set(fault, FAULT_FAILED,
				 "%s: REFUSED: it knows the key %s and does not let it change %s of %s; acmegate dns setup prints the "
				 "update-policy (BIND) for that",
				 server, r->dns->key_name, r->types, r->what);
	if (r->rcode == RCODE_NOTAUTH || r->rcode == RCODE_NOTIMP)
		return fault_set(fault, FAULT_FAILED,
				 "%s: %s: it does not take updates of %s: is it a secondary? Then server = has to name the primary",
				 server, code, zone);
	if (r->rcode == RCODE_SERVFAIL)
		return fault_set(fault, FAULT_LATER,
				 "%s: SERVFAIL: it could not change %s: is the zone frozen, expired, or its journal not writable? Its log "
				 "says so",
				 server, zone);
	return fault_set(fault, FAULT_FAILED, "%s: %s for %s in %s", server, code, r->what, zone);
}

/* PowerDNS does not say what time it is there: this host's, to compare. */
static int explain_notauth(const struct refusal *r, struct fault *fault)
{
	const time_t now = time(NULL);
	struct tm utc;
	char here[32] = "";

	if (gmtime_r(&now, &utc))
		strftime(here, sizeof(here), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return fault_set(
		fault, FAULT_FAILED,
		"%s: NOTAUTH without a signature: it has no key %s; or its acl does not let the key change %s of %s (Knot 3.4); or it "
		"is no server of the zone; or the clocks differ by more than five minutes (PowerDNS): it is %s here (date -u)",
		r->server->text, r->dns->key_name, r->types, r->what, here);
}

/* A refusal that nobody has signed: it may be a stranger's, and refuses all the same. */
static int explain_unsigned(const struct refusal *r, struct fault *fault)
{
	const char *server = r->server->text, *key = r->dns->key_name;

	if (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN)
		return fault_set(fault, FAULT_FAILED,
				 "%s: it answers without a signature: does it know the key %s? What it says is not believed",
				 server, key);
	if (r->rcode == RCODE_REFUSED)
		return fault_set(fault, FAULT_FAILED,
				 "%s: REFUSED without a signature: no key %s for this zone (PowerDNS: TSIG-ALLOW-DNSUPDATE), another secret, or "
				 "updates are not allowed from this host",
				 server, key);
	if (r->rcode == RCODE_NOTAUTH)
		return explain_notauth(r, fault);
	return fault_set(fault, r->rcode == RCODE_SERVFAIL ? FAULT_LATER : FAULT_FAILED, "%s: %s without a signature, for %s",
			 server, rcode_name(r->rcode), r->what);
}

static int explain_time(const struct refusal *r, struct fault *fault)
{
	const long long off = r->their_time ? (long long)time(NULL) - (long long)r->their_time : 0;

	if (off)
		return fault_set(
			fault, FAULT_FAILED,
			"%s: BADTIME: the clock of this host is %lld s %s that of the server; set the clock (timedatectl, chronyc)",
			r->server->text, off < 0 ? -off : off, off < 0 ? "behind" : "ahead of");
	return fault_set(fault, FAULT_FAILED,
			 "%s: BADTIME: the clocks of this host and of the server differ by more than five minutes", r->server->text);
}

/* The server says what is wrong with our signature. */
static int explain_error(const struct refusal *r, struct fault *fault)
{
	const char *server = r->server->text, *key = r->dns->key_name;

	if (r->tsig_error == ERROR_BADSIG)
		return fault_set(fault, FAULT_FAILED, "%s: BADSIG: it knows the key %s, with another secret than that in %s",
				 server, key, r->dns->key_file);
	if (r->tsig_error == ERROR_BADKEY)
		return fault_set(fault, FAULT_FAILED,
				 "%s: BADKEY: it has no key %s with %s; or (Knot) its acl does not let the key change %s of %s: acmegate dns "
				 "setup prints one",
				 server, key, tsig_algorithms[r->dns->algorithm], r->types, r->what);
	if (r->tsig_error == ERROR_BADTRUNC)
		return fault_set(fault, FAULT_FAILED, "%s: BADTRUNC: it does not take signatures of this length", server);
	return fault_set(fault, FAULT_FAILED, "%s: %s, TSIG error %u, with the key %s", server, rcode_name(r->rcode), r->tsig_error,
			 key);
}

int refusal_explain(const struct refusal *refusal, struct fault *fault)
{
	static const char *const doubts[] = {
		[SIGNATURE_OF_ANOTHER] = "its answer is signed with another key",
		[SIGNATURE_BAD] = "the signature of its answer is wrong: somebody has changed the answer, or the secret is another",
		[SIGNATURE_CUT] = "the signature of its answer is cut off",
	};

	if (refusal->credence == SIGNATURE_MISSING)
		return explain_unsigned(refusal, fault);
	if (refusal->tsig_error == ERROR_BADTIME || refusal->credence == SIGNATURE_OLD)
		return explain_time(refusal, fault);
	if (refusal->tsig_error)
		return explain_error(refusal, fault);
	if (refusal->credence != SIGNATURE_GOOD)
		return fault_set(fault, FAULT_FAILED, "%s: %s", refusal->server->text, doubts[refusal->credence]);
	return explain_signed(refusal, fault);
}

int refusal_to_tell(const struct server *server, enum rcode rcode, const char *name, struct fault *fault)
{
	if (rcode == RCODE_SERVFAIL)
		return fault_set(fault, FAULT_LATER,
				 "%s: SERVFAIL for %s: has the zone expired there, or was it not loaded? Its log says so",
				 server->text, name);
	if (rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH)
		return fault_set(fault, FAULT_LATER, "%s: %s for %s: it has no such zone, or does not let this host ask",
				 server->text, rcode_name(rcode), name);
	return fault_set(fault, FAULT_LATER, "%s: %s (code %u) for %s", server->text, rcode_name(rcode), rcode, name);
}
