// SPDX-License-Identifier: GPL-2.0
//! CARP version 2: its adverts, and what they decide.
//!
//! - [`advert`]: the advert; [`envelope`]: the packets and frames around it.
//! - [`auth`]: what the digest of an advert covers.
//! - [`signature`]: for which list of addresses, while that changes.
//! - [`counter`]: the counters of the adverts sent and accepted.
//! - [`peers`]: the peers of this implementation, known by their counters.
//! - [`priority`]: how good a master a node is.
//! - [`election`]: which node is to be MASTER.
//! - [`pace`]: how often a master is heard.
//! - [`protocol`]: what the machine takes of all this.

pub mod advert;
pub mod auth;
pub mod counter;
pub mod election;
pub mod envelope;
pub mod pace;
mod peers;
pub mod priority;
pub mod protocol;
pub mod signature;

/// The state machine of a virtual host that speaks CARP.
pub type Machine = super::machine::Machine<protocol::Carp>;
