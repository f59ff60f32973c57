// SPDX-License-Identifier: GPL-3.0-or-later
/* names.c - do the names lead to this host, over both families, and may the CA issue for them? */
#include "check/network.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LIST_SIZE 400

/* Networks that the world has no way to, RFC 6890: behind one of these a router has the public address. */
static bool is_private4(const unsigned char *a)
{
	return a[0] == 10 || (a[0] == 172 && a[1] >= 16 && a[1] < 32) || (a[0] == 192 && a[1] == 168) ||
	       (a[0] == 100 && a[1] >= 64 && a[1] < 128) || (a[0] == 169 && a[1] == 254) || a[0] == 127;
}

static bool is_private6(const unsigned char *a)
{
	return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)a);
}

/* The bytes of an address; NULL: of another family. */
static const unsigned char *bytes_of(const struct sockaddr *address, int family)
{
	if (!address || address->sa_family != family)
		return NULL;
	return family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr :
				   (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

struct own {
	bool has;    /* this very address */
	bool any;    /* one of that family, beside loopback and link-local ones */
	bool public; /* one that the world has a way to */
};

static struct own look(int family, const unsigned char *address)
{
	const size_t size = family == AF_INET ? 4 : 16;
	struct own own = { false, false, false };
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return own;
	for (const struct ifaddrs *one = list; one; one = one->ifa_next) {
		const unsigned char *bytes = bytes_of(one->ifa_addr, family);

		if (!bytes || (one->ifa_flags & IFF_LOOPBACK) ||
		    (family == AF_INET6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80))
			continue;
		own.any = true;
		own.public = own.public || !(family == AF_INET ? is_private4(bytes) : is_private6(bytes));
		own.has = own.has || (address && !memcmp(bytes, address, size));
	}
	freeifaddrs(list);
	return own;
}

static void append(char list[LIST_SIZE], int family, const unsigned char *address)
{
	size_t used = strlen(list);
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(family, address, text, sizeof(text));
	snprintf(list + used, LIST_SIZE - used, "%s%s", used ? ", " : "", text);
}

/* The result for the addresses of one family. */
struct verdict_of {
	char ours[LIST_SIZE], others[LIST_SIZE];
	bool behind; /* this host has private addresses only, and theirs are public */
};

static void sort(int family, uint32_t n, const unsigned char *list, struct verdict_of *verdict)
{
	const size_t size = family == AF_INET ? 4 : 16;

	for (uint32_t i = 0; i < n; i++) {
		const unsigned char *address = list + i * size;
		struct own own = look(family, address);
		bool is_public = !(family == AF_INET ? is_private4(address) : is_private6(address));

		append(own.has ? verdict->ours : verdict->others, family, address);
		verdict->behind = verdict->behind || (!own.has && is_public && own.any && !own.public);
	}
}

static void say_not_found(struct examination *e, const char *name, const struct finding *finding)
{
	const int error = finding->of_name.error4 != EAI_NONAME && finding->of_name.error4 != EAI_NODATA ? finding->of_name.error4 :
													   finding->of_name.error6;
	const bool is_missing = error == EAI_NONAME || error == EAI_NODATA || !error;

	sheet_add(&e->sheet, MARK_WRONG, name,
		  is_missing ? "add an A or AAAA record that leads to this host" :
			       "see to the host's name servers (/etc/resolv.conf) and to the domain's; then look again",
		  "%s", is_missing ? "has no address in the DNS" : gai_strerror(error));
}

static void say_found(struct examination *e, const char *name, const char *alias, const struct verdict_of v[2])
{
	char list[4 * LIST_SIZE];

	snprintf(list, sizeof(list), "%s%s%s%s%s", v[0].ours, v[0].ours[0] && v[1].ours[0] ? ", " : "", v[1].ours,
		 alias[0] ? ", CNAME " : "", alias);
	sheet_add(&e->sheet, MARK_OK, name, NULL, "leads to this host: %s", list);
}

static void say_elsewhere(struct examination *e, const char *name, const char *alias, const struct verdict_of *v,
			  const char *record, bool also)
{
	char remedy[FAULT_TEXT_SIZE];

	if (v->behind)
		snprintf(remedy, sizeof(remedy),
			 "have the router forward TCP port %u of that address to this host; a firewall on the router can be opened by [gate] command "
			 "(examples in /usr/share/acmegate/command)",
			 e->config->gate.port);
	else
		snprintf(remedy, sizeof(remedy), "correct the %s record%s, or remove it: CAs try any of them, IPv6 first", record,
			 alias[0] ? " that the CNAME leads to" : "");
	sheet_add(&e->sheet, v->behind || also ? MARK_WARNING : MARK_WRONG, name, remedy,
		  "%s %s, which is not an address of this host%s%s%s%s", also ? "leads also to" : "leads to", v->others,
		  v->behind ? ": a router is in front (NAT)" : "", alias[0] ? " (CNAME " : "", alias, alias[0] ? ")" : "");
}

void check_addresses(struct examination *e, const struct finding *finding)
{
	const char *name = e->config->name[finding->index], *canonical = finding->of_name.canonical;
	const char *alias = strcasecmp(canonical, name) ? canonical : "";
	struct verdict_of v[2] = { { .behind = false } };

	e->sheet.check = "name";
	e->four[finding->index] = finding->of_name.addresses4 > 0;
	e->six[finding->index] = finding->of_name.addresses6 > 0;
	if (!finding->of_name.addresses4 && !finding->of_name.addresses6) {
		say_not_found(e, name, finding);
		return;
	}
	sort(AF_INET, finding->of_name.addresses4, finding->of_name.address4[0], &v[0]);
	sort(AF_INET6, finding->of_name.addresses6, finding->of_name.address6[0], &v[1]);
	if (v[0].ours[0] || v[1].ours[0])
		say_found(e, name, alias, v);
	for (int i = 0; i < 2; i++)
		if (v[i].others[0])
			say_elsewhere(e, name, alias, &v[i], i ? "AAAA" : "A", v[i].ours[0]);
}

void check_own_address(struct examination *e, const char *address)
{
	const int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct verdict_of verdict = { .behind = false };
	unsigned char bytes[16];

	e->sheet.check = "name";
	if (inet_pton(family, address, bytes) != 1)
		return;
	sort(family, 1, bytes, &verdict);
	if (verdict.ours[0])
		sheet_add(&e->sheet, MARK_OK, address, NULL, "is an address of this host");
	else
		sheet_add(&e->sheet, verdict.behind ? MARK_WARNING : MARK_WRONG, address,
			  verdict.behind ? "have the router forward TCP port 80 of that address to this host" :
					   "correct names in the configuration",
			  "is not an address of this host%s", verdict.behind ? ": a router is in front (NAT)" : "");
}

void check_caa(struct examination *e, const struct finding *finding)
{
	static const enum mark marks[PERMITS] = {
		[PERMIT_ACCOUNT] = MARK_WARNING, [PERMIT_METHOD] = MARK_WRONG, [PERMIT_REFUSED] = MARK_WRONG,
		[PERMIT_UNKNOWN] = MARK_WARNING, [PERMIT_FAILED] = MARK_WRONG,
	};
	static const char *const remedies[PERMITS] = {
		[PERMIT_ACCOUNT] = "compare accounturi with the line URL of acmegate account show",
		[PERMIT_METHOD] =
			"add the challenge to validationmethods of that record (RFC 8657), or give the certificate one that it allows",
		[PERMIT_REFUSED] =
			"add a CAA record (RFC 8659) \"0 issue\" with the CA's name, which its documents say, or use another CA",
		[PERMIT_UNKNOWN] = "compare the record with what the CA's documents say of CAA",
		[PERMIT_FAILED] =
			"have the domain's name servers answer for CAA (type 257), with an empty answer at least: CAs refuse otherwise",
	};
	const char *name = e->config->name[finding->index], *at = finding->of_caa.at, *text = finding->of_caa.text;
	const uint32_t permit = finding->of_caa.permit;

	e->sheet.check = "caa";
	if (permit == PERMIT_ALL)
		sheet_add(&e->sheet, MARK_OK, name, NULL, "no CAA record keeps a CA from issuing");
	else if (permit == PERMIT_FAILED)
		sheet_add(&e->sheet, marks[permit], name, remedies[permit], "%s", text);
	else
		sheet_add(&e->sheet, marks[permit], name, remedies[permit], "%s has CAA %s: %s %s", at,
			  text[0] ? text : "without issue",
			  permit == PERMIT_METHOD  ? "that forbids the challenges of the certificate to" :
			  permit == PERMIT_REFUSED ? "that forbids" :
			  permit == PERMIT_UNKNOWN ? "that may forbid" :
						     "that allows",
			  e->config->acme.directory);
}
