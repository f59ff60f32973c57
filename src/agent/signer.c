// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * signer.c - the agent's role that holds the keys: it signs what acmegate sends to a CA and nothing else, and verifies what comes back.
 *
 * It reads what the network sent, so it has no file, no network and no right. What is to be kept goes to the storer, as bytes.
 */
#include "agent/agent.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/base64url.h"
#include "acme/codec.h"
#include "store/crypto.h"
#include "store/trust.h"
#include "acme/exchange.h"
#include "acme/jws.h"
#include "base/log.h"
#include "store/schedule.h"

#define EAB_KEY_SIZE 1024	/* characters of base64url in its file */
#define TRUST_MOST (4 * 1024 * 1024) /* bytes of a file of roots: Mozilla's has 220 KiB */

/* What has been asked for and not come yet, for one certificate. */
struct pending {
	struct key *key;
	char *finalize;		/* the payload with our request, which is what may be signed for it */
	bool finalized;		/* it was signed for the CA */
};

/* What FD_TRUST and FD_CA_FILE contain, read when it is asked for. */
struct roots {
	bool looked;
	char *text;
	size_t length;
};

struct signer_role {
	const struct config *config;
	struct key *account_key;
	struct account account;
	char *binding;		/* the external account binding that we made */
	struct pending pending[MAX_CERTIFICATES];
	struct chain *live[MAX_CERTIFICATES];	/* what is in use; NULL: nothing whole */
	struct roots roots[2];
	bool failed;		/* something that a later success does not make good */
};

/* Room for the largest answer. */
struct reply {
	size_t length;
	char data[WIRE_DATA];
};

static struct record heard; /* the storer's last answer: 64 KiB that no stack should carry */

static const struct certificate *certificate_of(const struct signer_role *signer, uint32_t index)
{
	return &signer->config->certificate[index];
}

static const char (*names_of(const struct signer_role *signer, const struct certificate *certificate))[NAME_SIZE]
{
	return &signer->config->name[certificate->first_name];
}

/* --- the storer --------------------------------------------------------------------------------------------------- */

/* One question; the answer is in heard. */
static int ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	int rc;

	if (wire_send(FD_STORER, verb, index, data, length, fault) < 0)
		return -1;
	rc = wire_await(FD_STORER, &heard, WIRE_PATIENCE, fault);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_FAILED, "the storer has ended");
	if (heard.verb == VERB_REPLY)
		return 0;
	if (heard.verb == VERB_FAULT && heard.index > FAULT_NONE && heard.index <= FAULT_LATER)
		return fault_set(fault, (enum fault_kind)heard.index, "%s", heard.data);
	return fault_set(fault, FAULT_FAILED, "the storer answers %s with %s", verb_name(verb), verb_name((enum verb)heard.verb));
}

static struct renewal renewal_of(const struct signer_role *signer, const struct certificate *certificate, const struct facts *facts)
{
	const struct holding holding = {
		.present = true,
		.other_names = !chain_facts_have_names(facts, names_of(signer, certificate), certificate->names),
		.other_key = facts->key != certificate->key,
		.not_before = facts->not_before,
		.not_after = facts->not_after,
	};
	struct decision decision = schedule_decide(&holding, time(NULL));
	struct renewal renewal = { .due = decision.due, .present = 1, .from = decision.from };

	snprintf(renewal.reason, sizeof(renewal.reason), "%s", decision.reason);
	return renewal;
}

