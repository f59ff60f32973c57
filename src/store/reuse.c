// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/reuse.h"

#include "base/revocation.h"

uint32_t reuse_left(const struct certificate *certificate, const struct ledger *ledger)
{
	uint32_t renewals = certificate->reuse ? certificate->reuse - 1 : 0;

	if (certificate->reuse == REUSE_ALWAYS)
		return REUSE_ALWAYS;
	return ledger->keys.renewals < renewals ? renewals - ledger->keys.renewals : 0;
}

/* Without a certificate no record can be out of date: the next key is as good as any. */
enum reuse reuse_choose(const struct certificate *certificate, const struct ledger *ledger, bool present, int64_t now)
{
	const struct keys *keys = &ledger->keys;
	bool next = ledger_has_spki(keys->next);
	bool compromised = ledger->live.revoked == 1 + REVOCATION_KEY_COMPROMISE;

	if (!present || compromised)
		return next ? REUSE_NEXT : REUSE_NOTHING;
	return next && !reuse_left(certificate, ledger) && now - keys->prepared >= NEXT_KEY_AGE ? REUSE_NEXT : REUSE_LIVE;
}
