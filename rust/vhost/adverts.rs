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
    sys::{clock, hmac::HmacSha1, net_device::NetDevice, skb},
};

pub(super) struct Frames {
    v4: Option<[u8; envelope::FRAME_V4_LEN]>,
    v6: Option<[u8; envelope::FRAME_V6_LEN]>,
}

impl Frames {
    /// The next advert of `machine`, signed, from each of `sources`.
    pub(super) fn new(
        machine: &mut Machine,
        signatures: &Signatures<HmacSha1>,
        now_ns: u64,
        kind: AdvertKind,
        sources: &Sources,
    ) -> Self {
        let mut next = || {
            let mut advert: Advert = machine.next_advert(now_ns, kind);
            advert.digest = signatures.sign(now_ns, advert.counter);
            advert
        };
        let [id @ .., _, _] = clock::random_u32().to_ne_bytes();
        Self {
            v4: sources
                .v4
                .map(|source| envelope::frame_v4(source, u16::from_ne_bytes(id), &next())),
            v6: sources.v6.map(|source| envelope::frame_v6(source, &next())),
        }
    }

    /// Context: any but hard interrupts, without locks that sending a packet could want.
    pub(super) fn send(&self, parent: &NetDevice) -> Outcome {
        Outcome {
            v4: self.v4.map(|frame| skb::send_frame(parent, &frame).is_ok()),
            v6: self.v6.map(|frame| skb::send_frame(parent, &frame).is_ok()),
        }
    }
}

/// Whether each frame could be sent; `None`: there was none.
pub(crate) struct Outcome {
    pub(crate) v4: Option<bool>,
    pub(crate) v6: Option<bool>,
}

impl Outcome {
    /// The peers have heard something. One that hears either family knows that there is a MASTER.
    pub(super) fn is_success(&self) -> bool {
        self.v4 == Some(true) || self.v6 == Some(true)
    }
}
