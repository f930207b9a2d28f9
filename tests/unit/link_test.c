/* What of rtnetlink is news: made messages, broken ones, and a real socket. */
#include "tests/unit/support.h"

#include "sync/agent/link.h"

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

static size_t add(unsigned char *p, size_t at, unsigned short type, const void *body, size_t len)
{
	struct nlmsghdr h = {.nlmsg_len = (unsigned)NLMSG_LENGTH(len), .nlmsg_type = type};
	memcpy(p + at, &h, sizeof h);
	memcpy(p + at + NLMSG_HDRLEN, body, len);
	return at + NLMSG_ALIGN(NLMSG_LENGTH(len));
}

static bool link_message(struct link *l, int index, unsigned flags)
{
	unsigned char p[256] = {0};
	struct ifinfomsg m = {.ifi_index = index, .ifi_flags = flags};
	return link_says(l, p, add(p, 0, RTM_NEWLINK, &m, sizeof m));
}

static bool route_message(struct link *l, unsigned char bits, unsigned char type)
{
	unsigned char p[256] = {0};
	struct rtmsg m = {.rtm_dst_len = bits, .rtm_type = type};
	return link_says(l, p, add(p, 0, RTM_NEWROUTE, &m, sizeof m));
}

static void what_is_news(void **state)
{
	struct link l = {.fd = -1};
	(void)state;
	assert_false(link_message(&l, 2, IFF_UP));
	assert_true(link_message(&l, 2, IFF_UP | IFF_RUNNING));
	assert_false(link_message(&l, 2, IFF_UP | IFF_RUNNING)); /* radio says it again */
	assert_true(link_message(&l, 3, IFF_UP | IFF_RUNNING));
	assert_false(link_message(&l, 2, IFF_UP));
	assert_true(link_message(&l, 2, IFF_UP | IFF_RUNNING));
	assert_false(link_message(&l, 1, IFF_UP | IFF_RUNNING | IFF_LOOPBACK));
	assert_true(route_message(&l, 0, RTN_UNICAST));
	assert_false(route_message(&l, 24, RTN_UNICAST));
	assert_false(route_message(&l, 0, RTN_UNREACHABLE));
	/* more interfaces than are remembered: each message counts */
	for (int i = 10; i < 10 + LINK_SEEN; i++)
		assert_true(link_message(&l, i, IFF_RUNNING));
	assert_true(link_message(&l, 99, IFF_RUNNING));
	assert_true(link_message(&l, 99, IFF_RUNNING));
	/* news behind what is none */
	unsigned char p[256] = {0};
	struct ifaddrmsg a = {.ifa_index = 2};
	struct rtmsg far = {.rtm_dst_len = 8, .rtm_type = RTN_UNICAST};
	size_t n = add(p, 0, RTM_NEWROUTE, &far, sizeof far);
	n = add(p, n, RTM_NEWADDR, &a, sizeof a);
	assert_true(link_says(&l, p, n));
	assert_false(link_says(&l, p, NLMSG_ALIGN(NLMSG_LENGTH(sizeof far))));
}

static void broken_messages(void **state)
{
	struct link l = {.fd = -1};
	unsigned char p[256] = {0};
	struct rtmsg m = {.rtm_dst_len = 0, .rtm_type = RTN_UNICAST};
	(void)state;
	size_t n = add(p, 0, RTM_NEWROUTE, &m, sizeof m);
	for (size_t i = 0; i < n; i++)
		assert_false(link_says(&l, p, i));
	struct nlmsghdr h;
	memcpy(&h, p, sizeof h);
	unsigned lengths[] = {0, 4, 15, 16, 20, 0xFFFFFFFFu};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		h.nlmsg_len = lengths[i];
		memcpy(p, &h, sizeof h);
		assert_false(link_says(&l, p, n));
	}
	assert_int_equal(l.n, 0);
}

static void a_real_socket(void **state)
{
	struct link l;
	struct err e = {0};
	(void)state;
	if (link_open(&l, &e)) {
		print_message("SKIP: %s\n", e.msg);
		skip();
	}
	(void)link_came(&l); /* whatever this machine does meanwhile: it does not wait */
	link_close(&l);
	assert_int_equal(l.fd, -1);
	assert_false(link_came(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_news),
	    cmocka_unit_test(broken_messages),
	    cmocka_unit_test(a_real_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
