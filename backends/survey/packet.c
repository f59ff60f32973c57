// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/packet.h"

#include <netinet/tcp.h>

const char *const effect_names[EFFECTS] = {
	"meta mark", "ct mark", "ct zone", "notrack", "ct helper", "elements of sets", "copies", "nat", "other marks",
};

bool packet_is_syn(const struct packet *packet)
{
	return packet->known == 0xff && (packet->flags & TH_SYN) && !(packet->flags & TH_ACK);
}

void packet_forget(struct meeting *meeting)
{
	registers_forget(&meeting->registers, 0, REGISTER_BYTES);
}

void packet_load(struct meeting *meeting, uint32_t number, enum fact fact, size_t length)
{
	static const unsigned char nothing[LONGEST];

	registers_load(&meeting->registers, number, nothing, nothing, length);
	registers_note(&meeting->registers, registers_offset(number), length, &meeting->facts->field[fact]);
}
