// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/request.h"
#include "agent/tokens.h"
#include "base/log.h"
#include "base/visitors.h"
#include "base/wire.h"

static struct request {
	size_t used;
	char text[REQUEST_SIZE];
} requests[VISITORS_MOST]; /* by place */

/* An answer fits into the empty send buffer of a fresh connection; a peer for which it does not gets nothing. */
static void answer(size_t place, const char *text, size_t length)
{
	if (send(visitors_fd(place), text, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length)
		visitors_finish(place);
	else
		visitors_drop(place);
}

static void serve_token(size_t place, const struct token *token)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
			 "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n%s",
			 strlen(token->key_authorization), token->key_authorization);

	answer(place, text, (size_t)n);
	visitors_tell_hit(place, token->token);
	log_debug("%s fetched the token %s", visitors_address(place), token->token);
}

static void serve_nothing(size_t place)
{
	static const char text[] = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
				   "X-Content-Type-Options: nosniff\r\nContent-Length: 10\r\n"
				   "Connection: close\r\n\r\nnot found\n";

	answer(place, text, sizeof(text) - 1);
	log_debug("%s asked for something else", visitors_address(place));
}

static void look_at(size_t place)
{
	const char *text = NULL;
	size_t length = 0;
	enum request_verdict verdict = request_parse(requests[place].text, requests[place].used, &text, &length);
	const struct token *token = verdict == REQUEST_TOKEN ? tokens_find(text, length) : NULL;

	if (token)
		serve_token(place, token);
	else if (verdict != REQUEST_MORE)
		serve_nothing(place);
}

static void receive(size_t place)
{
	struct request *request = &requests[place];
	ssize_t n = recv(visitors_fd(place), request->text + request->used, sizeof(request->text) - request->used, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		visitors_let_go(place);
		return;
	}
	request->used += (size_t)n;
	look_at(place);
}

static void greet(size_t place)
{
	requests[place].used = 0;
	receive(place); /* most requests come with the handshake's last packet */
}

int responder_main(const struct config *config)
{
	static const struct reception reception = { .hear = tokens_receive, .greet = greet, .receive = receive };
	struct fault fault;

	(void)config;
	if (visitors_serve(&reception, &fault) == 0)
		return STATUS_DONE;
	log_error("%s", fault.text);
	return fault_status(&fault);
}
