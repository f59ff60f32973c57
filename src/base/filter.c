// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/filter.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

void *filter_make(uint32_t unlisted, uint32_t architecture)
{
	scmp_filter_ctx filter = seccomp_init(unlisted);

	if (!filter || architecture == seccomp_arch_native() ||
	    (seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) == 0 && seccomp_arch_add(filter, architecture) == 0))
		return filter;
	seccomp_release(filter);
	return NULL;
}

int filter_load(scmp_filter_ctx filter)
{
	int rc = filter ? seccomp_load(filter) : -ENOMEM;

	seccomp_release(filter);
	return rc;
}

static bool is_for(scmp_filter_ctx filter, uint32_t architecture)
{
	return seccomp_arch_exist(filter, architecture) == 0;
}

bool filter_has_old_mmap(scmp_filter_ctx filter)
{
	return is_for(filter, SCMP_ARCH_X86);
}

bool filter_has_blind_mmap(scmp_filter_ctx filter)
{
	return is_for(filter, SCMP_ARCH_S390X) || is_for(filter, SCMP_ARCH_S390);
}

bool filter_has_socketcall(scmp_filter_ctx filter)
{
	return filter_has_old_mmap(filter) || filter_has_blind_mmap(filter);
}

/* libseccomp knows no name for CALL_*, and so no number of theirs on other architectures: only a test asks. */
int filter_rule(scmp_filter_ctx filter, uint32_t action, int call)
{
	int rc = seccomp_rule_add(filter, action, call, 0);

	return rc == -EFAULT && !is_for(filter, seccomp_arch_native()) ? 0 : rc;
}

int filter_rule_if(scmp_filter_ctx filter, uint32_t action, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add_array(filter, action, call, 1, &condition);
}

int filter_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		rc |= filter_rule(filter, action, calls[i]);
	return rc;
}

int filter_limit_families(scmp_filter_ctx filter, uint32_t action)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int rc = filter_rule_if(filter, action, SCMP_SYS(socket), IF(0, SCMP_CMP_GT, AF_NETLINK));

	for (int family = 0, i = 0; family <= AF_NETLINK; family++)
		if (family == families[i])
			i++;
		else
			rc |= filter_rule_if(filter, action, SCMP_SYS(socket), IF(0, SCMP_CMP_EQ, (scmp_datum_t)family));
	return rc;
}

struct scmp_arg_cmp filter_command(unsigned int argument, unsigned int command)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, command);
}

struct scmp_arg_cmp filter_bits(unsigned int argument, unsigned int mask, unsigned int bits)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, bits);
}
