// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * examiner.c - the agent's role that looks at the network for acmegate check, with the rights of the client and no channel but the one for
 * its findings: the CA at hand, the addresses of names, and what the DNS lets that CA do.
 */
#include "agent/agent.h"

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "acme/codec.h"
#include "agent/caa.h"
#include "agent/http.h"
#include "base/clock.h"
#include "base/log.h"

#define CA_MOST 40000	 /* ms for the directory */
#define SERVER_MOST 5000 /* ms for an answer of the host's own web server */
#define NAME_SECONDS 2	 /* for one try at a name server */
#define ALL_SECONDS 30	 /* for all names; the others are told not to be known */

static int tell(const struct finding *finding)
{
	return send(FD_WARDEN, finding, sizeof(*finding), MSG_NOSIGNAL) == (ssize_t)sizeof(*finding) ? 0 : -1;
}

/* --- the CA ------------------------------------------------------------------------------------------------------- */

static void read_directory(const char *url, const struct exchange *exchange, struct finding *finding)
{
	static struct directory directory;
	struct fault fault;

	finding->of_ca.date = exchange->date;
	finding->of_ca.now = (int64_t)time(NULL);
	if (exchange->status != 200) {
		finding->of_ca.failed = 1;
		finding->of_ca.reached = exchange->status || exchange->kind != FAULT_LATER;
		if (exchange->status)
			snprintf(finding->of_ca.text, sizeof(finding->of_ca.text), "it answers with status %u", exchange->status);
		else
			snprintf(finding->of_ca.text, sizeof(finding->of_ca.text), "%s", exchange->reason);
		return;
	}
	finding->of_ca.reached = 1;
	finding->of_ca.failed = codec_directory(exchange->data, exchange->used, &directory, &fault) < 0;
	snprintf(finding->of_ca.text, sizeof(finding->of_ca.text), "%.*s", FINDING_TEXT - 1,
		 finding->of_ca.failed ? fault.text :
		 directory.caa[0]      ? directory.caa :
					 caa_identity_of(url));
}

static void fetch(struct http *http, const char *url, struct exchange *exchange)
{
	static const int nothing[HTTP_WATCHED] = { -1, -1 };
	struct exchange *answered = NULL;
	struct fault fault;

	exchange_reset(exchange);
	exchange->method = METHOD_GET;
	exchange->url = url;
	http_begin(http, exchange);
	if (http_next(http, CA_MOST, nothing, &answered, &fault) > 0)
		return;
	http_cancel(http, exchange);
	snprintf(exchange->reason, sizeof(exchange->reason), "no answer within %d s", CA_MOST / 1000);
}

static int look_at_ca(const struct config *config, struct finding *finding)
{
	const int ca_file = fcntl(FD_CA_FILE, F_GETFD) < 0 || !config->acme.ca_file[0] ? -1 : FD_CA_FILE;
	struct exchange exchange = { 0 };
	struct fault fault;
	struct http *http = http_start(ca_file, config->acme.proxy, &fault);

	*finding = (struct finding){ .kind = FINDING_CA, .index = config->turn };
	if (http) {
		fetch(http, config->acme.directory, &exchange);
		read_directory(config->acme.directory, &exchange, finding);
	} else {
		finding->of_ca.failed = 1;
		snprintf(finding->of_ca.text, sizeof(finding->of_ca.text), "%.*s", FINDING_TEXT - 1, fault.text);
	}
	exchange_free(&exchange);
	http_free(http);
	return tell(finding);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void take(struct finding *finding, const struct addrinfo *one)
{
	if (one->ai_family == AF_INET && finding->of_name.addresses4 < FINDING_ADDRESSES)
		memcpy(finding->of_name.address4[finding->of_name.addresses4++],
		       &((const struct sockaddr_in *)(const void *)one->ai_addr)->sin_addr, 4);
	if (one->ai_family == AF_INET6 && finding->of_name.addresses6 < FINDING_ADDRESSES)
		memcpy(finding->of_name.address6[finding->of_name.addresses6++],
		       &((const struct sockaddr_in6 *)(const void *)one->ai_addr)->sin6_addr, 16);
	if (one->ai_canonname)
		snprintf(finding->of_name.canonical, NAME_SIZE, "%.*s", NAME_SIZE - 1, one->ai_canonname);
}

static int32_t look_up(const char *name, int family, struct finding *finding)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(name, NULL, &hints, &list);

	for (const struct addrinfo *one = list; rc == 0 && one; one = one->ai_next)
		take(finding, one);
	if (rc == 0)
		freeaddrinfo(list);
	return rc;
}

static int look_at_addresses(const struct config *config, uint32_t index)
{
	struct finding finding = { .kind = FINDING_ADDRESS, .index = index };

	finding.of_name.error4 = look_up(config->name[index], AF_INET, &finding);
	finding.of_name.error6 = look_up(config->name[index], AF_INET6, &finding);
	return tell(&finding);
}

