// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include "helpers.h"

static unsigned int user_devices_max = 64;
module_param(user_devices_max, uint, 0644);
MODULE_PARM_DESC(user_devices_max,
		 "carp devices that a network namespace may have before one more takes CAP_NET_ADMIN in the initial user namespace (64)");

unsigned int carp_user_devices_max(void)
{
	return READ_ONCE(user_devices_max);
}

/* The longest interval that there is has 255,992 ms. */
static int set_user_interval(const char *val, const struct kernel_param *param)
{
	return param_set_uint_minmax(val, param, 0, 256000);
}

static const struct kernel_param_ops user_interval_ops = {
	.set = set_user_interval,
	.get = param_get_uint,
};

static unsigned int user_interval_min_ms = 100;
module_param_cb(user_interval_min_ms, &user_interval_ops, &user_interval_min_ms, 0644);
__MODULE_PARM_TYPE(user_interval_min_ms, "uint");
MODULE_PARM_DESC(user_interval_min_ms,
		 "milliseconds, 0 to 256000: a shorter interval between adverts takes CAP_NET_ADMIN in the initial user namespace (100)");

unsigned int carp_user_interval_min_ms(void)
{
	return READ_ONCE(user_interval_min_ms);
}

/* What is left out is counted, and the count is printed with the next line. */
bool carp_log_is_due(bool of_initial_namespace)
{
	static DEFINE_RATELIMIT_STATE(initial, 5 * HZ, 10);
	static DEFINE_RATELIMIT_STATE(others, 5 * HZ, 10);

	return ___ratelimit(of_initial_namespace ? &initial : &others, KBUILD_MODNAME);
}
