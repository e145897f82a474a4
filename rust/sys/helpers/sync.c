// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/bottom_half.h>
#include <linux/spinlock.h>
#include "helpers.h"

void carp_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

bool carp_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void carp_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}

void carp_local_bh_disable(void)
{
	local_bh_disable();
}

void carp_local_bh_enable(void)
{
	local_bh_enable();
}
