// SPDX-License-Identifier: GPL-2.0
//! How the others decide, as far as the election goes: from their sources, by way of
//! research/bsd-carp.md §2.2 and §2.3.

use carp_proto_tests::proto::carp::advert::{Advert, Source};
use carp_proto_tests::proto::machine::State;

use super::SECOND;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    OpenBsd,
    /// NetBSD and DragonFly as well.
    FreeBsd,
    Ucarp,
}

#[derive(Clone, Debug)]
pub struct Foreign {
    pub system: System,
    pub advbase: u8,
    pub advskew: u8,
    pub preempt: bool,
    /// Its timers fire when a multiple of so many nanoseconds is reached, and not the next one; 0:
    /// whenever they are due.
    pub tick: u64,
    pub state: State,
    pub deadline: Option<u64>,
    counter: u64,
}

fn time(advbase: u8, advskew: u8) -> u64 {
    u64::from(advbase) * SECOND + u64::from(advskew) * SECOND / 256
}

impl Foreign {
    pub fn new(system: System, advbase: u8, advskew: u8) -> Self {
        Self {
            system,
            advbase,
            advskew,
            preempt: false,
            tick: 0,
            state: State::Init,
            deadline: None,
            counter: 0x5eed,
        }
    }

    pub fn start(&mut self, now: u64) {
        self.become_backup(now);
    }

    pub fn timeout(&mut self, now: u64) -> Option<Advert> {
        self.state = State::Master;
        self.arm(now, self.interval());
        Some(self.advert())
    }

    pub fn heard(
        &mut self,
        now: u64,
        own: Source,
        from: Source,
        advert: &Advert,
    ) -> Option<Advert> {
        let interval = self.interval();
        let peer = time(advert.advbase, advert.advskew);
        let openbsd = self.system == System::OpenBsd;
        match self.state {
            State::Init => None,
            State::Master => {
                let yields = match self.system {
                    // Its own demotion count is 0 here.
                    System::OpenBsd => interval >= peer && advert.demote == 0,
                    System::FreeBsd => interval >= peer,
                    System::Ucarp => {
                        let lower = little_endian(from) < little_endian(own);
                        interval > peer || interval == peer && lower
                    }
                };
                if !yields {
                    return None;
                }
                self.become_backup(now);
                (self.system == System::Ucarp).then(|| self.advert())
            }
            State::Backup => {
                let takes_over = self.preempt && interval < peer
                    || openbsd && advert.demote > 0
                    || time(self.advbase, 0) * 3 < peer;
                if takes_over {
                    return self.timeout(now);
                }
                self.become_backup(now);
                None
            }
        }
    }

    fn become_backup(&mut self, now: u64) {
        let down = match self.system {
            System::OpenBsd => 3 * self.interval(),
            System::FreeBsd | System::Ucarp => 3 * time(self.advbase, 0) + time(0, self.advskew),
        };
        self.state = State::Backup;
        self.arm(now, down);
    }

    fn arm(&mut self, now: u64, after: u64) {
        let after = after.max(SECOND / 256);
        self.deadline = Some(match self.tick {
            0 => now + after,
            tick => (now / tick + after.div_ceil(tick) + 1) * tick,
        });
    }

    fn interval(&self) -> u64 {
        time(self.advbase, self.advskew)
    }

    fn advert(&mut self) -> Advert {
        self.counter += u64::from(self.system != System::OpenBsd);
        Advert {
            vhid: 1,
            advskew: self.advskew,
            demote: 0,
            advbase: self.advbase,
            counter: self.counter,
            digest: [0; 20],
        }
    }
}

/// ucarp compares addresses as the machine loads them.
fn little_endian(source: Source) -> u32 {
    match source {
        Source::V4(address) => u32::from_le_bytes(address),
        Source::V6(_) => 0,
    }
}
