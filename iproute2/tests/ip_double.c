// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into a stock `ip`, so that its plugins can be tested on a kernel that
 * has not their module:
 *
 *   REQUEST_FILE=F   the first RTM_NEWLINK request is written to F instead of being
 *                    sent, and `ip` ends with status 0
 *   MONITOR_JSON=1   `ip monitor file F`, which prints recorded messages, prints JSON
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ip_exports.h"

__attribute__((constructor)) static void begin(void)
{
	if (getenv("MONITOR_JSON")) {
		new_json_obj(1);
		open_json_object(NULL);
	}
}

__attribute__((destructor)) static void end(void)
{
	if (getenv("MONITOR_JSON")) {
		close_json_object();
		delete_json_obj();
	}
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct nlmsghdr *header = msg->msg_iov->iov_base;
	const char *path = getenv("REQUEST_FILE");
	ssize_t written;
	int file;

	(void)flags;
	if (!path || header->nlmsg_type != RTM_NEWLINK)
		return writev(fd, msg->msg_iov, msg->msg_iovlen);

	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	written = writev(file, msg->msg_iov, msg->msg_iovlen);
	_exit(written == (ssize_t)header->nlmsg_len ? 0 : 99);
}
