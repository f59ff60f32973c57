// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/hook_socket.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/policy.h"

#define ANSWER_SECONDS (10 + COMMAND_SECONDS) /* how long the holder of a window may take to answer */

struct request {
	uint32_t hook, number;
	struct kin kin[MOST_KIN];
};

union passed {
	char bytes[CMSG_SPACE(MOST_KIN * sizeof(int))];
	struct cmsghdr header;
};

struct answer {
	uint32_t status;
	char text[FAULT_TEXT_SIZE];
};

/* The path of the state directory may be longer than a socket's name. */
static socklen_t socket_address(int state_fd, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/hook.socket", state_fd);
	return sizeof(*address);
}

/* --- the hook ----------------------------------------------------------------------------------------------------- */

/* The pidfds go along. */
static int send_request(int fd, enum hook hook, const struct client *client)
{
	const size_t length = client->number * sizeof(int);
	struct request request = { .hook = hook, .number = client->number };
	struct iovec part = { &request, sizeof(request) };
	union passed passed = {
		.header = { .cmsg_len = (socklen_t)CMSG_LEN(length), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(request.kin, client->kin, sizeof(request.kin));
	if (client->fd[0] >= 0) {
		memcpy(CMSG_DATA(&passed.header), client->fd, length);
		message.msg_control = &passed;
		message.msg_controllen = (socklen_t)CMSG_SPACE(length);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int hook_socket_ask(int state_fd, enum hook hook, const struct client *client, int *status, struct fault *fault)
{
	OWN_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un address;
	socklen_t length = socket_address(state_fd, &address);
	struct answer answer;
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return fault_errno(fault, FAULT_LATER, "asking who holds the window");
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0 : fault_errno(fault, FAULT_FAILED, "%s", "hook.socket");
	if (send_request(fd, hook, client) < 0)
		return 0; /* it has just ended */
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0 && errno == EAGAIN)
		return fault_set(fault, FAULT_FAILED, "the process that holds the window does not answer");
	if (n != (ssize_t)sizeof(answer))
		return 0;
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.status == STATUS_DONE)
		log_notice("%s", answer.text);
	else
		log_error("%s", answer.text);
	*status = (int)answer.status;
	return 1;
}

/* --- the holder --------------------------------------------------------------------------------------------------- */

int hook_socket_listen(int state_fd, int *fd, struct fault *fault)
{
	struct sockaddr_un address;
	socklen_t length = socket_address(state_fd, &address);
	mode_t mask = umask(0177);
	int rc;

	hook_socket_remove(state_fd); /* whoever holds the journal is the only one */
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = *fd < 0 ? -1 : bind(*fd, (struct sockaddr *)&address, length);
	umask(mask);
	if (rc < 0 || listen(*fd, CLIENTS) < 0)
		return fault_errno(fault, FAULT_FAILED, "making hook.socket in the state directory");
	return 0;
}

void hook_socket_remove(int state_fd)
{
	(void)unlinkat(state_fd, "hook.socket", 0);
}

static bool receive_request(int fd, struct request *request, struct client *client)
{
	struct iovec part = { request, sizeof(*request) };
	union passed passed = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof(passed) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len <= CMSG_LEN(sizeof(client->fd)))
		memcpy(client->fd, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	if (n != (ssize_t)sizeof(*request) || request->number < 1 || request->number > MOST_KIN)
		return false;
	client->number = request->number;
	memcpy(client->kin, request->kin, sizeof(client->kin));
	for (uint32_t i = 0; i < client->number; i++)
		client->kin[i].name[sizeof(client->kin[i].name) - 1] = '\0';
	return request->kin[0].pid > 0;
}

/* The state directory lets others pass, so the peer is asked who it is. */
int hook_socket_accept(int fd, enum hook *hook, struct client *client)
{
	OWN_FD int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	struct timeval limit = { .tv_sec = 1 };
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);
	struct request request;

	if (connection < 0 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != geteuid() ||
	    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    !receive_request(connection, &request, client) || request.hook > HOOK_POST)
		return -1;
	*hook = (enum hook)request.hook;
	return steal_fd(&connection);
}

void hook_socket_reply(int connection, int status, const char *text)
{
	struct answer answer = { .status = (uint32_t)status };

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	(void)send(connection, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(connection);
}
