// SPDX-License-Identifier: GPL-3.0-or-later
#include "say/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
	int fd;
	struct sockaddr_un address;
	socklen_t length;
} socket_of_systemd = { .fd = -1 };

/* A path, or a name of the abstract kind, which begins with "@" for the NUL. */
static bool take_address(const char *name)
{
	struct sockaddr_un *address = &socket_of_systemd.address;
	const size_t length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path))
		return false;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, name, length);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	socket_of_systemd.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

void notify_start(bool wanted)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (wanted && name && take_address(name))
		socket_of_systemd.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unsetenv("NOTIFY_SOCKET");
}

bool notify_is_on(void)
{
	return socket_of_systemd.fd >= 0;
}

void notify_say(const char *word, const char *format, ...)
{
	char text[512];
	va_list args;
	int n, m;

	if (!notify_is_on())
		return;
	n = snprintf(text, sizeof(text), "%s%sSTATUS=", word, word[0] ? "\n" : "");
	va_start(args, format);
	m = n < 0 ? -1 : vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	if (m >= 0)
		(void)sendto(socket_of_systemd.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&socket_of_systemd.address, socket_of_systemd.length);
}
