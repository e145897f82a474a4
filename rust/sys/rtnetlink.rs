// SPDX-License-Identifier: GPL-2.0
//! Routes, added and deleted by the same messages that `ip route` sends.
//!
//! The functions that the kernel itself uses for that are not exported to modules. This interface
//! is stable.

use super::{
    bindings as own,
    inet::Ipv4,
    inet6::Ipv6,
    namespace::{Namespace, NamespaceRef},
};
use core::ptr::{self, NonNull};
use kernel::{bindings, error::to_result, prelude::*};

/// What a route is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteKind {
    /// An address of this host.
    Local,
    /// A prefix that is on the link.
    Unicast,
    Broadcast,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    V4(Ipv4),
    V6(Ipv6),
}

/// A route by one device, such as the kernel makes for an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) kind: RouteKind,
    pub(crate) destination: Destination,
    pub(crate) prefix_len: u8,
    /// The preferred source address. IPv4 only.
    pub(crate) source: Option<Ipv4>,
    /// 0: the kernel chooses.
    pub(crate) metric: u32,
}

/// The device of a route, and the table that takes the place of the usual ones if it is in a VRF.
#[derive(Clone, Copy)]
pub(crate) struct Via {
    pub(crate) index: i32,
    pub(crate) vrf_table: Option<u32>,
}

const TABLE_MAIN: u32 = own::rt_class_t_RT_TABLE_MAIN;
const TABLE_LOCAL: u32 = own::rt_class_t_RT_TABLE_LOCAL;

/// Bytes of the longest message here.
const MESSAGE_LEN: usize = 96;
/// Where an answer has its error code, and how many bytes of it are read.
const ERROR_OFFSET: usize = 16;
const ANSWER_LEN: usize = 64;

/// Talks to rtnetlink in one namespace, which it keeps.
///
/// # Invariants
///
/// `socket` is a valid netlink socket of `_namespace`, and nobody else's.
pub(crate) struct Client {
    socket: NonNull<bindings::socket>,
    _namespace: NamespaceRef,
}

impl Client {
    /// Context: process; sleeps.
    pub(crate) fn new(namespace: NamespaceRef) -> Result<Self> {
        let mut socket = ptr::null_mut();
        let net = Namespace::as_ptr(&namespace).cast();
        // SAFETY: The namespace is kept, `socket` is valid for writing.
        to_result(unsafe {
            bindings::sock_create_kern(
                net,
                bindings::AF_NETLINK as i32,
                bindings::sock_type_SOCK_RAW as i32,
                bindings::NETLINK_ROUTE as i32,
                &mut socket,
            )
        })?;
        // INVARIANT: Made just now. It is released before the namespace is.
        Ok(Self {
            socket: NonNull::new(socket).ok_or(ENOMEM)?,
            _namespace: namespace,
        })
    }

    /// Context: process, without RTNL, which this takes.
    pub(crate) fn add(&self, via: Via, route: &Route) -> Result {
        // With IPv4, after other routes to the same destination.
        let append = match route.destination {
            Destination::V4(_) => bindings::NLM_F_APPEND,
            Destination::V6(_) => 0,
        };
        let flags = bindings::NLM_F_CREATE | append;
        self.request(own::RTM_NEWROUTE, flags, via, route)
    }

    /// Context: process, without RTNL, which this takes.
    pub(crate) fn delete(&self, via: Via, route: &Route) -> Result {
        self.request(own::RTM_DELROUTE, 0, via, route)
    }

    fn request(&self, kind: u32, flags: u32, via: Via, route: &Route) -> Result {
        let mut message = Message::new();
        message.write(kind, flags, via, route);
        self.send(&mut message)?;
        self.answer()
    }

    /// The request is carried out before this returns.
    fn send(&self, message: &mut Message) -> Result {
        let mut to = bindings::sockaddr_nl {
            nl_family: bindings::AF_NETLINK as u16,
            ..Default::default()
        };
        let mut header = bindings::msghdr {
            // Without it the sender would have to be a file.
            msg_name: (&raw mut to).cast(),
            msg_namelen: size_of::<bindings::sockaddr_nl>() as i32,
            ..Default::default()
        };
        let len = message.len;
        let mut bytes = bindings::kvec {
            iov_base: message.bytes.as_mut_ptr().cast(),
            iov_len: len,
        };
        // SAFETY: The socket is valid by the type's invariant; all else lives during the call.
        let sent = unsafe {
            bindings::kernel_sendmsg(self.socket.as_ptr(), &mut header, &mut bytes, 1, len)
        };
        to_result(sent)
    }

