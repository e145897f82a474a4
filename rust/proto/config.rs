// SPDX-License-Identifier: GPL-2.0
//! The settings of a virtual host, and the ranges of what user space may ask for.

use core::ffi::CStr;

/// Length of the key in bytes; a shorter one is padded with zeros.
pub const KEY_LEN: usize = 20;
/// The default of the grace period, in seconds.
pub const GRACE_S: u16 = 60;
/// The longest grace period that can be configured, in seconds.
pub const GRACE_S_MAX: u16 = 3600;

/// The largest advskew that can be configured; 255 says on the wire that a master leaves.
pub const ADVSKEW_MAX: u8 = 254;
/// The largest demotion that can be configured, and the advskew that demotion never exceeds.
pub const DEMOTION_MAX: u8 = 240;

/// The settings of a virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// 1..=255.
    pub vhid: u8,
    /// Seconds, 0..=255. With advskew 0 as well, adverts are sent every 1/256 s.
    pub advbase: u8,
    /// 1/256 s, 0..=[`ADVSKEW_MAX`].
    pub advskew: u8,
    /// Take over from a master with a worse priority.
    pub preempt: bool,
    /// The administrator's demotion, 0..=[`DEMOTION_MAX`].
    pub demotion: u8,
    /// Refuse adverts whose counter does not grow.
    pub strict: bool,
    /// For how many seconds after a change the old list of addresses is still signed for,
    /// 0..=[`GRACE_S_MAX`].
    pub grace_s: u16,
}

impl Config {
    /// The settings of a virtual host for which nothing but the vhid is given.
    pub const fn new(vhid: u8) -> Self {
        Self {
            vhid,
            advbase: 1,
            advskew: 0,
            preempt: false,
            demotion: 0,
            strict: false,
            grace_s: GRACE_S,
        }
    }
}

/// Settings to change; `None`: as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// As [`Config::advbase`].
    pub advbase: Option<u8>,
    /// As [`Config::advskew`].
    pub advskew: Option<u8>,
    /// As [`Config::preempt`].
    pub preempt: Option<bool>,
    /// As [`Config::demotion`].
    pub demotion: Option<u8>,
    /// As [`Config::strict`].
    pub strict: Option<bool>,
    /// As [`Config::grace_s`].
    pub grace_s: Option<u16>,
}

impl Changes {
    /// What these changes and then `newer` come to.
    pub fn merge(&self, newer: &Self) -> Self {
        Self {
            advbase: newer.advbase.or(self.advbase),
            advskew: newer.advskew.or(self.advskew),
            preempt: newer.preempt.or(self.preempt),
            demotion: newer.demotion.or(self.demotion),
            strict: newer.strict.or(self.strict),
            grace_s: newer.grace_s.or(self.grace_s),
        }
    }

    /// `old` with these changes.
    pub fn apply(&self, old: &Config) -> Config {
        Config {
            vhid: old.vhid,
            advbase: self.advbase.unwrap_or(old.advbase),
            advskew: self.advskew.unwrap_or(old.advskew),
            preempt: self.preempt.unwrap_or(old.preempt),
            demotion: self.demotion.unwrap_or(old.demotion),
            strict: self.strict.unwrap_or(old.strict),
            grace_s: self.grace_s.unwrap_or(old.grace_s),
        }
    }
}

/// A setting that is out of its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// Not 1..=255.
    Vhid,
    /// Not 0..=255.
    Advbase,
    /// Not 0..=[`ADVSKEW_MAX`].
    Advskew,
    /// Not 0..=[`DEMOTION_MAX`].
    Demotion,
    /// Not 0..=[`GRACE_S_MAX`].
    Grace,
    /// Longer than [`KEY_LEN`].
    KeyLen,
}

impl Invalid {
    /// The message for the administrator.
    pub const fn message(self) -> &'static CStr {
        match self {
            Self::Vhid => c"vhid must be between 1 and 255",
            Self::Advbase => c"advbase must be between 0 and 255",
            Self::Advskew => c"advskew must be between 0 and 254",
            Self::Demotion => c"demotion must be between 0 and 240",
            Self::Grace => c"grace must be between 0 and 3600 seconds",
            Self::KeyLen => c"key must not be longer than 20 bytes",
        }
    }
}

/// `value` as a vhid.
pub fn check_vhid(value: u32) -> Result<u8, Invalid> {
    between(1, value, u8::MAX).ok_or(Invalid::Vhid)
}

/// `value` as an advbase.
pub fn check_advbase(value: u32) -> Result<u8, Invalid> {
    between(0, value, u8::MAX).ok_or(Invalid::Advbase)
}

/// `value` as an advskew.
pub fn check_advskew(value: u32) -> Result<u8, Invalid> {
    between(0, value, ADVSKEW_MAX).ok_or(Invalid::Advskew)
}

/// `value` as a demotion.
pub fn check_demotion(value: u32) -> Result<u8, Invalid> {
    between(0, value, DEMOTION_MAX).ok_or(Invalid::Demotion)
}

/// `value` as a grace period.
pub fn check_grace(value: u32) -> Result<u16, Invalid> {
    match u16::try_from(value) {
        Ok(seconds) if seconds <= GRACE_S_MAX => Ok(seconds),
        _ => Err(Invalid::Grace),
    }
}

/// `len` as the length of a key.
pub fn check_key_len(len: usize) -> Result<usize, Invalid> {
    if len <= KEY_LEN {
        Ok(len)
    } else {
        Err(Invalid::KeyLen)
    }
}

fn between(min: u8, value: u32, max: u8) -> Option<u8> {
    let value = u8::try_from(value).ok()?;
    (min <= value && value <= max).then_some(value)
}
