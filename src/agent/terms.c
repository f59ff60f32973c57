// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/terms.h"

#include <stdio.h>
#include <string.h>

#include "agent/caa.h"
#include "base/base64url.h"
#include "store/crypto.h"

#define HASH_NAME "sha-256/"
#define ANY_NAME "*" /* in the place of the name: one record text for all names */

/* Of the length of the name, the name, the thumbprint and the URL. */
int terms_hash(const struct account_name *account, const char *name, char hash[VALUE_SIZE], struct fault *fault)
{
	unsigned char digest[SHA256_SIZE];
	char text[1 + NAME_SIZE + 64 + URL_SIZE];
	int n = snprintf(text, sizeof(text), "%c%s%s%s", (char)strlen(name), name, account->thumbprint, account->url);

	if (n < 0 || (size_t)n >= sizeof(text))
		return fault_set(fault, FAULT_FAILED, "the URL of the account is too long");
	if (crypto_sha256(text, (size_t)n, digest, fault) < 0)
		return -1;
	base64url_encode(hash, digest, sizeof(digest));
	return 0;
}

/* The names of the CA in records: of the challenge, else of the directory, else those for CAA records. */
static int find_issuers(struct persist_terms *terms, const struct directory *directory, const struct persist_offer *offer,
			const char *url, struct fault *fault)
{
	const char *caa = directory->caa[0] ? directory->caa : caa_identity_of(url);

	if (offer || directory->persist.issuers) {
		terms->issuers = offer ? offer->issuers : directory->persist.issuers;
		memcpy(terms->issuer, offer ? offer->issuer : directory->persist.issuer, sizeof(terms->issuer));
		return 0;
	}
	while (*caa && terms->issuers < PERSIST_ISSUERS) {
		size_t length = strcspn(caa, ", ");

		snprintf(terms->issuer[terms->issuers], NAME_SIZE, "%.*s", (int)length, caa);
		terms->issuers += persist_is_issuer(terms->issuer[terms->issuers]);
		caa += length;
		caa += strspn(caa, ", ");
	}
	return terms->issuers ?
		       0 :
		       fault_set(fault, FAULT_FAILED,
				 "the CA's directory does not say its name in such records (issuerDomainNames, caaIdentities): "
				 "acmegate renew-now prints the record that its challenge asks for");
}

/* A challenge has to have all names of the directory, and our account if it names one (drafts -02 and -01). */
static int check_offer(const struct account_name *account, const struct directory *directory, const struct persist_offer *offer,
		       struct fault *fault)
{
	if (directory->persist.wrong)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's issuerDomainNames are malformed, or not all of them are in its caaIdentities");
	for (uint32_t i = 0; offer && i < directory->persist.issuers; i++) {
		bool found = false;

		for (uint32_t k = 0; k < offer->issuers && !found; k++)
			found = !strcmp(offer->issuer[k], directory->persist.issuer[i]);
		if (!found)
			return fault_set(fault, FAULT_FAILED,
					 "the CA's challenge is malformed: it lacks %s, which its directory names",
					 directory->persist.issuer[i]);
	}
	if (offer && offer->account[0] && strcmp(offer->account, account->url) != 0)
		return fault_set(fault, FAULT_FAILED, "the CA's challenge is for the account %s, and ours is %s", offer->account,
				 account->url);
	return 0;
}

int terms_set(struct persist_terms *terms, const struct account_name *account, const struct directory *directory,
	      const struct persist_offer *offer, const struct subject *subject, const char *url, struct fault *fault)
{
	*terms = (struct persist_terms){ .wildcard = subject->wildcard, .until = subject->until };
	if (check_offer(account, directory, offer, fault) < 0 || find_issuers(terms, directory, offer, url, fault) < 0)
		return -1;
	if (!directory->persist.hash_prefix[0]) {
		snprintf(terms->account[0], sizeof(terms->account[0]), "%s", account->url);
		terms->accounts = 1;
		return 0;
	}
	for (terms->accounts = 0; terms->accounts < 2; terms->accounts++) {
		char hash[VALUE_SIZE];

		if (terms_hash(account, terms->accounts ? ANY_NAME : subject->name, hash, fault) < 0)
			return -1;
		snprintf(terms->account[terms->accounts], URL_SIZE, "%s" HASH_NAME "%s", directory->persist.hash_prefix, hash);
	}
	return 0;
}
