// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-agent ROLE: started by acmegate only, with the descriptors of wire.h. */
#include "agent/agent.h"

#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "base/config_share.h"
#include "base/confine.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "agent/webroot.h"
#include "base/wire.h"

static int (*const mains[])(const struct config *) = {
	[ROLE_CLIENT] = client_main,	   [ROLE_SIGNER] = signer_main,	    [ROLE_STORER] = storer_main,
	[ROLE_RESPONDER] = responder_main, [ROLE_SWEEPER] = sweeper_main,   [ROLE_TRANSLATOR] = translator_main,
	[ROLE_IMPORTER] = importer_main,   [ROLE_EXAMINER] = examiner_main, [ROLE_PLACER] = placer_main,
	[ROLE_WATCHER] = watcher_main,	   [ROLE_PROVIDER] = provider_main,
};
_Static_assert(LENGTH_OF(mains) == ROLES, "one main for each role");

/* The loader changed its code (text relocations): keep these pages. */
static bool is_relocated(const struct dl_phdr_info *object, const ElfW(Phdr) * dynamic)
{
	const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + dynamic->p_vaddr);

	for (; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
			return true;
	return false;
}

static int forget(struct dl_phdr_info *object, size_t size, void *page)
{
	uintptr_t mask = *(const uintptr_t *)page - 1;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC && is_relocated(object, &object->dlpi_phdr[i]))
			return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~mask;
		uintptr_t to = (object->dlpi_addr + part->p_vaddr + part->p_memsz + mask) & ~mask;

		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

/*
 * libcurl brings some thirty libraries along, of which we use four. Linking them has touched megabytes that are not needed
 * again: unchanged pages of files, which come back by themselves where we are wrong.
 */
static void forget_libraries(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)dl_iterate_phdr(forget, &page);
}

/* Only of the role whose files matter most; the others keep none. See the table in acmegate(8). */
static void say_what_is_missing(enum role role)
{
	struct statvfs root;

	if (role != ROLE_STORER || sandbox_landlock() > 0)
		return;
	if (statvfs("/", &root) == 0 && (root.f_flag & ST_RDONLY))
		log_warning("this kernel has no Landlock (Linux 5.13, in the list of lsm=): the %s can read what root can; all file "
			    "systems are read-only for it but its own directories",
			    sandbox_role_name(role));
	else
		log_warning("this kernel has no Landlock (Linux 5.13, in the list of lsm=): the %s can read and write what root can; "
			    "see acmegate(8)",
			    sandbox_role_name(role));
}

/* Numbers that the warden gave to nobody are taken: confine.c lets those who keep files change the attributes of higher ones only. */
static int fill_places(enum role role, struct fault *fault)
{
	int fd = role == ROLE_STORER || role == ROLE_SWEEPER || role == ROLE_PLACER ? 0 : FD_AGENT_END;

	while (fd >= 0 && fd < FD_AGENT_END - 1) /* where all is read-only, there are no devices either */
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? fault_errno(fault, FAULT_LATER, "preparing the %s", sandbox_role_name(role)) : 0;
}

static int confine_role(enum role role, const struct config *config, struct fault *fault)
{
	OWN_FD int tokens = -1;

	if (fill_places(role, fault) < 0)
		return -1;
	tokens = webroot_open(role, config);
	say_what_is_missing(role);
	if (role == ROLE_SIGNER)
		signer_trust(config);
	if (role == ROLE_STORER)
		instant_learn_boot();
	return confine(role, config, tokens, fault);
}

int main(int argc, char **argv)
{
	const struct config *config;
	struct fault fault;
	enum role role;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	forget_libraries();
	if (argc < 2 || !sandbox_find_role(argv[1], &role)) {
		fprintf(stderr, "acmegate-agent is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	log_start(argv[1], log_detail_of(argv[2]));
	if (sandbox_prove(role, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	config = config_share_has(role) ? config_share_receive(FD_CONFIG) : NULL;
	if (!config && config_share_has(role)) {
		log_error("the %s got no configuration", argv[1]);
		return STATUS_FAILED;
	}
	if (confine_role(role, config, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	return mains[role](config);
}
