// SPDX-License-Identifier: GPL-2.0
//! `struct sk_buff`: a packet, borrowed from the stack or owned.

use super::{
    bindings,
    inet::Ipv4,
    inet6::Ipv6,
    net_device::{Mac, NetDevice},
    route::LocalRoute,
};
use core::ptr::NonNull;
use kernel::{
    error::{code::*, to_result, Error, Result},
    sync::rcu::Guard,
    types::Opaque,
};

/// EtherTypes that matter here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Ipv4,
    Ipv6,
    Arp,
    Other,
}

/// The fields of a `struct sk_buff` in its group `headers`.
type Fields = bindings::sk_buff__bindgen_ty_4__bindgen_ty_1;

/// A packet that somebody else owns.
#[repr(transparent)]
pub(crate) struct SkBuff(Opaque<bindings::sk_buff>);

impl SkBuff {
    /// # Safety
    ///
    /// `skb` is valid, and nobody else changes it, for `'a`.
    pub(crate) unsafe fn from_raw<'a>(skb: *mut bindings::sk_buff) -> &'a mut Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &mut *skb.cast() }
    }

    fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.get()
    }

    /// The fields that lie between the control buffer and the end of the structure.
    fn fields(&self) -> *const Fields {
        // SAFETY: The packet is valid.
        unsafe { (&raw const (*self.as_ptr()).__bindgen_anon_4).cast() }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        // SAFETY: The packet is valid.
        match u16::from_be(unsafe { (*self.fields()).protocol }) {
            0x0800 => Protocol::Ipv4,
            0x86dd => Protocol::Ipv6,
            0x0806 => Protocol::Arp,
            _ => Protocol::Other,
        }
    }

    /// It belongs to a VLAN of the device that received it, or is about to send it.
    pub(crate) fn has_vlan_tag(&self) -> bool {
        self.vlan() != 0
    }

    /// Which one; 0: none. VLAN 0 is none: such a tag is about priority alone.
    pub(super) fn vlan(&self) -> u16 {
        const VLAN_VID_MASK: u16 = 0x0fff;
        // SAFETY: The packet is valid.
        let tag = unsafe { (*self.fields()).__bindgen_anon_2 };
        // SAFETY: All bits of the union are always valid; without a tag they are 0.
        unsafe { tag.__bindgen_anon_1 }.vlan_tci & VLAN_VID_MASK
    }

    pub(super) fn kind(&self) -> u8 {
        // SAFETY: The packet is valid.
        unsafe { (*self.fields()).pkt_type() }
    }

    /// The bytes of all headers and of the data.
    fn len(&self) -> u32 {
        // SAFETY: The packet is valid.
        unsafe { (*self.as_ptr()).len }
    }

    /// Where its memory has this offset.
    fn at(&self, offset: u16) -> *mut u8 {
        // SAFETY: The packet is valid.
        unsafe { (*self.as_ptr()).head }.wrapping_add(offset.into())
    }

    fn data(&self) -> *mut u8 {
        // SAFETY: The packet is valid.
        unsafe { (*self.as_ptr()).data }
    }

    fn network_header(&self) -> *mut u8 {
        // SAFETY: The packet is valid.
        self.at(unsafe { (*self.fields()).network_header })
    }

    /// Where the network header begins, from the beginning of the data.
    fn network_offset(&self) -> i32 {
        let start = self.network_header().addr();
        start.wrapping_sub(self.data().addr()) as i32
    }

    /// The network header and what follows it, as much of that as lies in the linear part.
    fn linear(&self) -> &[u8] {
        // SAFETY: The packet is valid.
        let not_linear = unsafe { (*self.as_ptr()).data_len };
        let linear = self.len().saturating_sub(not_linear);
        let start = self.network_header();
        let end = self.data().wrapping_add(linear as usize);
        let len = end.addr().saturating_sub(start.addr());
        // SAFETY: The linear part reaches from the head of the buffer to `end`, and nobody else
        // changes it.
        unsafe { core::slice::from_raw_parts(start, len) }
    }

    /// Whether anybody wants it, which `device` has received and whose IP protocol no part of the
    /// stack takes: a raw socket for that, or a device that this one is a part of.
    pub(crate) fn has_readers(&self, _guard: &Guard, device: &NetDevice, ip_protocol: u8) -> bool {
        let is_v6 = self.protocol() == Protocol::Ipv6;
        // SAFETY: The device is alive, and with it its namespace, under RCU.
        unsafe { bindings::carp_has_readers(device.as_ptr(), is_v6, ip_protocol) }
    }

    /// Addressed to `device`, the very one that has received it, or the host's own multicast coming
    /// back. That it is for this host does not say so: bpf_redirect_peer() says that of whatever it
    /// brings.
    pub(super) fn is_for_receiver(&self, device: &NetDevice) -> bool {
        match u32::from(self.kind()) {
            bindings::PACKET_LOOPBACK => true,
            bindings::PACKET_HOST => self
                .ethernet()
                .is_none_or(|(destination, _)| Some(destination) == device.address()),
            _ => false,
        }
    }

    /// The ingress hook has seen it.
    pub(super) fn set_seen(&mut self) {
        // SAFETY: The packet is valid, and on its way in.
        unsafe { bindings::carp_skb_set_seen(self.as_ptr()) }
    }

    /// It has been redirected on its way in, and no ingress hook of ours has seen it since.
    pub(super) fn is_redirected_unseen(&self) -> bool {
        // SAFETY: The packet is valid.
        unsafe { bindings::carp_skb_is_redirected_unseen(self.as_ptr()) }
    }

    /// Whether on its way in it can go on as if `device` had received it from here on: nobody
    /// shares it, and nobody waits for what `device` receives before the protocols do.
    pub(super) fn can_become(&self, device: &NetDevice) -> bool {
        let skb = self.as_ptr();
        // SAFETY: The packet is valid; the count is a word that others may write.
        let users = unsafe { (&raw const (*skb).users.refs.counter).read_volatile() };
        users == 1 && !device.has_early_receivers()
    }

    /// From here on it is a packet for `device`, which has received it. Nobody shares it.
    pub(super) fn become_received_by(&mut self, device: &NetDevice) {
        // SAFETY: The packet is ours to change, the device is alive.
        unsafe { bindings::carp_skb_deliver_to(self.as_ptr(), device.as_ptr()) };
    }

    /// Has `device` receive a copy, if there is memory. Only for a packet that was received just
    /// now, in its softirq.
    pub(crate) fn copy_to(&self, device: &NetDevice) {
        // SAFETY: The packet is valid, the device is alive.
        unsafe { bindings::carp_skb_copy_to(self.as_ptr(), device.as_ptr()) }
    }

    /// Somebody has given it a route.
    pub(super) fn has_route(&self) -> bool {
        // SAFETY: The packet is valid.
        unsafe { bindings::carp_skb_has_route(self.as_ptr()) }
    }

    /// It has come in by `route`: the tables are not asked.
    pub(crate) fn set_route(&mut self, route: &LocalRoute) {
        // SAFETY: The packet is ours to change, and gets a reference of its own.
        unsafe { bindings::carp_skb_set_route(self.as_ptr(), route.as_ptr()) };
    }

    /// Gives the IPv4 packet, on its way in, the route that the tables have for a packet from
    /// `source` to `destination`, as if `device` had received it. False, and no route: they refuse
    /// it, as they do where the source may not come from there.
    pub(crate) fn look_up_v4(
        &mut self,
        _guard: &Guard,
        source: Ipv4,
        destination: Ipv4,
        device: &NetDevice,
    ) -> bool {
        let mut header = [0; 2];
        let Some(&[_, service]) = self.read_network(&mut header).and_then(|h| h.first_chunk())
        else {
            return false;
        };
        // Without the bits of congestion.
        let dscp = service & 0xfc;
        // SAFETY: The packet is a whole IPv4 packet that this hook has to itself, under RCU; the
        // device is alive.
        let refused = unsafe {
            bindings::ip_route_input_noref(
                self.as_ptr(),
                u32::from_ne_bytes(destination),
                u32::from_ne_bytes(source),
                dscp,
                device.as_ptr(),
            )
        };
        refused == 0
    }

    /// Keeps the flow that this packet would begin from being tracked, and translated as its first
    /// packet was. One that is known already goes on.
    pub(crate) fn untrack(&mut self) {
        // SAFETY: The packet is ours to change.
        unsafe { bindings::carp_skb_untrack(self.as_ptr()) }
    }

    /// Where the destination and the source of the Ethernet header are, if there is one.
    fn ethernet_header(&self) -> Option<NonNull<[Mac; 2]>> {
        const UNSET: u16 = u16::MAX;
        // SAFETY: The packet is valid.
        let offset = unsafe { (*self.fields()).mac_header };
        NonNull::new(self.at(offset).cast()).filter(|_| offset != UNSET)
    }

    /// Destination and source of the Ethernet header, if there is one.
    pub(crate) fn ethernet(&self) -> Option<(Mac, Mac)> {
        let header = self.ethernet_header()?;
        // SAFETY: A MAC header that is set lies within the linear part of the packet.
        let [destination, source] = unsafe { header.read() };
        Some((destination, source))
    }

    /// What follows the IPv6 header of such a packet; 0, which is that of an extension header, if
    /// the header is not whole.
    pub(crate) fn ipv6_next_header(&self) -> u8 {
        const NEXT_HEADER: usize = 6;
        let mut buffer = [0; 40];
        let header: Option<&[u8; 40]> =
            self.read_network(&mut buffer).and_then(<[u8]>::first_chunk);
        header.map_or(0, |header| header[NEXT_HEADER])
    }

    /// What there is of the network header and what follows it, `buffer.len()` bytes at most. It is
    /// read in place, or copied to `buffer` if it does not lie in the linear part.
    pub(crate) fn read_network<'b>(&'b self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let offset = self.network_offset();
        let rest = self.len().checked_sub(u32::try_from(offset).ok()?)?;
        let len = usize::try_from(rest).ok()?.min(buffer.len());
        if let Some(bytes) = self.linear().get(..len) {
            return Some(bytes);
        }
        let buffer = buffer.get_mut(..len)?;
        let len = i32::try_from(len).ok()?;
        // SAFETY: The packet is valid, `buffer` is valid for `len` bytes; the function checks the
        // range against the packet.
        let error = unsafe {
            kernel::bindings::skb_copy_bits(
                self.as_ptr().cast(),
                offset,
                buffer.as_mut_ptr().cast(),
                len,
            )
        };
        (error == 0).then_some(buffer)
    }

    /// Source and destination of an IPv4 packet, if its header is whole.
    pub(crate) fn ipv4_addresses(&self) -> Option<(Ipv4, Ipv4)> {
        self.addresses::<20, 4>()
    }

    /// The same of IPv6.
    pub(crate) fn ipv6_addresses(&self) -> Option<(Ipv6, Ipv6)> {
        self.addresses::<40, 16>()
    }

    /// They end the fixed part of either header.
    fn addresses<const HEADER: usize, const LEN: usize>(&self) -> Option<([u8; LEN], [u8; LEN])> {
        let mut buffer = [0; HEADER];
        let header: &[u8; HEADER] = self.read_network(&mut buffer)?.first_chunk()?;
        let (rest, destination) = header.split_last_chunk()?;
        let (_, source) = rest.split_last_chunk()?;
        Some((*source, *destination))
    }

    /// Overwrites bytes at `offset` from the start of the network header. Only for a packet that is
    /// on its way out and not shared.
    pub(crate) fn write_network(&mut self, offset: i32, bytes: &[u8]) -> Result {
        let start = self.network_offset();
        let offset = start.checked_add(offset).ok_or(EINVAL)?;
        let len = i32::try_from(bytes.len())?;
        // SAFETY: The packet is valid and ours to change, `bytes` is valid for `len` bytes; the
        // function checks the range against the packet.
        to_result(unsafe {
            kernel::bindings::skb_store_bits(
                self.as_ptr().cast(),
                offset,
                bytes.as_ptr().cast(),
                len,
            )
        })
    }

    /// Gives a packet on its way out another Ethernet source. May allocate, atomically.
    pub(crate) fn set_ethernet_source(&mut self, mac: &Mac) -> Result {
        // SAFETY: The packet is valid and begins with its Ethernet header.
        to_result(unsafe { bindings::carp_skb_make_ethernet_writable(self.as_ptr()) })?;
        let header = self.ethernet_header().ok_or(EINVAL)?;
        // SAFETY: The header was made linear and unshared above.
        unsafe { (*header.as_ptr())[1] = *mac };
        Ok(())
    }

    /// Of a packet on its way in, whose data begins after the Ethernet header.
    pub(super) fn set_received_destination(&mut self, mac: &Mac) -> Result {
        // SAFETY: The packet is valid.
        to_result(unsafe { bindings::skb_ensure_writable(self.as_ptr(), 0) })?;
        let header = self.ethernet_header().ok_or(EINVAL)?;
        // SAFETY: All before the data was unshared above.
        unsafe { (*header.as_ptr())[0] = *mac };
        Ok(())
    }
}

