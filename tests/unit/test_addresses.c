// SPDX-License-Identifier: GPL-3.0-or-later
/* Which addresses of a host are for the DNS, and of which interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "command/own_addresses.h"

static struct own_address own(const char *text, uint8_t scope, uint32_t flags)
{
	struct own_address own = { .interface = 2, .scope = scope, .flags = flags };

	own.address.six = strchr(text, ':') != NULL;
	assert_int_equal(inet_pton(own.address.six ? AF_INET6 : AF_INET, text, own.address.bytes), 1);
	return own;
}

static bool lasts(const char *text, uint8_t scope, uint32_t flags)
{
	const struct own_address one = own(text, scope, flags);

	return own_addresses_lasts(&one);
}

static void what_another_host_reaches_tomorrow(void **state)
{
	static const char *const good[] = { "192.0.2.7",  "10.1.2.3",	 "172.16.0.1", "192.168.1.9",
					    "100.64.0.1", "2001:db8::7", "fd00::7",    "::2:0:0:1" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(good); i++)
		if (!lasts(good[i], RT_SCOPE_UNIVERSE, IFA_F_PERMANENT))
			fail_msg("%s is left out", good[i]);
	/* another address of a network is as good as the first */
	assert_true(lasts("10.1.2.4", RT_SCOPE_UNIVERSE, IFA_F_SECONDARY));
	assert_true(lasts("2001:db8::7", RT_SCOPE_UNIVERSE, IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_STABLE_PRIVACY));
}

static void what_leads_nowhere_or_not_for_long(void **state)
{
	static const char *const local[] = { "127.0.0.1", "127.1.2.3", "169.254.3.4", "0.0.0.0", "224.0.0.1", "255.255.255.255",
					     "::1",	  "::",	       "fe80::1",     "febf::1", "ff02::1",   "::ffff:192.0.2.1" };
	static const uint32_t flags[] = { IFA_F_DEPRECATED, IFA_F_TENTATIVE, IFA_F_DADFAILED };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(local); i++)
		if (lasts(local[i], RT_SCOPE_UNIVERSE, IFA_F_PERMANENT))
			fail_msg("%s is taken", local[i]);
	for (size_t i = 0; i < LENGTH_OF(flags); i++) {
		assert_false(lasts("2001:db8::7", RT_SCOPE_UNIVERSE, flags[i]));
		assert_false(lasts("192.0.2.7", RT_SCOPE_UNIVERSE, flags[i]));
	}
	assert_false(lasts("2001:db8::7", RT_SCOPE_UNIVERSE, IFA_F_TEMPORARY));
	assert_false(lasts("2001:db8::7", RT_SCOPE_LINK, 0));
	assert_false(lasts("192.0.2.7", RT_SCOPE_LINK, 0));
	assert_false(lasts("192.0.2.7", RT_SCOPE_HOST, 0));
	assert_false(lasts("fec0::7", RT_SCOPE_SITE, 0));
}

static void the_interface_of_the_default_route(void **state)
{
	static const struct own_route routes[] = {
		{ .six = false, .interface = 3, .metric = 600 }, /* wireless */
		{ .six = false, .interface = 2, .metric = 100 },
		{ .six = true, .interface = 3, .metric = 1024 },
		{ .six = true, .interface = 4, .metric = 2048 },
	};

	(void)state;
	assert_int_equal(own_addresses_interface(routes, 4, false), 2);
	assert_int_equal(own_addresses_interface(routes, 4, true), 3);
	assert_int_equal(own_addresses_interface(routes, 2, true), 2); /* a family without one: that of the other */
	assert_int_equal(own_addresses_interface(routes + 2, 2, false), 3);
	assert_int_equal(own_addresses_interface(routes + 1, 2, true), 3); /* ... whatever the metric */
	assert_int_equal(own_addresses_interface(routes, 0, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_host_reaches_tomorrow),
		cmocka_unit_test(what_leads_nowhere_or_not_for_long),
		cmocka_unit_test(the_interface_of_the_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
