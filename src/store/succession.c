// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/succession.h"

#define PATIENCE (INT64_C(3) * 24 * 60 * 60) /* s that a CA may fail before the next one is asked */

int succession_find(const struct succession *succession, uint64_t wish)
{
	for (uint32_t i = 0; i < succession->choices; i++)
		if (succession->choice[i].wish == wish)
			return (int)i;
	return -1;
}

/* The oldest of the newest attempts at one CA, which is then *place; NULL: the certificate was stored since, or nothing was tried. */
static const struct attempt *first_failure(const struct succession *succession, const struct ledger *ledger, int *place)
{
	const struct attempt *first = NULL;

	for (uint32_t i = 0; i < ledger->attempts; i++) {
		const struct attempt *attempt = &ledger->attempt[i];
		int its = succession_find(succession, attempt->wish);

		if (its < 0 || attempt->outcome.result == RESULT_STORED || (first && its != *place))
			break;
		*place = its;
		first = attempt;
	}
	return first;
}

uint32_t succession_place(const struct succession *succession, const struct ledger *ledger, const struct instant *now, int64_t due,
			  bool ends)
{
	int place = 0;
	const struct attempt *first = first_failure(succession, ledger, &place);
	bool over = first && (ends || (instant_since(&first->started, now) >= PATIENCE && now->wall - due >= PATIENCE));

	return over ? ((uint32_t)place + 1) % succession->choices : (uint32_t)place;
}
