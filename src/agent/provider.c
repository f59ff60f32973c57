// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * provider.c - the role that writes values of dns-01 by the API of one section [dns NAME], for acmegate-dns; for acmegate dns register it
 * registers names. It alone has the secrets of that API, and knows none of another section.
 */
#include "agent/provider.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "base/base64url.h"
#include "base/log.h"
#include "store/crypto.h"

#define SECRET_MOST (1024 * 1024)

static const struct service {
	int (*start)(struct api *, const char *secret, size_t length, struct fault *);
	int (*put)(struct api *, const struct placed *, struct fault *);
	int (*take)(struct api *, const struct placed *, struct fault *);
	int (*enrol)(struct api *, const char *name, int file, char fulldomain[NAME_SIZE], struct fault *);
} services[DNS_TYPES] = {
	[DNS_ACME_DNS] = { acme_dns_start, acme_dns_put, acme_dns_take, acme_dns_register },
	[DNS_HTTPREQ] = { httpreq_start, httpreq_put, httpreq_take, NULL },
	[DNS_DIGITALOCEAN] = { digitalocean_start, digitalocean_put, digitalocean_take, NULL },
};

static int read_secret(struct api *api, const struct service *service, struct fault *fault)
{
	struct stat s = { .st_size = 0 };
	ssize_t n = 0;
	char *text;
	int rc = 0;

	if (fcntl(FD_SECRET, F_GETFD) >= 0 && (fstat(FD_SECRET, &s) < 0 || s.st_size > SECRET_MOST))
		return fault_set(fault, FAULT_USAGE, "%s: expected a file of at most %d bytes", api->secret_file, SECRET_MOST);
	text = calloc(1, (size_t)s.st_size + 1);
	if (!text)
		return fault_errno(fault, FAULT_LATER, "%s", api->secret_file);
	if (s.st_size)
		n = pread(FD_SECRET, text, (size_t)s.st_size, 0);
	rc = n < 0 ? fault_errno(fault, FAULT_FAILED, "%s", api->secret_file) : service->start(api, text, (size_t)n, fault);
	crypto_wipe(text, (size_t)s.st_size + 1);
	free(text);
	return rc;
}

static int start(struct api *api, const struct service *service, struct fault *fault)
{
	static char section[LABEL_SIZE + 8];

	snprintf(section, sizeof(section), "dns %s", api->dns->name);
	crypto_start();
	api->http = http_start_api(fcntl(FD_CA_FILE, F_GETFD) < 0 ? -1 : FD_CA_FILE, section, fault);
	return api->http ? read_secret(api, service, fault) : -1;
}

/* An alias may lead to any name: those with other characters are none of a host's, and could change the meaning of a URL. */
static bool is_name(const char *name)
{
	return name[0] && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

static int check(const struct placed *placed, struct fault *fault)
{
	if (!is_name(placed->owner) || !is_name(placed->zone) || !is_name(placed->name))
		return fault_set(fault, FAULT_USAGE, "%s in the zone %s: not a name that values are put at", placed->owner,
				 placed->zone);
	for (size_t i = 0; i < VALUE_SIZE; i++)
		if (i == VALUE_SIZE - 1 ? placed->value[i] : !base64url_is(placed->value[i]))
			return fault_set(fault, FAULT_USAGE, "%s: not a value of dns-01", placed->owner);
	return 0;
}

static int change(struct api *api, const struct service *service, const struct record *record, struct fault *fault)
{
	const struct placed *placed = (const void *)record->data;

	if (check(placed, fault) < 0)
		return -1;
	return record->verb == VERB_PUT_VALUE ? service->put(api, placed, fault) : service->take(api, placed, fault);
}

/* -1: the other end has gone. broken: the section cannot be used at all. */
static int serve(struct api *api, const struct fault *broken, const struct record *record, int file, struct fault *fault)
{
	const struct service *service = &services[api->dns->type];
	char fulldomain[NAME_SIZE] = "";
	struct fault why = *broken;
	int rc = -1;

	if (broken->kind == FAULT_NONE && (record->verb == VERB_PUT_VALUE || record->verb == VERB_TAKE_VALUE))
		rc = change(api, service, record, &why);
	else if (broken->kind == FAULT_NONE && record->verb == VERB_REGISTER && service->enrol && file >= 0)
		rc = service->enrol(api, record->data, file, fulldomain, &why);
	else if (broken->kind == FAULT_NONE)
		fault_set(&why, FAULT_FAILED, "%s is no question for the provider", verb_name((enum verb)record->verb));
	return channel_reply(FD_CLIENT, rc, &why, fulldomain, strlen(fulldomain), fault);
}

static int serve_all(struct api *api, const struct fault *broken, struct fault *fault)
{
	static struct record record;
	int with[2], n;

	while ((n = wire_receive_with(FD_CLIENT, &record, with, fault)) > 0) {
		const int sent = serve(api, broken, &record, with[0], fault);

		close_fd(&with[0]);
		close_fd(&with[1]);
		if (sent < 0)
			return 0;
	}
	return n;
}

int provider_main(const struct config *config)
{
	static struct record record;
	static struct api api;
	struct fault fault, broken = { .kind = FAULT_NONE };
	int n = wire_receive(FD_CLIENT, &record, &fault);

	if (n > 0 && (record.verb != VERB_WRITER || record.index >= config->dnses || !services[config->dns[record.index].type].put))
		n = fault_set(&fault, FAULT_FAILED, "the provider got no section");
	if (n > 0) {
		api.dns = &config->dns[record.index];
		api.secret_file = api.dns->type == DNS_DIGITALOCEAN ? api.dns->token_file : api.dns->credentials_file;
		if (start(&api, &services[api.dns->type], &broken) == 0)
			broken.kind = FAULT_NONE;
		n = serve_all(&api, &broken, &fault);
	}
	http_free(api.http);
	exchange_free(&api.exchange);
	crypto_wipe(&api, sizeof(api));
	if (n < 0)
		log_error("%s", fault.text);
	return n < 0 ? STATUS_FAILED : STATUS_DONE;
}
