/* SPDX-License-Identifier: GPL-3.0-or-later */
/* acme_state.h - the state of an ACME client. For acme.c and call.c; to all others struct acme is opaque. */
#ifndef ACMEGATE_ACME_ACME_STATE_H
#define ACMEGATE_ACME_ACME_STATE_H

#include "acme/codec.h"
#include "acme/nonces.h"
#include "acme/signer.h"
#include "base/wire.h"

struct acme {
	struct exchanges exchanges; /* that of newNonce is owned by the struct acme */
	struct signer signer;
	struct account account;
	struct directory directory;
	struct nonces nonces;
	struct outcome failure;
	int64_t date;
	bool hurry;
};

#endif