    fn answer(&self) -> Result {
        let mut answer = [0u8; ANSWER_LEN];
        let mut header = bindings::msghdr::default();
        let mut bytes = bindings::kvec {
            iov_base: answer.as_mut_ptr().cast(),
            iov_len: answer.len(),
        };
        // SAFETY: As in `send()`.
        let received = unsafe {
            bindings::kernel_recvmsg(
                self.socket.as_ptr(),
                &mut header,
                &mut bytes,
                1,
                ANSWER_LEN,
                bindings::MSG_DONTWAIT as i32,
            )
        };
        // The answer is there, or there was no memory for it.
        to_result(received).or(Err(ENOBUFS))?;
        let error = answer.get(ERROR_OFFSET..).and_then(<[u8]>::first_chunk);
        to_result(i32::from_ne_bytes(*error.ok_or(EINVAL)?))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: Valid by the type's invariant, and not used again.
        unsafe { bindings::sock_release(self.socket.as_ptr()) }
    }
}

/// A message being written. What does not fit is left out, and the kernel refuses the rest.
struct Message {
    bytes: [u8; MESSAGE_LEN],
    len: usize,
}

impl Message {
    fn new() -> Self {
        Self {
            bytes: [0; MESSAGE_LEN],
            len: 0,
        }
    }

    fn put(&mut self, data: &[u8]) {
        let end = self.len.saturating_add(data.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(data);
            self.len = end;
        }
    }

    fn attribute(&mut self, kind: u32, data: &[u8]) {
        // Header and data; here all data is a multiple of the alignment.
        let len = data.len().saturating_add(4) as u16;
        self.put(&len.to_ne_bytes());
        self.put(&(kind as u16).to_ne_bytes());
        self.put(data);
    }

    /// `struct nlmsghdr`, `struct rtmsg` and its attributes.
    fn write(&mut self, kind: u32, flags: u32, via: Via, route: &Route) {
        let flags = flags | bindings::NLM_F_REQUEST | bindings::NLM_F_ACK;
        self.put(&[0; 4]); // The length, below.
        self.put(&(kind as u16).to_ne_bytes());
        self.put(&(flags as u16).to_ne_bytes());
        self.put(&[0; 8]); // Sequence number and port.

        let family = match route.destination {
            Destination::V4(_) => bindings::AF_INET,
            Destination::V6(_) => bindings::AF_INET6,
        };
        let (table, kind, scope) = match route.kind {
            RouteKind::Local => (TABLE_LOCAL, own::RTN_LOCAL, own::rt_scope_t_RT_SCOPE_HOST),
            RouteKind::Unicast => (TABLE_MAIN, own::RTN_UNICAST, own::rt_scope_t_RT_SCOPE_LINK),
            RouteKind::Broadcast => (
                TABLE_LOCAL,
                own::RTN_BROADCAST,
                own::rt_scope_t_RT_SCOPE_LINK,
            ),
        };
        let table = via.vrf_table.unwrap_or(table);
        self.put(&[family as u8, route.prefix_len, 0, 0]);
        // The table is an attribute, for it may be a large number.
        self.put(&[0, own::RTPROT_KERNEL as u8, scope as u8, kind as u8]);
        self.put(&[0; 4]); // Flags.

        match &route.destination {
            Destination::V4(address) => self.attribute(own::rtattr_type_t_RTA_DST, address),
            Destination::V6(address) => self.attribute(own::rtattr_type_t_RTA_DST, address),
        }
        self.attribute(own::rtattr_type_t_RTA_TABLE, &table.to_ne_bytes());
        self.attribute(own::rtattr_type_t_RTA_OIF, &via.index.to_ne_bytes());
        if let Some(source) = &route.source {
            self.attribute(own::rtattr_type_t_RTA_PREFSRC, source);
        }
        if route.metric != 0 {
            self.attribute(own::rtattr_type_t_RTA_PRIORITY, &route.metric.to_ne_bytes());
        }
        let len = self.len as u32;
        if let Some(room) = self.bytes.first_chunk_mut() {
            *room = len.to_ne_bytes();
        }
    }
}
