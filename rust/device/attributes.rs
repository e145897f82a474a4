// SPDX-License-Identifier: GPL-2.0
//! The netlink attributes of `uapi/if_carp.h`: what may come in, and what goes out.

use crate::{
    group::{statistics::ParentCounters, ties::GroupName},
    proto::{
        carp::advert::Source,
        config::{self, Changes, Invalid},
        demotion::Causes,
        machine::State,
    },
    sys::{
        hmac::Key,
        netlink::{policy, refused, room, Attributes, Extack, Policy, Report},
        uapi,
    },
    vhost::{statistics::Counters, status::Status},
};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// Types, and the refusal of what is only reported. Ranges are in `proto::config`, each with a
/// message of its own.
pub(super) const POLICY: [Policy; uapi::IFLA_CARP_MAX as usize + 1] = {
    const READ_ONLY: &CStr = c"this attribute is only reported";
    let mut table = [refused(c"unknown attribute"); uapi::IFLA_CARP_MAX as usize + 1];
    table[uapi::IFLA_CARP_VHID as usize] = policy(uapi::NLA_U32);
    table[uapi::IFLA_CARP_ADVBASE as usize] = policy(uapi::NLA_U32);
    table[uapi::IFLA_CARP_ADVSKEW as usize] = policy(uapi::NLA_U32);
    table[uapi::IFLA_CARP_KEY as usize] = policy(uapi::NLA_BINARY);
    table[uapi::IFLA_CARP_PREEMPT as usize] = policy(uapi::NLA_U8);
    table[uapi::IFLA_CARP_DEMOTION as usize] = policy(uapi::NLA_U32);
    table[uapi::IFLA_CARP_STRICT as usize] = policy(uapi::NLA_U8);
    table[uapi::IFLA_CARP_STATE as usize] = policy(uapi::NLA_U8);
    table[uapi::IFLA_CARP_GRACE as usize] = policy(uapi::NLA_U32);
    table[uapi::IFLA_CARP_GROUP as usize] = policy(uapi::NLA_NUL_STRING);
    table[uapi::IFLA_CARP_REASON as usize] = refused(READ_ONLY);
    table[uapi::IFLA_CARP_CHANGED as usize] = refused(READ_ONLY);
    table[uapi::IFLA_CARP_MASTER as usize] = refused(READ_ONLY);
    table[uapi::IFLA_CARP_DEMOTED_BY as usize] = refused(READ_ONLY);
    table
};

/// What a request asks for. `None`: nothing.
pub(super) struct Request {
    pub(super) vhid: Option<u8>,
    pub(super) changes: Changes,
    pub(super) key: Option<Key>,
    pub(super) state: Option<State>,
    pub(super) group: Option<GroupName>,
}

impl Request {
    /// Fails with an explanation if anything is out of its range.
    pub(super) fn read(data: &Attributes<'_>, extack: Extack<'_>) -> Result<Self> {
        let switch = |kind, message: &'static CStr| -> Result<Option<bool>> {
            let Some(attribute) = data.get(kind) else {
                return Ok(None);
            };
            match attribute.u8()? {
                0 => Ok(Some(false)),
                1 => Ok(Some(true)),
                _ => Err(extack.refuse(EINVAL, message)),
            }
        };
        Ok(Self {
            vhid: number(data, extack, uapi::IFLA_CARP_VHID, config::check_vhid)?,
            changes: Changes {
                advbase: number(data, extack, uapi::IFLA_CARP_ADVBASE, config::check_advbase)?,
                advskew: number(data, extack, uapi::IFLA_CARP_ADVSKEW, config::check_advskew)?,
                preempt: switch(uapi::IFLA_CARP_PREEMPT, c"preempt must be 0 or 1")?,
                demotion: number(
                    data,
                    extack,
                    uapi::IFLA_CARP_DEMOTION,
                    config::check_demotion,
                )?,
                strict: switch(uapi::IFLA_CARP_STRICT, c"strict must be 0 or 1")?,
                grace_s: number(data, extack, uapi::IFLA_CARP_GRACE, config::check_grace)?,
            },
            key: match data.get(uapi::IFLA_CARP_KEY) {
                Some(key) => {
                    config::check_key_len(key.payload().len())
                        .map_err(|invalid| extack.refuse(EINVAL, invalid.message()))?;
                    Some(Key::new(key.payload())?)
                }
                None => None,
            },
            group: match data.get(uapi::IFLA_CARP_GROUP) {
                Some(group) => Some(GroupName::new(group.payload()).ok_or_else(|| {
                    let message = c"the name of a group is at most 15 printable ASCII characters";
                    extack.refuse(EINVAL, message)
                })?),
                None => None,
            },
            state: match data.get(uapi::IFLA_CARP_STATE) {
                Some(state) => Some(match u32::from(state.u8()?) {
                    uapi::carp_state_CARP_STATE_BACKUP => State::Backup,
                    uapi::carp_state_CARP_STATE_MASTER => State::Master,
                    _ => {
                        let message = c"only the states backup and master can be asked for";
                        return Err(extack.refuse(EINVAL, message));
                    }
                }),
                None => None,
            },
        })
    }
}

