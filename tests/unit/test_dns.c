// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-dns without a network: what a client that was taken over may ask of it, how long it waits, and its words for each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/refusals.h"
#include "dns/standing.h"
#include "dns/value.h"
#include "dns/watch.h"
#include "dns/writer.h"

#define TEXT "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"
#define OTHER "avaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"
#define THIRD "bvaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"

static struct config config;
static struct fault fault;

/* --- in the place of the network and of the notes ----------------------------------------------------------------------- */

static unsigned int looked;	/* how often a zone was looked for */
static char changed[NAME_SIZE]; /* the name at which a value was added or removed last */
static struct item soa;		/* of each answer */
static int64_t now;
static bool silent; /* the server */

int zone_find(const struct dns *dns, const char *name, struct target *target, struct fault *why)
{
	(void)dns, (void)why;
	looked++;
	*target = (struct target){ 0 };
	snprintf(target->owner, sizeof(target->owner), "%s", name);
	return 0;
}

int zone_servers(const struct dns *dns, const struct target *target, struct server *servers, size_t *count, struct fault *why)
{
	(void)dns, (void)target, (void)why;
	servers[0] = (struct server){ .text = "ns.example" };
	*count = 1;
	return 0;
}

int message_ask(const struct server *server, const struct dns *dns, const char *name, enum type type, bool recursive,
		struct answer *answer, struct fault *why)
{
	(void)dns, (void)name, (void)type, (void)recursive;
	answer->rcode = RCODE_NXDOMAIN;
	return silent ? fault_set(why, FAULT_LATER, "%s: no answer", server->text) : 0;
}

const struct item *message_find(const struct answer *answer, enum part part, enum type type, const char *owner, size_t *i)
{
	(void)answer, (void)owner, (void)i;
	return part == PART_AUTHORITY && type == TYPE_SOA ? &soa : NULL;
}

bool message_gives(const struct answer *answer, const char *owner, const char *text)
{
	(void)answer, (void)owner, (void)text;
	return false;
}

int message_update(const struct server *server, const struct dns *dns, const char *zone, const char *name, const char *value,
		   bool add, struct fault *why)
{
	(void)server, (void)dns, (void)zone, (void)value, (void)add, (void)why;
	snprintf(changed, sizeof(changed), "%s", name);
	return 0;
}

int writer_ask(const struct config *all, uint32_t section, bool put, const struct note *note, struct fault *why)
{
	(void)all, (void)section, (void)put, (void)note, (void)why;
	return 0;
}

int notes_write(int fd, struct note *note, struct fault *why)
{
	(void)fd, (void)why;
	note->place = 0;
	return 0;
}

int notes_strike(int fd, struct note *note, struct fault *why)
{
	(void)fd, (void)note, (void)why;
	return 0;
}

bool notes_next(int fd, long *place, struct note *note)
{
	(void)fd, (void)place, (void)note;
	return false;
}

int64_t transport_now(void)
{
	return now;
}

bool transport_lacks_family(int code)
{
	return code != 0;
}

/* --- what may be asked -------------------------------------------------------------------------------------------------- */

static const struct {
	uint32_t certificate;
	const char *name;
	bool known;
} questions[] = {
	{ 0, "a.example", true },  { 0, "b.example", true }, { 1, "c.example", true },	  { 0, "c.example", false },
	{ 1, "a.example", false }, { 0, "example", false },  { 0, "x.a.example", false }, { 0, "*.b.example", false },
	{ 0, "192.0.2.7", false }, { 0, "", false },	     { 2, "a.example", false },	  { UINT32_MAX, "a.example", false },
};

static void records_of_names_of_the_certificate_alone_are_looked_for(void **state)
{
	static struct persist_found found;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(questions); i++) {
		looked = 0;
		assert_int_equal(standing_find(&config, questions[i].certificate, questions[i].name, &found, &fault),
				 questions[i].known ? 0 : -1);
		assert_int_equal(looked, questions[i].known);
	}
}

static int ask(int (*what)(const struct config *, uint32_t, const struct value *, struct fault *), uint32_t certificate,
	       const char *name, const char *text, const char *account)
{
	struct value value = { 0 };

	changed[0] = '\0';
	memcpy(value.name, name, strlen(name));
	memcpy(value.text, text, strlen(text));
	memcpy(value.account, account, strlen(account));
	return what(&config, certificate, &value, &fault);
}

static int add(uint32_t certificate, const char *name, const char *text, const char *account)
{
	return ask(value_add, certificate, name, text, account);
}

static int take_away(uint32_t certificate, const char *name, const char *text, const char *account)
{
	return ask(value_remove, certificate, name, text, account);
}

