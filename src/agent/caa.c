// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/caa.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TYPE_CAA 257
#define CRITICAL 0x80
#define ANSWER_MOST (16 * 1024)

const char *caa_identity_of(const char *url)
{
	static const char *const known[][2] = {
		{ ".letsencrypt.org/", "letsencrypt.org" }, { ".zerossl.com/", "sectigo.com" }, { ".pki.goog/", "pki.goog" },
		{ ".buypass.com/", "buypass.com" },	    { ".ssl.com/", "ssl.com" },
	};

	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (strstr(url, known[i][0]))
			return known[i][1];
	return "";
}

/* flags, length of the tag, tag, value (RFC 8659, 4.1). A value that is too long is cut, and matches no CA. */
static int take(const unsigned char *data, size_t length, struct caa_record *record)
{
	size_t tag = length > 1 ? data[1] : 0, value;

	if (tag == 0 || tag > length - 2)
		return -1;
	value = length - 2 - tag;
	record->flags = data[0];
	snprintf(record->tag, sizeof(record->tag), "%.*s", (int)tag, (const char *)data + 2);
	snprintf(record->value, sizeof(record->value), "%.*s", (int)value, (const char *)data + 2 + tag);
	return 0;
}

int caa_read(const unsigned char *message, size_t length, struct caa_record record[CAA_RECORDS])
{
	ns_msg answer;
	ns_rr one;
	int n = 0;

	if (length > ANSWER_MOST || ns_initparse(message, (int)length, &answer) < 0)
		return -1;
	for (int i = 0; i < ns_msg_count(answer, ns_s_an) && n < CAA_RECORDS; i++) {
		if (ns_parserr(&answer, ns_s_an, i, &one) < 0)
			return -1;
		if (ns_rr_type(one) != TYPE_CAA) /* a CNAME on the way */
			continue;
		if (take(ns_rr_rdata(one), ns_rr_rdlen(one), &record[n++]) < 0)
			return -1;
	}
	return n;
}

/* The value of a parameter behind the domain: "; NAME=VALUE ...". NULL: there is none. */
static const char *parameter(const char *value, const char *name, size_t *length)
{
	const char *at = strchr(value, ';');

	while (at && *at) {
		at += strspn(at, "; \t");
		if (!strncasecmp(at, name, strlen(name)) && at[strlen(name)] == '=') {
			at += strlen(name) + 1;
			*length = strcspn(at, "; \t");
			return at;
		}
		at += strcspn(at, "; \t");
	}
	return NULL;
}

static bool has_word(const char *list, size_t size, const char *separators, const char *word, size_t length)
{
	const char *end = list + size;

	while (list < end) {
		size_t n = strcspn(list, separators);

		n = n < (size_t)(end - list) ? n : (size_t)(end - list);
		if (n == length && !strncasecmp(list, word, n))
			return true;
		list += n + 1;
	}
	return false;
}

static bool has_method(const char *methods, size_t size, const struct caa_asker *asker)
{
	return (asker->http && has_word(methods, size, ",", "http-01", strlen("http-01"))) ||
	       (asker->dns && has_word(methods, size, ",", "dns-01", strlen("dns-01"))) ||
	       (asker->account && has_word(methods, size, ",", "dns-account-01", strlen("dns-account-01"))) ||
	       (asker->persist && has_word(methods, size, ",", "dns-persist-01", strlen("dns-persist-01")));
}

/* Does this "issue" or "issuewild" allow it? */
static enum permit allows(const struct caa_record *record, const struct caa_asker *asker)
{
	const char *domain = record->value + strspn(record->value, " \t");
	size_t length = strcspn(domain, "; \t"), size;
	const char *methods = parameter(domain, "validationmethods", &size);

	if (length == 0 || !has_word(asker->identities, strlen(asker->identities), ", ", domain, length))
		return PERMIT_REFUSED;
	if (methods && !has_method(methods, size, asker))
		return PERMIT_METHOD;
	return parameter(domain, "accounturi", &size) ? PERMIT_ACCOUNT : PERMIT_GIVEN;
}

static void describe(const struct caa_record *record, struct finding *finding)
{
	snprintf(finding->of_caa.text, sizeof(finding->of_caa.text), "%u %s \"%s\"", record->flags, record->tag, record->value);
}

static bool is_known(const char *tag)
{
	static const char *const tags[] = { "issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc" };

	for (size_t i = 0; i < LENGTH_OF(tags); i++)
		if (!strcasecmp(tag, tags[i]))
			return true;
	return false;
}

/* For a wildcard "issuewild" counts in the place of "issue", if there is one (RFC 8659, 4.3). */
static const char *tag_of(const struct caa_record *record, int n, const struct caa_asker *asker)
{
	for (int i = 0; asker->wild && i < n; i++)
		if (!strcasecmp(record[i].tag, "issuewild"))
			return record[i].tag;
	return "issue";
}

/* The best of all counts: the first of enum permit is the best. */
static void judge_tags(const struct caa_record *record, int n, const struct caa_asker *asker, struct finding *finding)
{
	const char *tag = tag_of(record, n, asker);
	bool any = false;

	for (int i = 0; i < n; i++) {
		enum permit one;

		if (strcasecmp(record[i].tag, tag) != 0)
			continue;
		one = asker->identities[0] ? allows(&record[i], asker) : PERMIT_UNKNOWN;
		if (!any || one < finding->of_caa.permit) {
			finding->of_caa.permit = one;
			describe(&record[i], finding);
		}
		any = true;
	}
}

void caa_judge(const struct caa_record *record, int n, const struct caa_asker *asker, struct finding *finding)
{
	finding->of_caa.permit = PERMIT_GIVEN;
	finding->of_caa.text[0] = '\0';
	for (int i = 0; i < n; i++)
		if ((record[i].flags & CRITICAL) && !is_known(record[i].tag)) {
			finding->of_caa.permit = PERMIT_REFUSED;
			describe(&record[i], finding);
			return;
		}
	judge_tags(record, n, asker, finding);
}

/* The records of exactly this name, or of what its CNAME leads to. 0: none. -1: it failed. */
static int ask(const char *name, struct caa_record record[CAA_RECORDS], char *why, size_t size)
{
	static unsigned char answer[ANSWER_MOST];
	int n = res_query(name, ns_c_in, TYPE_CAA, answer, sizeof(answer));

	if (n < 0 && (h_errno == HOST_NOT_FOUND || h_errno == NO_DATA))
		return 0;
	n = n < 0 ? -1 : caa_read(answer, (size_t)n < sizeof(answer) ? (size_t)n : sizeof(answer), record);
	if (n < 0)
		snprintf(why, size, "asking for the CAA records of %s: %s", name,
			 h_errno == TRY_AGAIN ? "no answer, or SERVFAIL" : "the answer makes no sense, or is a refusal");
	return n;
}

void caa_look(const char *name, const struct caa_asker *asker, struct finding *finding)
{
	static struct caa_record record[CAA_RECORDS];
	int n = 0;

	finding->of_caa.permit = PERMIT_ALL;
	name += asker->wild ? strlen("*.") : 0;
	for (const char *at = name; at && *at && n == 0; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL) {
		snprintf(finding->of_caa.at, sizeof(finding->of_caa.at), "%s", at);
		n = ask(at, record, finding->of_caa.text, sizeof(finding->of_caa.text));
	}
	if (n < 0)
		finding->of_caa.permit = PERMIT_FAILED;
	else if (n > 0)
		caa_judge(record, n, asker, finding);
}
