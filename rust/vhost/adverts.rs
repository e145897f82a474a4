// SPDX-License-Identifier: GPL-2.0
//! An advert on its way out: one frame for each address family.

use crate::{
    proto::{
        carp::{
            advert::{Advert, Sources},
            envelope,
            signature::Signatures,
            Machine,
        },
        machine::AdvertKind,
    },
    sys::{hmac::HmacSha1, net_device::NetDevice, skb::OwnedSkb},
};
use kernel::prelude::*;

/// A frame that there was no memory for counts as one that could not be sent.
pub(super) struct Frames {
    v4: Option<Result<OwnedSkb>>,
    v6: Option<Result<OwnedSkb>>,
}

impl Frames {
    /// The next advert of `machine`, signed, from each of `sources`, to be sent by `parent`.
    pub(super) fn new(
        machine: &mut Machine,
        signatures: &Signatures<HmacSha1>,
        now_ns: u64,
        kind: AdvertKind,
        parent: &NetDevice,
        sources: &Sources,
    ) -> Self {
        let mut next = || {
            let mut advert: Advert = machine.next_advert(now_ns, kind);
            advert.digest = signatures.sign(now_ns, advert.counter);
            advert
        };
        let v4 = sources.v4.map(|source| {
            let advert = next();
            let frame = envelope::frame_v4(source, advert.identification(), &advert);
            OwnedSkb::frame(parent, &frame)
        });
        let v6 = sources
            .v6
            .map(|source| OwnedSkb::frame(parent, &envelope::frame_v6(source, &next())));
        Self { v4, v6 }
    }

    /// Context: any but hard interrupts, without locks that sending a packet could want.
    pub(super) fn send(self, parent: &NetDevice) -> Outcome {
        let send = |frame: Result<OwnedSkb>| frame.and_then(|skb| skb.transmit(parent)).is_ok();
        Outcome {
            v4: self.v4.map(send),
            v6: self.v6.map(send),
        }
    }
}

/// Whether each frame could be sent; `None`: there was none.
pub(crate) struct Outcome {
    pub(crate) v4: Option<bool>,
    pub(crate) v6: Option<bool>,
}

impl Outcome {
    /// A frame could be sent. A peer that hears either family knows that there is a MASTER.
    pub(super) fn is_success(&self) -> bool {
        self.v4 == Some(true) || self.v6 == Some(true)
    }
}
