// SPDX-License-Identifier: GPL-2.0
//! CARP version 2 as a [`Protocol`].

use core::cmp::Ordering;

use super::super::config::Config;
use super::super::demotion::Causes;
use super::super::protocol::{Heard, Protocol};
use super::super::source::{Source, Sources};
use super::super::state::{AdvertKind, Reason};
use super::advert::{Advert, Reject};
use super::counter::Counter;
use super::election::{self, Tie};
use super::pace::Pace;
use super::priority::Priority;

/// What a virtual host remembers of the adverts that it has sent and heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Carp {
    counter: Counter,
    /// The pace of the last peer heard, if it is of another implementation.
    pace: Option<Pace>,
}

impl Protocol for Carp {
    type Advert = Advert;
    type Reject = Reject;
    type Config = Config;
    type Priority = Priority;
    type Tie = Option<Tie>;

    /// See [`counter`](super::counter).
    fn new(random: u64) -> Self {
        Self {
            counter: Counter::new(random),
            pace: None,
        }
    }

    fn set_clock(&mut self, wall_ms: u64) {
        self.counter.set_clock(wall_ms);
    }

    fn configure(&mut self, old: &Config, new: &Config) {
        if old.strict != new.strict {
            self.counter.forget_accepted();
        }
    }

    fn demotion(config: &Config) -> u8 {
        config.demotion
    }

    fn priority(config: &Config, causes: Causes) -> Priority {
        Priority::own(config, causes)
    }

    fn interval_ns(own: &Priority) -> u64 {
        own.interval_ns()
    }

    fn master_down_ns(own: &Priority, masters_ns: u64) -> u64 {
        own.master_down_ns(masters_ns)
    }

    fn check(&self, config: &Config, advert: &Advert) -> Result<(), Reject> {
        if advert.vhid != config.vhid {
            return Err(Reject::Vhid);
        }
        if self.counter.is_own(advert.counter) {
            return Err(Reject::OwnAdvert);
        }
        Ok(())
    }

    fn accept(
        &mut self,
        config: &Config,
        now_ns: u64,
        from: Source,
        advert: &Advert,
    ) -> Result<u64, Reject> {
        if !self.counter.accept(advert.counter, config.strict) {
            return Err(Reject::Replay);
        }
        let announced_ns = Priority::announced(advert).interval_ns();
        let has_pace = !advert.is_leaving() && !self.counter.is_kin(advert.counter);
        self.pace = has_pace.then(|| Pace::heard(self.pace, now_ns, from, announced_ns));
        Ok(match &self.pace {
            Some(pace) => pace.interval_ns(announced_ns),
            None => announced_ns,
        })
    }

    fn takes_over(config: &Config, own: &Priority, advert: &Advert) -> Option<Reason> {
        election::takes_over(own, config.preempt, advert)
    }

    fn compare(own: &Priority, advert: &Advert) -> Ordering {
        election::compare(own, advert)
    }

    fn yields_to_equal(
        &self,
        tie: &mut Option<Tie>,
        own: &Sources,
        heard: &Heard<'_, Advert>,
    ) -> Option<u64> {
        let now = Tie::heard(*tie, heard.now_ns, heard.from, heard.interval_ns)?;
        *tie = Some(now);
        let sent = self.counter.last();
        now.yields(own, sent, heard.advert.counter)
            .then(|| now.extra_ns(own, sent, heard.interval_ns))
    }

    /// The caller signs it: its digest is zero.
    fn next_advert(&mut self, config: &Config, own: &Priority, kind: AdvertKind) -> Advert {
        let (advbase, advskew) = match kind {
            AdvertKind::Regular => (own.advbase, own.advskew),
            AdvertKind::Leaving => (u8::MAX, u8::MAX),
        };
        Advert {
            vhid: config.vhid,
            advskew,
            demote: own.demote,
            advbase,
            counter: self.counter.advance(),
            digest: [0; 20],
        }
    }
}
