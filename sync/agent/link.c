/* See link.h and rtnetlink(7). What is lost when the socket's buffer runs over is taken for news: asking once too often
 * costs a call. */
#include "sync/agent/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 8192

int link_open(struct link *l, struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK,
	                        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
	                                     RTMGRP_IPV6_ROUTE};
	*l = (struct link){.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
	if (l->fd >= 0 && bind(l->fd, (struct sockaddr *)&a, sizeof a) == 0) return ERR_OK;
	int rc = err_sys(e, errno, "netlink");
	link_close(l);
	return rc;
}

void link_close(struct link *l)
{
	if (l->fd >= 0) (void)close(l->fd);
	l->fd = -1;
}

/* Radio tells of its interface again and again: only a change is news. */
static bool runs_now(struct link *l, int index, bool running)
{
	for (int i = 0; i < l->n; i++) {
		if (l->seen[i].index != index) continue;
		bool was = l->seen[i].running;
		l->seen[i].running = running;
		return running && !was;
	}
	if (l->n < LINK_SEEN) {
		l->seen[l->n].index = index;
		l->seen[l->n++].running = running;
	}
	return running;
}

static bool news(struct link *l, const void *message, size_t len)
{
	struct nlmsghdr h;
	struct ifinfomsg link;
	struct rtmsg route;
	const unsigned char *body = (const unsigned char *)message + NLMSG_HDRLEN;
	memcpy(&h, message, sizeof h);
	switch (h.nlmsg_type) {
	case RTM_NEWLINK:
		if (len < NLMSG_LENGTH(sizeof link)) return false;
		memcpy(&link, body, sizeof link);
		return !(link.ifi_flags & IFF_LOOPBACK) && runs_now(l, link.ifi_index, link.ifi_flags & IFF_RUNNING);
	case RTM_NEWADDR: return true;
	case RTM_NEWROUTE:
		if (len < NLMSG_LENGTH(sizeof route)) return false;
		memcpy(&route, body, sizeof route);
		return route.rtm_dst_len == 0 && route.rtm_type == RTN_UNICAST;
	default: return false;
	}
}

bool link_says(struct link *l, const void *data, size_t len)
{
	const unsigned char *p = data;
	bool came = false;
	while (len >= NLMSG_HDRLEN) {
		struct nlmsghdr h;
		memcpy(&h, p, sizeof h);
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len) break;
		came = news(l, p, h.nlmsg_len) || came;
		size_t step = NLMSG_ALIGN((size_t)h.nlmsg_len);
		if (step >= len) break;
		p += step;
		len -= step;
	}
	return came;
}

bool link_came(struct link *l)
{
	char buffer[BUFFER];
	bool came = false;
	while (l->fd >= 0) {
		ssize_t n = recv(l->fd, buffer, sizeof buffer, MSG_DONTWAIT);
		bool over = n < 0 && errno == ENOBUFS;
		if (over) came = true;
		if (over || (n < 0 && errno == EINTR)) continue;
		if (n <= 0) break;
		came = link_says(l, buffer, (size_t)n) || came;
	}
	return came;
}