static void values_go_to_names_of_the_certificate_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(questions); i++) {
		char expected[NAME_SIZE + 16] = "";

		if (questions[i].known)
			snprintf(expected, sizeof(expected), "_acme-challenge.%s", questions[i].name);
		assert_int_equal(add(questions[i].certificate, questions[i].name, TEXT, ""), questions[i].known ? 0 : -1);
		assert_string_equal(changed, expected);
	}
}

static void values_have_the_form_of_values(void **state)
{
	static const char *const texts[] = { "", "x", TEXT "x", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_o=" };
	static const char *const accounts[] = {
		"www", "_", "_ujmmovf2vn55tgy", "ujmmovf2vn55tgyea", "_ujmmovf2vn55.gye", "_UJMMOVF2VN55TGYE"
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(texts); i++)
		assert_int_equal(add(0, "a.example", texts[i], ""), -1);
	for (size_t i = 0; i < LENGTH_OF(accounts); i++)
		assert_int_equal(add(0, "a.example", OTHER, accounts[i]), -1);
	assert_int_equal(add(0, "a.example", OTHER, "_ujmmovf2vn55tgye"), 0);
	assert_string_equal(changed, "_ujmmovf2vn55tgye._acme-challenge.a.example");
}

/* The CA may have one token for all challenges of an authorization, and each of them its name in the DNS. */
static void one_value_may_be_at_two_names(void **state)
{
	static const struct {
		const char *account, *at;
	} names[] = {
		{ "", "_acme-challenge.a.example" },
		{ "_ujmmovf2vn55tgye", "_ujmmovf2vn55tgye._acme-challenge.a.example" },
		{ "_ujmmovf2vn55tgyf", "_ujmmovf2vn55tgyf._acme-challenge.a.example" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		assert_int_equal(add(0, "a.example", THIRD, names[i].account), 0);
		assert_string_equal(changed, names[i].at);
	}
	for (size_t i = LENGTH_OF(names); i-- > 0;) {
		assert_int_equal(take_away(0, "a.example", THIRD, names[i].account), 0);
		assert_string_equal(changed, names[i].at);
	}
}

/* --- for how long -------------------------------------------------------------------------------------------------------- */

static void servers_are_waited_for(void **state)
{
	static const struct {
		uint32_t propagation, negative;
		int64_t seconds;
	} cases[] = {
		{ 120, 0, 120 }, { 120, 60, 180 }, { 120, 86400, 240 }, { 500, 86400, 900 }, { 900, 0, 900 }, { 900, 900, 900 },
	};
	static struct watch watch;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct dns dns = { .propagation = cases[i].propagation };
		const struct note note = { .place = 0 };

		soa.negative = cases[i].negative;
		now = 5000;
		assert_int_equal(watch_begin(&watch, &dns, &note, now, &fault), 0);
		assert_false(watch_look(&watch));
		now += cases[i].seconds * 1000 - 1;
		assert_true(watch_pause(&watch) > 0);
		now++;
		assert_int_equal(watch_pause(&watch), 0);
	}
}

static void silent_servers_are_no_reason_to_ask_the_ca(void **state)
{
	static const struct dns dns = { .propagation = 120 };
	static const struct note note = { .target = { .owner = "_acme-challenge.a.example", .zone = "example" } };
	static struct watch watch;

	(void)state;
	silent = true;
	assert_int_equal(watch_begin(&watch, &dns, &note, now, &fault), 0);
	assert_false(watch_look(&watch));
	assert_int_equal(watch_judge(&watch, &fault), -1);
	assert_string_equal(fault.text,
			    "_acme-challenge.a.example: no server of the zone example answers this host: ns.example: no answer");
	assert_int_equal(fault.kind, FAULT_LATER);
	silent = false;
}

/* --- refusals ------------------------------------------------------------------------------------------------------------ */

static void each_refusal_has_its_words(void **state)
{
	enum { BADSIG = 16, BADKEY, BADTIME, BADTRUNC = 22 };
	static const struct {
		enum rcode rcode;
		enum credence credence;
		uint16_t error;
		enum fault_kind kind;
		const char *words;
	} cases[] = {
		{ RCODE_REFUSED, SIGNATURE_GOOD, 0, FAULT_FAILED, "it knows the key k and does not let it change TXT of a.example" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, 0, FAULT_FAILED, "NOTAUTH: it does not take updates of example: is it a secondary?" },
		{ RCODE_NOTIMP, SIGNATURE_GOOD, 0, FAULT_FAILED, "NOTIMP: it does not take updates of example: is it a secondary?" },
		{ RCODE_SERVFAIL, SIGNATURE_GOOD, 0, FAULT_LATER, "SERVFAIL: it could not change example: is the zone frozen" },
		{ RCODE_NOTZONE, SIGNATURE_GOOD, 0, FAULT_FAILED, "NOTZONE for a.example in example" },
		{ (enum rcode)8, SIGNATURE_GOOD, 0, FAULT_FAILED, "an unknown code for a.example in example" },
		{ RCODE_NOERROR, SIGNATURE_MISSING, 0, FAULT_FAILED, "it answers without a signature: does it know the key k?" },
		{ RCODE_NXDOMAIN, SIGNATURE_MISSING, 0, FAULT_FAILED, "it answers without a signature: does it know the key k?" },
		{ RCODE_REFUSED, SIGNATURE_MISSING, 0, FAULT_FAILED, "REFUSED without a signature: no key k" },
		{ RCODE_NOTAUTH, SIGNATURE_MISSING, 0, FAULT_FAILED, "NOTAUTH without a signature: it has no key k" },
		{ RCODE_SERVFAIL, SIGNATURE_MISSING, 0, FAULT_LATER, "SERVFAIL without a signature, for a.example" },
		{ RCODE_FORMERR, SIGNATURE_MISSING, 0, FAULT_FAILED, "FORMERR without a signature, for a.example" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, BADSIG, FAULT_FAILED,
		  "BADSIG: it knows the key k, with another secret than that in /k" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, BADKEY, FAULT_FAILED, "BADKEY: it has no key k with hmac-sha256" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, BADTIME, FAULT_FAILED, "BADTIME: the clocks of this host and of the server differ" },
		{ RCODE_NOTAUTH, SIGNATURE_OLD, 0, FAULT_FAILED, "BADTIME: the clocks of this host and of the server differ" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, BADTRUNC, FAULT_FAILED, "BADTRUNC: it does not take signatures of this length" },
		{ RCODE_NOTAUTH, SIGNATURE_GOOD, 21, FAULT_FAILED, "NOTAUTH, TSIG error 21, with the key k" },
		{ RCODE_NOERROR, SIGNATURE_OF_ANOTHER, 0, FAULT_FAILED, "its answer is signed with another key" },
		{ RCODE_NOERROR, SIGNATURE_BAD, 0, FAULT_FAILED, "the signature of its answer is wrong" },
		{ RCODE_NOERROR, SIGNATURE_CUT, 0, FAULT_FAILED, "the signature of its answer is cut off" },
	};
	static const struct dns dns = { .key_name = "k", .key_file = "/k", .algorithm = TSIG_SHA256 };
	static const struct server server = { .text = "ns.example" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct refusal refusal = { .server = &server,
						 .dns = &dns,
						 .what = "a.example",
						 .types = "TXT",
						 .zone = "example",
						 .rcode = cases[i].rcode,
						 .credence = cases[i].credence,
						 .tsig_error = cases[i].error };

		assert_int_equal(refusal_explain(&refusal, &fault), -1);
		assert_non_null(strstr(fault.text, cases[i].words));
		assert_int_equal(strncmp(fault.text, "ns.example: ", 12), 0);
		assert_int_equal(fault.kind, cases[i].kind);
	}
}

static void what_cannot_be_told_may_be_later(void **state)
{
	static const struct {
		enum rcode rcode;
		const char *words;
	} cases[] = {
		{ RCODE_SERVFAIL, "SERVFAIL for a.example: has the zone expired there" },
		{ RCODE_REFUSED, "REFUSED for a.example: it has no such zone" },
		{ RCODE_NOTAUTH, "NOTAUTH for a.example: it has no such zone" },
		{ RCODE_FORMERR, "FORMERR (code 1) for a.example" },
	};
	static const struct server server = { .text = "ns.example" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		assert_int_equal(refusal_to_tell(&server, cases[i].rcode, "a.example", &fault), -1);
		assert_non_null(strstr(fault.text, cases[i].words));
		assert_int_equal(fault.kind, FAULT_LATER);
	}
}

static void set_up(void)
{
	static const char *const names[] = { "a.example", "*.b.example", "192.0.2.7", "c.example" };

	for (size_t i = 0; i < LENGTH_OF(names); i++)
		snprintf(config.name[i], sizeof(config.name[i]), "%s", names[i]);
	config.certificates = 2;
	config.certificate[0].names = 3;
	config.certificate[1].first_name = 3;
	config.certificate[1].names = 1;
	config.dnses = 1;
	config.dns[0].type = DNS_RFC2136;
	config.dns[0].sound = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_names_of_the_certificate_alone_are_looked_for),
		cmocka_unit_test(values_go_to_names_of_the_certificate_alone),
		cmocka_unit_test(values_have_the_form_of_values),
		cmocka_unit_test(one_value_may_be_at_two_names),
		cmocka_unit_test(servers_are_waited_for),
		cmocka_unit_test(silent_servers_are_no_reason_to_ask_the_ca),
		cmocka_unit_test(each_refusal_has_its_words),
		cmocka_unit_test(what_cannot_be_told_may_be_later),
	};

	set_up();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