static int look_at_caa(const struct config *config, const struct certificate *certificate, uint32_t index, const char *identities)
{
	struct finding finding = { .kind = FINDING_CAA, .index = index };
	const struct caa_asker asker = {
		.identities = identities,
		.http = config_answers(certificate, CHALLENGE_HTTP),
		.dns = config_answers(certificate, CHALLENGE_DNS),
		.account = config_answers(certificate, CHALLENGE_DNS_ACCOUNT),
		.persist = config_answers(certificate, CHALLENGE_DNS_PERSIST),
		.wild = !strncmp(config->name[index], "*.", strlen("*.")),
	};

	caa_look(config->name[index], &asker, &finding);
	return tell(&finding);
}

/* The place of the CA at hand among those of the certificate; -1: it is none of them. */
static int place_of(const struct config *config, const struct certificate *certificate)
{
	for (uint32_t i = 0; i < certificate->cas; i++)
		if (certificate->ca[i] == config->turn)
			return (int)i;
	return -1;
}

/* Addresses are looked up for the first CA of a certificate only: they are the same for all. Through the DNS they do not matter. */
static int look_at_names(const struct config *config, const struct certificate *certificate, const char *identities, double end)
{
	const int place = place_of(config, certificate);
	const bool http = config_answers(certificate, CHALLENGE_HTTP);

	for (uint32_t i = 0; place >= 0 && i < certificate->names; i++) {
		const uint32_t index = certificate->first_name + i;

		if (config_is_address(config->name[index]))
			continue;
		if (clock_seconds() > end ||
		    (place == 0 && http && config->name[index][0] != '*' && look_at_addresses(config, index) < 0) ||
		    look_at_caa(config, certificate, index, identities) < 0)
			return -1;
	}
	return 0;
}

/* --- the host's web server ------------------------------------------------------------------------------------------ */

static bool is_same(const struct exchange *exchange, const char *body)
{
	size_t length = strlen(body);

	return exchange->used >= length && !memcmp(exchange->data, body, length) &&
	       strspn(exchange->data + length, " \t\r\n") == exchange->used - length;
}

static int ask_server(struct http *http, const char *name, const struct assignment *work, struct finding *finding)
{
	struct exchange exchange = { .most = SERVER_MOST };
	const bool bracket = strchr(name, ':') != NULL;
	char url[URL_SIZE];
	int rc;

	snprintf(url, sizeof(url), "http://%s%s%s:%u/.well-known/acme-challenge/%s", bracket ? "[" : "", name, bracket ? "]" : "",
		 work->port, work->token.token);
	fetch(http, url, &exchange);
	finding->of_answer.status = exchange.status;
	finding->of_answer.same = exchange.status == 200 && is_same(&exchange, work->token.key_authorization);
	finding->of_answer.secure = exchange.location[0] != '\0';
	finding->of_answer.refused = !exchange.status && strstr(exchange.reason, strerror(ECONNREFUSED));
	snprintf(finding->of_answer.text, sizeof(finding->of_answer.text), "%.*s", FINDING_TEXT - 1,
		 exchange.location[0] ? exchange.location : exchange.reason);
	rc = tell(finding);
	exchange_free(&exchange);
	return rc;
}

static int look_at_server(const struct config *config, const struct certificate *certificate, const struct assignment *work,
			  double end)
{
	for (uint32_t i = 0; config_answers(certificate, CHALLENGE_HTTP) && i < 2 * certificate->names; i++) {
		struct finding finding = { .kind = FINDING_ANSWER, .index = certificate->first_name + i / 2, .of_answer.six = i % 2 };
		struct fault fault;
		struct http *http;
		char address[24];
		int rc;

		snprintf(address, sizeof(address), "%s:%u", i % 2 ? "[::1]" : "127.0.0.1", work->port);
		http = clock_seconds() > end ? NULL : http_start_plain(address, &fault);
		if (!http)
			return -1;
		rc = ask_server(http, config->name[finding.index], work, &finding);
		http_free(http);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* A search list would find other names than a CA does. */
static void set_resolver(void)
{
	if (res_init() < 0)
		return;
	_res.retrans = NAME_SECONDS;
	_res.retry = 2;
	_res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
}

static int look_at_network(const struct config *config, double end)
{
	struct finding ca;

	set_resolver();
	if (look_at_ca(config, &ca) < 0)
		return -1;
	for (uint32_t i = 0; i < config->certificates; i++)
		if (look_at_names(config, &config->certificate[i],
				  ca.of_ca.failed ? caa_identity_of(config->acme.directory) : ca.of_ca.text, end) < 0)
			return -1;
	return 0;
}

int examiner_main(const struct config *config)
{
	const double end = clock_seconds() + ALL_SECONDS + CA_MOST / 1000.0;
	static struct assignment work;

	if (recv(FD_WARDEN, &work, sizeof(work), 0) != (ssize_t)sizeof(work))
		return STATUS_FAILED;
	if (!work.server)
		return look_at_network(config, end) < 0 ? STATUS_LATER : STATUS_DONE;
	for (uint32_t i = 0; i < config->certificates; i++)
		if (look_at_server(config, &config->certificate[i], &work, end) < 0)
			return STATUS_LATER;
	return STATUS_DONE;
}
