/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * provider.h - the services whose APIs the provider knows: a file for each.
 *
 * start() reads the secrets of the section, in memory that it must not keep. put() and take() have a value written and removed, each as often
 * as one likes. Names and values were checked: they may be part of a URL.
 */
#ifndef ACMEGATE_AGENT_PROVIDER_H
#define ACMEGATE_AGENT_PROVIDER_H

#include "agent/api.h"

int acme_dns_start(struct api *api, const char *secret, size_t length, struct fault *fault) MUST_CHECK;
int acme_dns_put(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;
int acme_dns_take(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;

/*
 * Registers this name, unless it is, and writes all registrations to this file; nothing is written if there is nothing new. fulldomain becomes
 * the name that its CNAME must lead to.
 */
int acme_dns_register(struct api *api, const char *name, int file, char fulldomain[NAME_SIZE], struct fault *fault) MUST_CHECK;

int httpreq_start(struct api *api, const char *secret, size_t length, struct fault *fault) MUST_CHECK;
int httpreq_put(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;
int httpreq_take(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;

int digitalocean_start(struct api *api, const char *secret, size_t length, struct fault *fault) MUST_CHECK;
int digitalocean_put(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;
int digitalocean_take(struct api *api, const struct placed *placed, struct fault *fault) MUST_CHECK;

#endif
