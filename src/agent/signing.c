// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/signing.h"

#include "agent/channel.h"

struct record signing_reply; /* 64 KiB that no stack should carry */

const struct certificate *signing_certificate(const struct signer_role *signer, uint32_t index)
{
	return &signer->config->certificate[index];
}

const char (*signing_names(const struct signer_role *signer, const struct certificate *certificate))[NAME_SIZE]
{
	return &signer->config->name[certificate->first_name];
}

int signing_ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return channel_ask(FD_STORER, "storer", verb, index, data, length, &signing_reply, fault);
}

int signing_require_account(const struct signer_role *signer, struct fault *fault)
{
	return signer->account_key ? 0 : fault_set(fault, FAULT_FAILED, "the client must ask for the account first");
}
