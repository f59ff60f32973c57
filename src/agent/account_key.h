/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * account_key.h - the account key: it signs the requests that acmegate makes, and no others.
 */
#ifndef ACMEGATE_AGENT_ACCOUNT_KEY_H
#define ACMEGATE_AGENT_ACCOUNT_KEY_H

#include "agent/signing.h"

signing_handler account_key_on_account, account_key_on_account_url, account_key_on_sign, account_key_on_sign_eab;

#endif
