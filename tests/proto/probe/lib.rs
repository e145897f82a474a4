// SPDX-License-Identifier: GPL-2.0
//! Every function of `rust/proto` and `rust/serializer` that the module may call, with arguments
//! that the compiler cannot see. See `tests/no_panic.rs`.

#![no_std]
#![allow(unexpected_cfgs)]

#[path = "../../../rust/proto/mod.rs"]
mod proto;
#[path = "../../../rust/serializer/mod.rs"]
mod serializer;

mod queue;

use core::ffi::CStr;

use proto::carp::advert::{Advert, Reject, Source, Sources};
use proto::carp::auth::{Digest, Form, Hmac};
use proto::carp::envelope;
use proto::carp::signature::Signatures;
use proto::carp::Machine;
use proto::config::{self, Config, Invalid};
use proto::link::ipv6;
use proto::link::nd;
use proto::link::{arp, mac};
use proto::machine::{Actions, AdvertKind, Event, State};

extern "C" {
    fn it_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: There is no such function; if this is called from anywhere, nothing links.
    unsafe { it_can_panic() }
}

#[cfg(panics)]
#[no_mangle]
pub fn panics(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}

/// Any hash will do.
#[derive(Clone)]
pub struct Sum([u8; 20]);

impl Hmac for Sum {
    #[inline(never)]
    fn update(&mut self, data: &[u8]) {
        for (to, from) in self.0.iter_mut().zip(data) {
            *to ^= from;
        }
    }

    #[inline(never)]
    fn finish(self) -> [u8; 20] {
        self.0
    }
}

#[no_mangle]
pub fn signatures(
    signatures: &mut Signatures<Sum>,
    new: Digest<Sum>,
    now: u64,
    s: u16,
) -> [u8; 20] {
    signatures.change(now, new.clone(), s);
    let signed = Signatures::new(new.clone()).sign(now, 1);
    let heard = signatures.verify(now, 2, &signed);
    signatures.accepted(now, &heard);
    signatures.reset(new);
    signatures.sign(now, 3)
}

#[no_mangle]
pub fn check_grace(value: u32) -> Result<u16, Invalid> {
    config::check_grace(value)
}

#[no_mangle]
pub fn apply(changes: &config::Changes, old: &Config) -> Config {
    changes.apply(old)
}

#[no_mangle]
pub fn parse(packet: &[u8]) -> Result<Option<(Source, Advert)>, Reject> {
    envelope::parse_ipv4(packet)
}

#[no_mangle]
pub fn frame(source: [u8; 4], id: u16, advert: &Advert) -> [u8; envelope::FRAME_V4_LEN] {
    envelope::frame_v4(source, id, advert)
}

#[no_mangle]
pub fn parse_v6(packet: &[u8]) -> Result<Option<(Source, Advert)>, Reject> {
    envelope::parse_ipv6(packet)
}

#[no_mangle]
pub fn frame_v6(source: ipv6::Address, advert: &Advert) -> [u8; envelope::FRAME_V6_LEN] {
    envelope::frame_v6(source, advert)
}

#[no_mangle]
pub fn neighbour(packet: &[u8; nd::HEAD_LEN], len: usize) -> Option<nd::Message> {
    nd::parse(packet.get(..len)?)
}

#[no_mangle]
pub fn advertisement(
    vhid: u8,
    address: &ipv6::Address,
    to: Option<(&[u8; 6], &ipv6::Address)>,
    is_router: bool,
) -> [u8; nd::FRAME_LEN] {
    nd::advertisement(vhid, address, to, is_router)
}

#[no_mangle]
pub fn follows(address: &ipv6::Address, mac: &[u8; 6]) -> (ipv6::Address, [u8; 6], ipv6::Address) {
    let group = ipv6::solicited_node(address);
    (group, ipv6::group_mac(&group), ipv6::link_local_of(mac))
}

#[no_mangle]
pub fn arp(packet: &[u8; arp::LEN]) -> (Option<arp::Arp>, i32) {
    (arp::Arp::read(packet), arp::SENDER_IP_OFFSET)
}

#[no_mangle]
pub fn vhid_of_mac(mac: &[u8; 6]) -> Option<u8> {
    mac::vhid_of_mac(mac)
}

#[no_mangle]
pub fn is_group(mac: &[u8; 6]) -> bool {
    mac::is_group(mac)
}

#[no_mangle]
pub fn prepare(keyed: Sum, vhid: u8, v4: &mut [[u8; 4]], v6: &mut [[u8; 16]]) -> Digest<Sum> {
    Digest::new(keyed, vhid, v4, v6)
}

#[no_mangle]
pub fn sign(digest: &Digest<Sum>, counter: u64, form: Form) -> [u8; 20] {
    digest.sign(counter, form)
}

#[no_mangle]
pub fn verify(digest: &Digest<Sum>, counter: u64, heard: &[u8; 20], known: Form) -> Option<Form> {
    digest.verify(counter, heard, known)
}

#[no_mangle]
pub fn configure(setting: u8, value: u32, len: usize) -> Result<u8, &'static CStr> {
    match setting {
        0 => config::check_vhid(value),
        1 => config::check_advbase(value),
        2 => config::check_advskew(value),
        3 => config::check_demotion(value),
        _ => config::check_key_len(len).map(|_| 0),
    }
    .map_err(Invalid::message)
}

#[no_mangle]
pub fn create(vhid: u8, counter: u64) -> Machine {
    Machine::new(Config::new(vhid), counter)
}

#[no_mangle]
pub fn set_clock(machine: &mut Machine, wall_ms: u64) {
    machine.set_clock(wall_ms);
}

#[no_mangle]
pub fn event(machine: &mut Machine, now_ns: u64, event: Event) -> Actions {
    machine.event(now_ns, event)
}

#[no_mangle]
pub fn timeout(machine: &mut Machine, now_ns: u64) -> Actions {
    machine.timeout(now_ns)
}

#[no_mangle]
pub fn heard(
    machine: &mut Machine,
    now_ns: u64,
    own: &Sources,
    from: Source,
    advert: &Advert,
) -> Result<Actions, Reject> {
    machine.advert(now_ns, own, from, advert)
}

#[no_mangle]
pub fn next(machine: &mut Machine, now_ns: u64, kind: AdvertKind) -> Advert {
    machine.next_advert(now_ns, kind)
}

#[no_mangle]
pub fn causes(machine: &Machine, now_ns: u64) -> u32 {
    machine.causes(now_ns).mask()
}

#[no_mangle]
pub fn look(machine: &Machine) -> (State, Config, Option<Source>, Option<u64>, u64) {
    (
        machine.state(),
        *machine.config(),
        machine.master(),
        machine.deadline_ns(),
        machine.late_timers(),
    )
}
