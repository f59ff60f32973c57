// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/holding.h"

#include "base/cas.h"
#include "store/wish.h"

static void add_choice(const struct config *config, const struct certificate *certificate, uint32_t ca, struct choice *choice)
{
	*choice = (struct choice){
		.name = ca ? config->ca[ca].name : "acme",
		.directory = config->ca[ca].directory,
		.wish = wish_at(config, certificate, ca),
		.ca = ca,
	};
}

struct holding holding_of(const struct config *config, const struct certificate *certificate, const struct ledger *ledger)
{
	const struct live *live = &ledger->live;
	int origin = cas_place(config, certificate, live->directory);
	struct holding holding = {
		.present = live->not_after != 0,
		.directory = config->acme.directory,
		.other_directory = origin < 0 ? live->directory : "",
		.csr = certificate->csr_length > 0,
		.not_before = live->not_before,
		.not_after = live->not_after,
		.wish = wish_of(config, certificate),
		.older_wish = wish_older(config, certificate, live->wish),
		.succession.choices = certificate->cas,
		.origin = origin < 0 ? 0 : (uint32_t)origin,
	};

	for (uint32_t i = 0; i < certificate->cas; i++)
		add_choice(config, certificate, certificate->ca[i], &holding.succession.choice[i]);
	return holding;
}
