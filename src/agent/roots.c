// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/roots.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "acme/exchange.h"
#include "agent/agent.h"
#include "base/log.h"
#include "store/trust.h"

#define TRUST_MOST (4 * 1024 * 1024) /* bytes of a file of roots: Mozilla's has 220 KiB */

void signer_trust(const struct config *config)
{
	static const char *const systems[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
		"/etc/ssl/certs/ca-bundle.crt",
		"/var/lib/ca-certificates/ca-bundle.pem",
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

/* Directories for tests have roots that nobody is to trust: a part of the host's name says so, or the configuration. */
static bool is_for_tests(const struct config *config)
{
	const char *directory = config->acme.directory;
	static const char *const words[] = { "staging", "stage", "sandbox", "test" };
	size_t length, n;
	const char *host = url_host(directory, &length), *end = host + length;

	if (!strcmp(directory, config->acme.staging))
		return true;
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

/* Does the chain of the live certificate lead to a root that this host knows? */
static bool live_leads_to_root(struct signer_role *signer, uint32_t index)
{
	static struct facts facts;
	struct fault ignored;
	const struct chain *live = signer->live[index];

	return live && chain_facts(live, &facts, &ignored) == 0 && leads_to_root(signer, live, facts.not_before);
}

int roots_check(struct signer_role *signer, uint32_t index, const struct chain *chain, struct fault *fault)
{
	const struct config *config = signer->config;
	const char *name = signing_certificate(signer, index)->name;
	bool tests = is_for_tests(config);

	if (leads_to_root(signer, chain, time(NULL)))
		return 0;
	if (config->acme.trust_file[0])
		return fault_set(fault, FAULT_FAILED, "no root in %s (trust_file) has signed it", config->acme.trust_file);
	if (!config->acme.ca_file[0] && !tests)
		return fault_set(fault, FAULT_FAILED,
				 "no root of this system's store has signed it; if the CA's is not in there, name "
				 "it as trust_file in [%s%s] of %s",
				 CA_SECTION(&config->acme), config->file);
	if (!tests && live_leads_to_root(signer, index))
		return fault_set(fault, FAULT_FAILED,
				 "no root of this system's store or ca_file has signed it, as one has signed the "
				 "certificate in use; if the CA's is another now, name it as trust_file in [%s%s] of %s",
				 CA_SECTION(&config->acme), config->file);
	if (trust_is_plausible(chain, time(NULL), fault) < 0)
		return -1;
	log_warning("certificate %s: whether the CA has issued it cannot be verified: no root of this system's store%s has signed it; "
		    "to have it verified, name the CA's root as trust_file in [%s%s] of %s",
		    name, config->acme.ca_file[0] ? " or ca_file" : "", CA_SECTION(&config->acme), config->file);
	return 0;
}