/// The number in an attribute, if it is there and in its range.
fn number<T>(
    data: &Attributes<'_>,
    extack: Extack<'_>,
    kind: u32,
    check: fn(u32) -> Result<T, Invalid>,
) -> Result<Option<T>> {
    let Some(attribute) = data.get(kind) else {
        return Ok(None);
    };
    match check(attribute.u32()?) {
        Ok(value) => Ok(Some(value)),
        Err(invalid) => Err(extack.refuse(EINVAL, invalid.message())),
    }
}

/// An upper bound of what [`report`] adds: a dozen attributes, the longest an IPv6 address.
pub(super) const REPORT_ROOM: usize = uapi::IFLA_CARP_MAX as usize * room(16);

pub(super) fn report(report: &mut Report<'_>, status: &Status, group: &GroupName) -> Result {
    let config = &status.config;
    report.u32(uapi::IFLA_CARP_VHID, u32::from(config.vhid))?;
    report.u32(uapi::IFLA_CARP_ADVBASE, u32::from(config.advbase))?;
    report.u32(uapi::IFLA_CARP_ADVSKEW, u32::from(config.advskew))?;
    report.u8(uapi::IFLA_CARP_PREEMPT, u8::from(config.preempt))?;
    report.u32(uapi::IFLA_CARP_DEMOTION, u32::from(config.demotion))?;
    report.u8(uapi::IFLA_CARP_STRICT, u8::from(config.strict))?;
    report.u32(uapi::IFLA_CARP_GRACE, u32::from(config.grace_s))?;
    report.u8(uapi::IFLA_CARP_STATE, status.state as u8)?;
    if let Some(change) = status.last_change {
        report.u8(uapi::IFLA_CARP_REASON, change.reason as u8)?;
        report.u64(uapi::IFLA_CARP_CHANGED, change.at_ms, uapi::IFLA_CARP_PAD)?;
    } else {
        report.u8(
            uapi::IFLA_CARP_REASON,
            uapi::carp_reason_CARP_REASON_NONE as u8,
        )?;
    }
    if status.causes != Causes::default() {
        report.u32(uapi::IFLA_CARP_DEMOTED_BY, status.causes.mask())?;
    }
    if !group.is_none() {
        report.bytes(uapi::IFLA_CARP_GROUP, group.as_string())?;
    }
    match status.master {
        Some(Source::V4(address)) => report.bytes(uapi::IFLA_CARP_MASTER, &address),
        Some(Source::V6(address)) => report.bytes(uapi::IFLA_CARP_MASTER, &address),
        None => Ok(()),
    }
}

/// An upper bound of what [`report_statistics`] adds, the padding of each counter included.
pub(super) const STATISTICS_ROOM: usize =
    uapi::CARP_XSTATS_MAX as usize * (room(size_of::<u64>()) + room(0));

pub(super) fn report_statistics(
    report: &mut Report<'_>,
    status: &Status,
    parent: &ParentCounters,
) -> Result {
    let Counters {
        rx_adverts,
        tx_adverts,
        tx_errors,
        to_master,
        bad_auth,
        own_adverts,
        replayed,
        rx_adverts_v6,
        tx_adverts_v6,
    } = status.counters;
    let load = |counter: &Atomic<u64>| counter.load(Relaxed);
    let counters = [
        (uapi::CARP_XSTATS_RX_ADVERTS, rx_adverts),
        (uapi::CARP_XSTATS_TX_ADVERTS, tx_adverts),
        (uapi::CARP_XSTATS_TX_ERRORS, tx_errors),
        (uapi::CARP_XSTATS_TO_MASTER, to_master),
        (uapi::CARP_XSTATS_BAD_AUTH, bad_auth),
        (uapi::CARP_XSTATS_OWN_ADVERT, own_adverts),
        (uapi::CARP_XSTATS_REPLAYED, replayed),
        (uapi::CARP_XSTATS_LATE_TIMERS, status.late_timers),
        (uapi::CARP_XSTATS_PARENT_BAD_LEN, load(&parent.bad_len)),
        (uapi::CARP_XSTATS_PARENT_BAD_TTL, load(&parent.bad_ttl)),
        (
            uapi::CARP_XSTATS_PARENT_BAD_VERSION,
            load(&parent.bad_version),
        ),
        (
            uapi::CARP_XSTATS_PARENT_BAD_CHECKSUM,
            load(&parent.bad_checksum),
        ),
        (uapi::CARP_XSTATS_PARENT_BAD_VHID, load(&parent.bad_vhid)),
        (uapi::CARP_XSTATS_RX_ADVERTS_V6, rx_adverts_v6),
        (uapi::CARP_XSTATS_TX_ADVERTS_V6, tx_adverts_v6),
    ];
    for (kind, value) in counters {
        report.u64(kind, value, uapi::CARP_XSTATS_PAD)?;
    }
    Ok(())
}