/* Keeps the chain for on_install(), if it is whole. -1: that could not be found out. */
static int examine(struct signer_role *signer, const struct record *record, struct verdict *verdict, struct fault *fault)
{
	const struct bundle *bundle = (const void *)record->data;
	size_t length = record->length - sizeof(*bundle) - bundle->key_length, leaf, clean;
	OWN_KEY struct key *key = key_read(bundle->text, bundle->key_length, fault);
	OWN_CHAIN struct chain *chain = key ? chain_read(bundle->text + bundle->key_length, length, fault) : NULL;
	static struct facts facts;

	if (!chain || chain_facts(chain, &facts, fault) < 0)
		return fault->kind == FAULT_LATER ? -1 : 0;
	(void)chain_text(chain, &leaf, &clean);
	verdict->whole = leaf == bundle->leaf_length && clean == length && chain_has_key(chain, key);
	if (!verdict->whole)
		return 0;
	verdict->renewal = renewal_of(signer, certificate_of(signer, record->index), &facts);
	chain_free(signer->live[record->index]);
	signer->live[record->index] = chain;
	chain = NULL;
	return 0;
}

/* 1: served. 0: the storer has gone, as it does at the end. -1: it makes no sense. */
static int serve_storer(struct signer_role *signer, struct record *record, struct fault *fault)
{
	struct verdict verdict = { 0 };
	struct fault why;
	int rc = wire_receive(FD_STORER, record, fault);

	if (rc <= 0)
		return rc;
	if (record->verb != VERB_EXAMINE || record->index >= signer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "the storer sent %s", verb_name((enum verb)record->verb));
	rc = examine(signer, record, &verdict, &why);
	crypto_wipe(record->data, record->length);
	rc = rc < 0 ? wire_send(FD_STORER, VERB_FAULT, (uint32_t)why.kind, why.text, strlen(why.text), fault) :
		      wire_send(FD_STORER, VERB_VERDICT, record->index, &verdict, sizeof(verdict), fault);
	return rc < 0 ? -1 : 1;
}

/* --- the account -------------------------------------------------------------------------------------------------- */

static int make_account_key(struct signer_role *signer, struct fault *fault)
{
	OWN_KEY struct key *key = key_generate(signer->config->acme.account_key, fault);
	char pem[KEY_PEM_SIZE];
	int rc;

	if (!key || key_write(key, pem, fault) < 0)
		return -1;
	rc = ask(VERB_SAVE_ACCOUNT, 0, pem, strlen(pem), fault);
	crypto_wipe(pem, sizeof(pem));
	if (rc < 0)
		return -1;
	signer->account_key = key;
	key = NULL;
	return 0;
}

/* A key that cannot be used is put aside by the storer, when another one comes. */
static int load_account(struct signer_role *signer, struct fault *fault)
{
	struct stored_account *stored = (void *)heard.data;

	if (ask(VERB_LOAD_ACCOUNT, 0, NULL, 0, fault) < 0)
		return -1;
	if (heard.length != sizeof(*stored))
		return fault_set(fault, FAULT_FAILED, "the storer gives an account of %u bytes", heard.length);
	stored->url[sizeof(stored->url) - 1] = stored->key[sizeof(stored->key) - 1] = '\0';
	if (stored->key[0])
		signer->account_key = key_read(stored->key, strlen(stored->key), fault);
	if (signer->account_key)
		snprintf(signer->account.url, sizeof(signer->account.url), "%s", stored->url);
	crypto_wipe(stored, sizeof(*stored));
	if (!signer->account_key && stored->key[0] && fault->kind == FAULT_LATER)
		return -1;
	if (!signer->account_key && make_account_key(signer, fault) < 0)
		return -1;
	return key_describe(signer->account_key, &signer->account, fault);
}

static int on_account(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record;
	if (!signer->account_key && load_account(signer, fault) < 0)
		return -1;
	memcpy(reply->data, &signer->account, sizeof(signer->account));
	reply->length = sizeof(signer->account);
	return 0;
}

static int require_account(const struct signer_role *signer, struct fault *fault)
{
	return signer->account_key ? 0 : fault_set(fault, FAULT_FAILED, "the account was not asked for first");
}

/* --- where requests may go ---------------------------------------------------------------------------------------- */

/* The host of an https URL without its port, in place; *length 0: it has none, or a user before it. */
static const char *host_of(const char *url, size_t *length)
{
	const char *host = url + strlen("https://");
	size_t authority = strcspn(host, "/?#");

	*length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (*length > authority || memchr(host, '@', authority))
		*length = 0;
	return host;
}