/// Sends a whole Ethernet frame by `device`. Context: process or softirq, without locks that its
/// queue or its driver could want.
pub(crate) fn send_frame(device: &NetDevice, bytes: &[u8]) -> Result {
    OwnedSkb::frame(device, bytes)?.transmit(device)
}

/// A packet of our own. Dropping it frees it.
///
/// # Invariants
///
/// `skb` is valid and nobody else has it.
pub(crate) struct OwnedSkb {
    skb: NonNull<bindings::sk_buff>,
}

// SAFETY: A packet may be freed or sent on any CPU.
unsafe impl Send for OwnedSkb {}

impl OwnedSkb {
    /// # Safety
    ///
    /// `skb` is valid and the caller gives it away.
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: By this function's contract.
        Self { skb }
    }

    fn into_raw(self) -> NonNull<bindings::sk_buff> {
        let skb = self.skb;
        core::mem::forget(self);
        skb
    }

    /// A whole Ethernet frame, to be sent by `device`. Any context.
    pub(crate) fn frame(device: &NetDevice, bytes: &[u8]) -> Result<Self> {
        let len = u32::try_from(bytes.len())?;
        // SAFETY: The device is alive.
        let skb = NonNull::new(unsafe { bindings::carp_skb_alloc(device.as_ptr(), len) })
            .ok_or(ENOMEM)?;
        // INVARIANT: Fresh and ours.
        let this = Self { skb };
        // SAFETY: `carp_skb_alloc()` left room for `len` bytes.
        let data = unsafe { kernel::bindings::skb_put(this.skb.as_ptr().cast(), len) };
        // SAFETY: `skb_put()` returned `len` bytes of the packet's own memory.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
        // SAFETY: The packet begins with an Ethernet header; if there is less of it, it is refused
        // by whoever reads it.
        unsafe {
            bindings::carp_skb_set_frame(this.skb.as_ptr(), device.as_ptr(), bindings::ETH_HLEN)
        };
        Ok(this)
    }

    pub(crate) fn len(&self) -> u32 {
        // SAFETY: The packet is valid by the type's invariant.
        unsafe { (*self.skb.as_ptr()).len }
    }

    /// Sends the packet by `device`. Context: process or softirq, without locks that its queue or
    /// its driver could want.
    pub(crate) fn transmit(self, device: &NetDevice) -> Result {
        let skb = self.into_raw();
        // SAFETY: The packet was ours, the device is alive.
        unsafe { bindings::carp_skb_set_device(skb.as_ptr(), device.as_ptr()) };
        // SAFETY: As above; the function takes the packet, whatever it returns.
        match unsafe { bindings::carp_dev_queue_xmit(skb.as_ptr()) } {
            0 => Ok(()),
            error if error < 0 => Err(Error::from_errno(error)),
            // NET_XMIT_CN too: the queue drops packets of this kind or, of a device that does not
            // work yet or any more, all.
            _dropped => Err(ENOBUFS),
        }
    }
}

impl Drop for OwnedSkb {
    fn drop(&mut self) {
        // SAFETY: Valid and ours by the type's invariant.
        unsafe { bindings::carp_skb_free(self.skb.as_ptr()) }
    }
}
