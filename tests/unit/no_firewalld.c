// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-firewalld, where there is no firewalld. A script would be run by the shell of the system, which can have another processor
 * than what is tested: a filter of system calls ends it.
 */
#include <stdio.h>

int main(void)
{
	puts("there is no firewalld");
	return 3;
}
