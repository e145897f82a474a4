/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The one contract between the carp module and user space: the attributes that
 * travel in IFLA_INFO_DATA and IFLA_INFO_XSTATS of a link of kind "carp".
 *
 * Integers are in host byte order unless a line says otherwise.
 */
#ifndef _UAPI_LINUX_IF_CARP_H
#define _UAPI_LINUX_IF_CARP_H

/* IFLA_INFO_DATA. "rw": may be asked for and is reported; "w": is never reported. */
enum {
	IFLA_CARP_UNSPEC,
	IFLA_CARP_VHID,		/* rw u32, 1..255; required at creation */
	IFLA_CARP_ADVBASE,	/* rw u32, seconds, 0..255; default 1 */
	IFLA_CARP_ADVSKEW,	/* rw u32, 1/256 s, 0..254; default 0 */
	IFLA_CARP_KEY,		/* w  binary, 0..20 bytes, padded with zeros to 20 */
	IFLA_CARP_PREEMPT,	/* rw u8, 0 or 1; default 0 */
	IFLA_CARP_DEMOTION,	/* rw u32, the administrator's demotion, 0..240; default 0 */
	IFLA_CARP_STRICT,	/* rw u8, 0 or 1: refuse adverts whose counter does not grow;
				 *    default 0
				 */
	IFLA_CARP_STATE,	/* rw u8, enum carp_state; backup and master may be asked for */
	IFLA_CARP_REASON,	/* r  u8, enum carp_reason: why the state changed last */
	IFLA_CARP_CHANGED,	/* r  u64, CLOCK_REALTIME milliseconds of that change; absent before
				 *    the first
				 */
	IFLA_CARP_MASTER,	/* r  binary, 4 or 16 bytes in network order: source address of the
				 *    current master's adverts; absent while none is known
				 */
	IFLA_CARP_PAD,
	IFLA_CARP_GROUP,	/* rw string, up to 15 bytes: devices of one namespace with the same
				 *    name fail over together; empty: none
				 */
	IFLA_CARP_GRACE,	/* rw u32, seconds, 0..3600: for how long adverts are still signed
				 *    for the old list of addresses when it changes; default 60
				 */
	IFLA_CARP_DEMOTED_BY,	/* r  u32, 1 << enum carp_cause of each that holds; absent while
				 *    none does
				 */

	__IFLA_CARP_MAX
};

#define IFLA_CARP_MAX	(__IFLA_CARP_MAX - 1)

#define CARP_KEY_LEN	20

enum carp_state {
	CARP_STATE_INIT,
	CARP_STATE_BACKUP,
	CARP_STATE_MASTER,
};

enum carp_reason {
	CARP_REASON_NONE,		/* no change so far */
	CARP_REASON_STARTED,		/* device up, parent up, an address present */
	CARP_REASON_DEVICE_DOWN,	/* the carp device was set down or deleted */
	CARP_REASON_PARENT_DOWN,	/* the parent is down or has lost its carrier */
	CARP_REASON_NO_ADDRESS,		/* the last virtual address was removed */
	CARP_REASON_MASTER_TIMEOUT,	/* no advert from the master for its master-down time */
	CARP_REASON_MASTER_LEAVING,	/* the master says that it leaves, or adverts too rarely */
	CARP_REASON_PREEMPT,		/* preempt is on and the master has a worse priority */
	CARP_REASON_PEER_DEMOTED,	/* the master is more demoted than this node */
	CARP_REASON_BETTER_MASTER,	/* a master with a better priority was heard */
	CARP_REASON_REQUESTED,		/* asked for through IFLA_CARP_STATE */
	CARP_REASON_AT_REST,		/* brought to rest while something below it changes */
	CARP_REASON_RESUMED,		/* MASTER again after that change */
};

/* Why a node is demoted. */
enum carp_cause {
	CARP_CAUSE_ADMINISTRATOR,	/* asked for through IFLA_CARP_DEMOTION */
	CARP_CAUSE_SEND_ERRORS,		/* adverts cannot be sent, or could not a short while ago */
	CARP_CAUSE_GROUP,		/* the parent of another one of its group does not work */
};

/* IFLA_INFO_XSTATS: one u64 each; all count since the device (or its parent's first
 * carp device) was created.
 */
enum {
	CARP_XSTATS_UNSPEC,
	CARP_XSTATS_RX_ADVERTS,		/* valid adverts of this vhid */
	CARP_XSTATS_TX_ADVERTS,		/* adverts sent */
	CARP_XSTATS_TX_ERRORS,		/* adverts that could not be sent */
	CARP_XSTATS_TO_MASTER,		/* changes to MASTER */
	CARP_XSTATS_BAD_AUTH,		/* digest is not ours: other key or other address list */
	CARP_XSTATS_OWN_ADVERT,		/* our own advert came back */
	CARP_XSTATS_REPLAYED,		/* sent before, by its counter */
	CARP_XSTATS_LATE_TIMERS,	/* timers that fired more than one interval late */
	/* What cannot be laid to one vhid is counted by the parent, for all its devices. */
	CARP_XSTATS_PARENT_BAD_LEN,	/* too short, or lengths that contradict each other */
	CARP_XSTATS_PARENT_BAD_TTL,	/* TTL or hop limit is not 255 */
	CARP_XSTATS_PARENT_BAD_VERSION,	/* neither CARP version 2 nor type 1 */
	CARP_XSTATS_PARENT_BAD_CHECKSUM,
	CARP_XSTATS_PARENT_BAD_VHID,	/* a vhid that does not run on this parent */
	CARP_XSTATS_PAD,
	CARP_XSTATS_RX_ADVERTS_V6,	/* of RX_ADVERTS, those over IPv6 */
	CARP_XSTATS_TX_ADVERTS_V6,	/* of TX_ADVERTS, those over IPv6 */

	__CARP_XSTATS_MAX
};

#define CARP_XSTATS_MAX	(__CARP_XSTATS_MAX - 1)

/* Generic netlink. */
#define CARP_GENL_NAME		"carp"
#define CARP_GENL_VERSION	1

enum {
	CARP_CMD_UNSPEC,
	/* Answered by a message of this command, with the sequence number of the request, when
	 * everything that was asked of the carp devices of this namespace before it has been
	 * applied, however late that is. NLM_F_ACK is answered at once, and only says that the
	 * message will come. EBUSY: too many wait already. No attributes.
	 */
	CARP_CMD_SYNC,
};

#endif /* _UAPI_LINUX_IF_CARP_H */
