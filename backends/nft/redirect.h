/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * redirect.h - a nat table of our own, for as long as our listener is on another port than the world connects to.
 *
 * It belongs to a netlink socket of this process: it goes with the process, and nobody else can remove or change it.
 */
#ifndef ACMEGATE_BACKENDS_NFT_REDIRECT_H
#define ACMEGATE_BACKENDS_NFT_REDIRECT_H

#include "backends/backend.h"

extern const struct backend redirect_backend;

#endif
