// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/remark.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Stands for a CA whose addresses are not known: a.root-servers.net. Nothing is sent to it. */
static const char *const internet[] = { "198.41.0.4", "2001:503:ba3e::2:30" };

#define ADDRESSES_SAID 4 /* remarks about addresses; more would hide the others */

static __attribute__((format(printf, 2, 3))) void say_about(void (*say)(const char *text), const char *format, ...)
{
	char text[SURVEY_REMARK];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say(text);
}

static void remark_xdp(const struct host *host, void (*say)(const char *text))
{
	for (const struct host_link *link = host->link; link < host->link + host->links; link++)
		if (link->xdp)
			say_about(say,
				  "a program of XDP (id %u) on %.*s gets packets before the firewall does, and may drop those of a validation: "
				  "acmegate cannot see what it does (bpftool prog show id %u)",
				  link->xdp, (int)sizeof(link->name), link->name, link->xdp);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static const char *write_address(uint8_t family, const void *address, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(family == NFPROTO_IPV4 ? AF_INET : AF_INET6, address, text, INET6_ADDRSTRLEN);
}

/* Can a name resolve to this address? Not to a link-local one. */
static bool is_reachable(const struct host_address *address)
{
	return address->family == NFPROTO_IPV4 ? address->bytes[0] != 169 || address->bytes[1] != 254 :
						 address->bytes[0] != 0xfe || (address->bytes[1] & 0xc0) != 0x80;
}

/* The source addresses of our answers: those of the names, or all of this host. */
struct ours {
	size_t count;
	const unsigned char *address[OPENING_ADDRESSES * 8];
};

static void find_ours(struct ours *ours, uint8_t family, const struct host *host, const struct opening *opening)
{
	const bool v4 = family == NFPROTO_IPV4;
	const uint32_t names = v4 ? opening->addresses4 : opening->addresses6;

	ours->count = 0;
	for (uint32_t i = 0; i < names && i < OPENING_ADDRESSES; i++)
		ours->address[ours->count++] = v4 ? opening->address4[i] : opening->address6[i];
	if (opening->addresses4 || opening->addresses6)
		return;
	for (size_t i = 0; i < host->addresses; i++)
		if (host->address[i].family == family && is_reachable(&host->address[i]) && ours->count < LENGTH_OF(ours->address))
			ours->address[ours->count++] = host->address[i].bytes;
}

static void remark_route(struct mnl_socket *route, const struct ours *ours, const struct peer *ca, uint16_t port,
			 void (*say)(const char *text))
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	size_t without = 0;
	int reason[LENGTH_OF(ours->address)] = { 0 };

	for (size_t i = 0; i < ours->count; i++) {
		errno = 0;
		if (!host_route(route, ca->family, ca->address, ours->address[i], port))
			reason[i] = errno ? errno : ENETUNREACH;
		without += reason[i] != 0;
	}
	if (!without || !write_address(ca->family, ca->address, to))
		return;
	if (without == ours->count) {
		say_about(say,
			  "no answer to the CA leaves this host over IPv%d: its routes have no way to %s (%s); see ip route get %s",
			  ca->family == NFPROTO_IPV4 ? 4 : 6, to, strerror(reason[0]), to);
		return;
	}
	for (size_t i = 0, said = 0; i < ours->count && said < ADDRESSES_SAID; i++)
		if (reason[i] && write_address(ca->family, ours->address[i], from)) {
			say_about(say,
				  "answers from %s to the CA do not leave this host: its rules of routing have no way to %s for them (%s); see ip "
				  "route get %s from %s ipproto tcp sport %u",
				  from, to, strerror(reason[i]), to, from, port);
			said++;
		}
}

static void remark_routes(struct mnl_socket *route, const struct host *host, const struct survey_question *question,
			  void (*say)(const char *text))
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct peer ca[LENGTH_OF(families)];
	size_t count = question->peers < LENGTH_OF(families) ? question->peers : LENGTH_OF(families);

	memcpy(ca, question->peer, sizeof(ca));
	for (size_t i = 0; !question->peers && i < LENGTH_OF(families); i++) {
		ca[i].family = families[i];
		if (inet_pton(i == 0 ? AF_INET : AF_INET6, internet[i], ca[i].address) == 1)
			count = i + 1;
	}
	for (size_t i = 0; i < count; i++) {
		struct ours ours;

		find_ours(&ours, ca[i].family, host, &question->opening);
		if (ours.count)
			remark_route(route, &ours, &ca[i], question->opening.port, say);
	}
}

/* --- containers --------------------------------------------------------------------------------------------------- */

/* Docker names the bridge of a user-defined network "br-" and twelve hex digits. */
static bool is_of_containers(const struct host_link *link)
{
	static const char *const names[] = { "docker", "podman", "cni", "nerdctl", "lxcbr", "lxdbr", "incusbr" };
	size_t digits = 0;

	if (!link->bridge)
		return false;
	for (size_t i = 0; i < LENGTH_OF(names); i++)
		if (!strncmp(link->name, names[i], strlen(names[i])))
			return true;
	while (3 + digits < sizeof(link->name) && isxdigit((unsigned char)link->name[3 + digits]))
		digits++;
	return !strncmp(link->name, "br-", 3) && digits == 12;
}

static void remark_containers(const struct host *host, uint16_t port, void (*say)(const char *text))
{
	for (const struct host_link *link = host->link; link < host->link + host->links; link++)
		if (is_of_containers(link)) {
			say_about(say,
				  "%.*s is a bridge of containers: port %u of this host is opened, and the chains that forward to them (FORWARD, "
				  "DOCKER-USER) are not. While it is open, a rule of nat that sends the port to a container is passed by",
				  (int)sizeof(link->name), link->name, port);
			return;
		}
}

void remark_host(struct mnl_socket *route, const struct host *host, const struct survey_question *question,
		 void (*say)(const char *text))
{
	remark_xdp(host, say);
	remark_routes(route, host, question, say);
	remark_containers(host, question->opening.port, say);
}
