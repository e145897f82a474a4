// SPDX-License-Identifier: GPL-2.0
//! Counters of adverts. The `net_device` counts the packets through the carp device.

use super::adverts::Outcome;
use crate::proto::carp::advert::{Reject, Source};

/// The counters of one virtual host, whose lock protects them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) rx_adverts: u64,
    pub(crate) tx_adverts: u64,
    pub(crate) tx_errors: u64,
    pub(crate) to_master: u64,
    pub(crate) bad_auth: u64,
    pub(crate) own_adverts: u64,
    pub(crate) replayed: u64,
    pub(crate) rx_adverts_v6: u64,
    pub(crate) tx_adverts_v6: u64,
}

fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

impl Counters {
    pub(crate) fn count_received<T>(&mut self, result: &Result<T, Reject>, from: Source) {
        match result {
            Ok(_) => {
                count(&mut self.rx_adverts);
                if let Source::V6(_) = from {
                    count(&mut self.rx_adverts_v6);
                }
            }
            Err(Reject::Auth) => count(&mut self.bad_auth),
            Err(Reject::OwnAdvert) => count(&mut self.own_adverts),
            Err(Reject::Replay) => count(&mut self.replayed),
            // Found before a virtual host is asked: see `group::statistics`.
            Err(
                Reject::Length | Reject::Ttl | Reject::Version | Reject::Checksum | Reject::Vhid,
            ) => (),
        }
    }

    pub(crate) fn count_sent(&mut self, outcome: &Outcome) {
        for sent in [outcome.v4, outcome.v6].into_iter().flatten() {
            count(if sent {
                &mut self.tx_adverts
            } else {
                &mut self.tx_errors
            });
        }
        if outcome.v6 == Some(true) {
            count(&mut self.tx_adverts_v6);
        }
    }

    pub(crate) fn count_change(&mut self, to_master: bool) {
        if to_master {
            count(&mut self.to_master);
        }
    }
}