static bool is_listed(const char *list, const char *host, size_t length)
{
	for (size_t n; *list; list += n) {
		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n == length && !strncasecmp(list, host, n))
			return true;
	}
	return false;
}

/* On the directory's host, whatever the port, or on one that the configuration names: CAs with more than one host are rare. */
static int check_url(const struct signer_role *signer, const char *url, struct fault *fault)
{
	const char *directory = signer->config->acme.directory, *host, *home;
	size_t length, home_length;

	if (!url_is_valid(url, strnlen(url, URL_SIZE)))
		return fault_set(fault, FAULT_FAILED, "a request for what is no https URL is not signed");
	host = host_of(url, &length);
	home = host_of(directory, &home_length);
	if (length && length == home_length && !strncasecmp(host, home, length))
		return 0;
	if (length && is_listed(signer->config->acme.hosts, host, length))
		return 0;
	return fault_set(fault, FAULT_FAILED, "a request to %.*s is not signed: that is not the host of the directory; if the CA says "
			 "it is its own, name it as hosts in [acme] of %s", (int)(length < 128 ? length : 128), host,
			 signer->config->file);
}

/* RFC 8555, 6.5.1: base64url. */
static int check_nonce(const char *nonce, struct fault *fault)
{
	for (const char *c = nonce; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return fault_set(fault, FAULT_FAILED, "a nonce with a character that none has is not signed");
	return nonce[0] ? 0 : fault_set(fault, FAULT_FAILED, "a request without a nonce is not signed");
}

/* --- what is signed ----------------------------------------------------------------------------------------------- */

/* Frees the text. */
static bool takes(char *expected, const char *payload)
{
	bool same = expected && !strcmp(expected, payload);

	free(expected);
	return same;
}

static bool is_new_account(const struct signer_role *signer, const char *payload)
{
	const struct config *config = signer->config;

	return takes(codec_new_account("", false, true, NULL), payload) ||
	       takes(codec_new_account(config->acme.contact, config->acme.accept_terms, false, NULL), payload) ||
	       (signer->binding &&
		takes(codec_new_account(config->acme.contact, config->acme.accept_terms, false, signer->binding), payload));
}

static bool is_order(const struct signer_role *signer, const char *payload)
{
	for (uint32_t i = 0; i < signer->config->certificates; i++) {
		const struct certificate *certificate = certificate_of(signer, i);
		const char(*names)[NAME_SIZE] = names_of(signer, certificate);

		if (strstr(payload, names[0]) && takes(codec_new_order(names, certificate->names, certificate->profile), payload))
			return true;
	}
	return false;
}

static bool finalizes(struct signer_role *signer, const char *payload)
{
	for (uint32_t i = 0; i < signer->config->certificates; i++) {
		struct pending *pending = &signer->pending[i];

		if (!pending->finalize || strcmp(pending->finalize, payload) != 0)
			continue;
		pending->finalized = true;
		return true;
	}
	return false;
}

/*
 * A payload is signed if it is one that we would have written ourselves: a question, the answer to a challenge, an order for the names
 * of a certificate of the configuration, a request that we made. So the key serves for nothing else, such as the revocation of a
 * certificate or an order for other names.
 */
static int check_payload(struct signer_role *signer, const char *payload, bool by_key, struct fault *fault)
{
	bool ours = by_key ? is_new_account(signer, payload) :
			     !payload[0] || !strcmp(payload, "{}") || finalizes(signer, payload) || is_order(signer, payload);

	return ours ? 0 : fault_set(fault, FAULT_FAILED, "a request that acmegate does not make is not signed");
}

static int give_text(struct reply *reply, char *text, struct fault *fault)
{
	if (!text)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	reply->length = strlen(text);
	if (reply->length > sizeof(reply->data))
		return fault_set(fault, FAULT_FAILED, "a request of %zu bytes is too long", reply->length);
	memcpy(reply->data, text, reply->length);
	return 0;
}

/* The header is ours: algorithm, key or account, and the rest as checked. */
static int sign(const struct signer_role *signer, const struct jws *jws, struct reply *reply, struct fault *fault)
{
	OWN_FREE char *input = jws_signing_input(jws), *text = NULL;
	unsigned char signature[SIGNATURE_SIZE];
	int n;

	if (!input)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	n = key_sign(signer->account_key, input, strlen(input), signature, fault);
	if (n < 0)
		return -1;
	text = jws_flatten(input, signature, (size_t)n);
	return give_text(reply, text, fault);
}

static int on_sign(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct draft *request = (const void *)record->data;
	struct jws jws = {
		.algorithm = signer->account.algorithm,
		.nonce = request->nonce,
		.url = request->url,
		.payload = request->payload,
	};

	if (require_account(signer, fault) < 0 || check_url(signer, request->url, fault) < 0 ||
	    check_nonce(request->nonce, fault) < 0)
		return -1;
	if (strlen(request->payload) != record->length - sizeof(*request))
		return fault_set(fault, FAULT_FAILED, "a request with a NUL is not signed");
	if (check_payload(signer, request->payload, request->by_key, fault) < 0)
		return -1;
	if (request->by_key)
		jws.jwk = signer->account.jwk;
	else if (signer->account.url[0])
		jws.kid = signer->account.url;
	else
		return fault_set(fault, FAULT_FAILED, "the account is not known yet");
	return sign(signer, &jws, reply, fault);
}

static int on_account_url(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (require_account(signer, fault) < 0 || check_url(signer, record->data, fault) < 0 ||
	    ask(VERB_ACCOUNT_URL, 0, record->data, record->length, fault) < 0)
		return -1;
	memcpy(signer->account.url, record->data, record->length + 1); /* with its NUL, see wire.h */
	return 0;
}

/* --- external account binding ------------------------------------------------------------------------------------- */

/* The key as the CA gave it out: base64url, perhaps with padding and a newline. Returns its length in bytes. */
static long read_eab_key(const char *path, unsigned char key[EAB_KEY_SIZE], struct fault *fault)
{
	size_t n;
	long length;

	if (ask(VERB_LOAD_EAB, 0, NULL, 0, fault) < 0)
		return -1;
	n = heard.length;
	while (n > 0 && (isspace((unsigned char)heard.data[n - 1]) || heard.data[n - 1] == '='))
		n--;
	length = n < EAB_KEY_SIZE ? base64url_decode(key, heard.data, n) : -1;
	crypto_wipe(heard.data, heard.length);
	if (length <= 0)
		return fault_set(fault, FAULT_USAGE,
				 "%s: expected the key for external account binding in base64url, as the CA shows it", path);
	return length;
}

/* RFC 8555, 7.3.4. */
static char *bind_account(const struct signer_role *signer, const char *url, struct fault *fault)
{
	const struct jws jws = {
		.algorithm = "HS256", .kid = signer->config->acme.eab_kid, .url = url, .payload = signer->account.jwk };
	OWN_FREE char *input = jws_signing_input(&jws);
	unsigned char key[EAB_KEY_SIZE], mac[SHA256_SIZE];
	long length = input ? read_eab_key(signer->config->acme.eab_key_file, key, fault) : -1;
	char *text = NULL;

	if (!input)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (length > 0 && crypto_hmac(key, (size_t)length, input, strlen(input), mac, fault) == 0) {
		text = jws_flatten(input, mac, sizeof(mac));
		if (!text)
			fault_set(fault, FAULT_LATER, "not enough memory for a request");
	}
	crypto_wipe(key, sizeof(key));
	return text;
}

static int on_sign_eab(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct config *config = signer->config;

	if (!config->acme.eab_key_file[0])
		return fault_set(fault, FAULT_USAGE, "%s: the CA wants an external account binding: set eab_kid and "
				 "eab_key_file in [acme]", config->file);
	if (!jws_is_plain(config->acme.eab_kid))
		return fault_set(fault, FAULT_USAGE, "eab_kid in [acme] has characters that no CA hands out");
	if (require_account(signer, fault) < 0 || check_url(signer, record->data, fault) < 0)
		return -1;
	free(signer->binding);
	signer->binding = bind_account(signer, record->data, fault);
	return signer->binding ? give_text(reply, signer->binding, fault) : -1;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

static int require_certificate(const struct signer_role *signer, uint32_t index, struct fault *fault)
{
	if (index >= signer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate %u in the configuration", index);
	return 0;
}

static void forget(struct pending *pending)
{
	key_free(pending->key);
	free(pending->finalize);
	*pending = (struct pending){ 0 };
}

static int on_csr(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate;
	struct pending *pending;
	int n;

	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	certificate = certificate_of(signer, record->index);
	pending = &signer->pending[record->index];
	forget(pending);
	pending->key = key_generate(certificate->key, fault);
	if (!pending->key)
		return -1;
	n = key_request(pending->key, names_of(signer, certificate), certificate->names, (unsigned char *)reply->data,
			sizeof(reply->data), fault);
	if (n < 0)
		return -1;
	pending->finalize = jws_finalize(reply->data, (size_t)n);
	if (!pending->finalize)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	reply->length = (size_t)n;
	return 0;
}

static int on_prefers(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	OWN_CHAIN struct chain *chain = NULL;

	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	chain = chain_read(record->data, record->length, fault);
	if (!chain)
		return -1;
	reply->data[0] = chain_is_from(chain, certificate_of(signer, record->index)->chain);
	reply->length = 1;
	return 0;
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

void signer_trust(const struct config *config)
{
	static const char *const systems[] = {
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem", "/etc/ssl/certs/ca-bundle.crt", "/var/lib/ca-certificates/ca-bundle.pem",
	};

	for (size_t i = 0; i < LENGTH_OF(systems) && !config->acme.trust_file[0]; i++) {
		OWN_FD int fd = open(systems[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0) {
			(void)dup2(fd, FD_TRUST);
			return;
		}
	}
}

/* The whole file; the caller frees it. NULL: there is none, or it is too long to be one of roots. */
static char *read_roots(int fd, size_t *length)
{
	size_t room = 256 * 1024;
	char *text = malloc(room);
	ssize_t n = 1;

	for (*length = 0; text && n > 0 && room <= TRUST_MOST; *length += (size_t)(n > 0 ? n : 0)) {
		char *larger = *length < room ? text : realloc(text, room *= 2);

		if (!larger)
			break;
		text = larger;
		n = read(fd, text + *length, room - *length);
	}
	if (text && n == 0)
		return text;
	free(text);
	return NULL;
}

/* To a root of trust_file; or, where there is none, of the system's store or of ca_file, the roots that the CA's HTTPS is verified with. */
static bool leads_to_root(struct signer_role *signer, const struct chain *chain, int64_t now)
{
	static const int files[] = { FD_TRUST, FD_CA_FILE };
	bool found = false;

	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		struct roots *roots = &signer->roots[i];

		if (files[i] == FD_CA_FILE && signer->config->acme.trust_file[0])
			continue;
		if (!roots->looked)
			roots->text = read_roots(files[i], &roots->length);
		roots->looked = true;
		found = found || (roots->text && trust_has_root(chain, roots->text, roots->length, now));
	}
	return found;
}

/* Directories for tests have roots that nobody is to trust: a part of the host's name says so. */
static bool is_for_tests(const char *directory)
{
	static const char *const words[] = { "staging", "stage", "sandbox", "test" };
	size_t length, n;
	const char *host = host_of(directory, &length), *end = host + length;

	for (; host < end; host += n + 1) {
		n = strcspn(host, ".-:/");
		for (size_t i = 0; i < LENGTH_OF(words); i++) {
			size_t word = strlen(words[i]);

			if (n >= word && !strncasecmp(host, words[i], word) && strspn(host + word, "0123456789") == n - word)
				return true;
		}
	}
	return false;
}

/* What is in use is from a root that this host knows. */
static bool live_leads_to_root(struct signer_role *signer, uint32_t index)
{
	static struct facts facts;
	struct fault ignored;
	const struct chain *live = signer->live[index];

	return live && chain_facts(live, &facts, &ignored) == 0 && leads_to_root(signer, live, facts.not_before);
}

/*
 * A chain that leads to no root may come from anybody who has taken the client over. It is refused, unless the configuration says that
 * the CA is a private one (ca_file) or for tests; of these it must be plausible, and not take the place of one that did lead to a root.
 */
static int check_issuer(struct signer_role *signer, uint32_t index, const struct chain *chain, struct fault *fault)
{
	const struct config *config = signer->config;
	const char *name = certificate_of(signer, index)->name;
	bool tests = is_for_tests(config->acme.directory);

	if (leads_to_root(signer, chain, time(NULL)))
		return 0;
	if (config->acme.trust_file[0])
		return fault_set(fault, FAULT_FAILED, "no root in %s (trust_file) has signed it", config->acme.trust_file);
	if (!config->acme.ca_file[0] && !tests)
		return fault_set(fault, FAULT_FAILED, "no root of this system's store has signed it; if the CA's is not in there, name "
				 "it as trust_file in [acme] of %s", config->file);
	if (!tests && live_leads_to_root(signer, index))
		return fault_set(fault, FAULT_FAILED, "no root of this system's store or ca_file has signed it, as one has signed the "
				 "certificate in use; if the CA's is another now, name it as trust_file in [acme] of %s", config->file);
	if (trust_is_plausible(chain, time(NULL), fault) < 0)
		return -1;
	log_warning("certificate %s: whether the CA has issued it cannot be verified: no root of this system's store%s has signed it; "
		    "to have it verified, name the CA's root as trust_file in [acme] of %s", name,
		    config->acme.ca_file[0] ? " or ca_file" : "", config->file);
	return 0;
}

/* What is stored: the key, and the chain in clean PEM. */
static int save(uint32_t index, const struct key *key, const struct chain *chain, struct fault *fault)
{
	size_t leaf, length;
	const char *text = chain_text(chain, &leaf, &length);
	struct bundle *bundle = malloc(sizeof(*bundle) + KEY_PEM_SIZE + length);
	int rc;

	if (!bundle)
		return fault_set(fault, FAULT_LATER, "not enough memory for a certificate");
	rc = key_write(key, bundle->text, fault);
	if (rc == 0) {
		bundle->key_length = (uint32_t)strlen(bundle->text);
		bundle->leaf_length = (uint32_t)leaf;
		memcpy(bundle->text + bundle->key_length, text, length);
		rc = ask(VERB_SAVE, index, bundle, sizeof(*bundle) + bundle->key_length + length, fault);
	}
	crypto_wipe(bundle, sizeof(*bundle) + KEY_PEM_SIZE);
	free(bundle);
	return rc;
}

static int on_install(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate;
	OWN_CHAIN struct chain *chain = NULL;
	struct pending *pending;

	(void)reply;
	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	certificate = certificate_of(signer, record->index);
	pending = &signer->pending[record->index];
	if (!pending->key || !pending->finalized)
		return fault_set(fault, FAULT_FAILED, "a certificate that was not asked for");
	chain = chain_read(record->data, record->length, fault);
	if (!chain ||
	    trust_verify(chain, pending->key, names_of(signer, certificate), certificate->names, time(NULL), fault) < 0 ||
	    check_issuer(signer, record->index, chain, fault) < 0)
		return fault_at(fault, "certificate %s is not installed", certificate->name);
	if (save(record->index, pending->key, chain, fault) < 0)
		return -1;
	forget(pending);
	return 0;
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* Answers are with our own key's thumbprint, whatever the client sends. */
static int on_token(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct token token = *(const struct token *)(const void *)record->data;

	(void)reply;
	if (require_account(signer, fault) < 0)
		return -1;
	snprintf(token.key_authorization, sizeof(token.key_authorization), "%s.%s", token.token, signer->account.thumbprint);
	return ask(VERB_TOKEN, 0, &token, sizeof(token), fault);
}

static int on_withdraw(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)signer, (void)record, (void)reply;
	return ask(VERB_WITHDRAW, 0, NULL, 0, fault);
}

typedef int handler(struct signer_role *, const struct record *, struct reply *, struct fault *);

static handler *const handlers[] = {
	[VERB_ACCOUNT] = on_account,
	[VERB_ACCOUNT_URL] = on_account_url,
	[VERB_SIGN] = on_sign,
	[VERB_SIGN_EAB] = on_sign_eab,
	[VERB_CSR] = on_csr,
	[VERB_PREFERS] = on_prefers,
	[VERB_INSTALL] = on_install,
	[VERB_TOKEN] = on_token,
	[VERB_WITHDRAW] = on_withdraw,
	[VERBS] = NULL,	/* the others are not the client's */
};
_Static_assert(LENGTH_OF(handlers) == VERBS + 1, "an entry for each verb");

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static int refuse(const struct fault *why, struct fault *fault)
{
	return wire_send(FD_CLIENT, VERB_FAULT, (uint32_t)why->kind, why->text, strlen(why->text), fault);
}

/* 1: served. 0: the client has gone. -1: it misbehaves, and gets no more answers. */
static int serve_client(struct signer_role *signer, struct record *record, struct fault *fault)
{
	static struct reply reply;
	struct fault why;
	int rc = wire_receive(FD_CLIENT, record, fault);

	if (rc <= 0)
		return rc;
	if (!handlers[record->verb])
		return fault_set(fault, FAULT_FAILED, "the client has no right to send %s", verb_name((enum verb)record->verb));
	reply.length = 0;
	if (handlers[record->verb](signer, record, &reply, &why) < 0)
		return refuse(&why, fault) < 0 ? -1 : 1;
	return wire_send(FD_CLIENT, VERB_REPLY, 0, reply.data, reply.length, fault) < 0 ? -1 : 1;
}

/* Returns 0 when the storer has closed its channel. */
static int serve(struct signer_role *signer, struct fault *fault)
{
	static struct record record;
	struct pollfd fds[] = { { .fd = FD_STORER, .events = POLLIN }, { .fd = FD_CLIENT, .events = POLLIN } };

	for (;;) {
		int rc = 1;

		if (poll(fds, LENGTH_OF(fds), -1) < 0) {
			if (errno != EINTR)
				return fault_errno(fault, FAULT_FAILED, "waiting for requests");
			continue;
		}
		if (fds[0].revents)
			rc = serve_storer(signer, &record, fault);
		if (rc <= 0)
			return rc;
		if (fds[1].revents)
			rc = (fds[1].revents & POLLNVAL) ? 0 : serve_client(signer, &record, fault);
		if (rc < 0) {
			log_error("the client gets no more answers: %s", fault->text);
			signer->failed = true;
		}
		if (rc <= 0) {
			close(FD_CLIENT);
			fds[1].fd = -1;
		}
	}
}

static void clean_up(struct signer_role *signer)
{
	key_free(signer->account_key);
	free(signer->binding);
	for (size_t i = 0; i < LENGTH_OF(signer->roots); i++)
		free(signer->roots[i].text);
	for (size_t i = 0; i < MAX_CERTIFICATES; i++) {
		forget(&signer->pending[i]);
		chain_free(signer->live[i]);
	}
}

int signer_main(const struct config *config)
{
	static struct signer_role signer;
	struct fault fault;
	int rc;

	signer.config = config;
	crypto_start();
	rc = serve(&signer, &fault);
	clean_up(&signer);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : signer.failed ? STATUS_FAILED : STATUS_DONE;
}
