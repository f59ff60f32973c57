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
