// SPDX-License-Identifier: GPL-2.0
//! Nodes on one segment, with a clock of its own that jumps to whatever is next. Nothing in it is
//! left to chance but what its seed decides.

use std::collections::BTreeMap;

use carp_proto_tests::proto::carp::advert::Sources;
use carp_proto_tests::proto::carp::envelope::{frame_v4, frame_v6, parse_ipv4, parse_ipv6};
use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{Actions, AdvertKind, Event, State};

use super::foreign::Foreign;
use super::{Rng, MS};

/// The longest a run of a test may take, in steps: no test sends that much.
const STEPS_MAX: u32 = 2_000_000;

pub enum Kind {
    Ours(Box<Machine>),
    Foreign(Foreign),
}

pub struct Node {
    pub kind: Kind,
    /// What it sends from, and so the families that it sends in.
    pub sources: Sources,
    /// Dead nodes neither hear nor send.
    pub alive: bool,
    /// Until then its host stands still: timers and what was heard wait, the timer comes first.
    pub stalled_until: u64,
    pub sends_fail: bool,
    pub announced: u32,
    /// By so much its wall clock is wrong, in milliseconds.
    pub clock_ahead_ms: i64,
}

impl Node {
    pub fn state(&self) -> State {
        match &self.kind {
            Kind::Ours(machine) => machine.state(),
            Kind::Foreign(foreign) => foreign.state,
        }
    }

    fn deadline(&self) -> Option<u64> {
        let deadline = match &self.kind {
            Kind::Ours(machine) => machine.deadline_ns(),
            Kind::Foreign(foreign) => foreign.deadline,
        };
        deadline
            .filter(|_| self.alive)
            .map(|at| at.max(self.stalled_until))
    }

    fn is_master(&self) -> bool {
        self.alive && self.state() == State::Master
    }
}

struct Flight {
    from: usize,
    to: usize,
    frame: Vec<u8>,
}

pub struct World {
    pub now: u64,
    pub nodes: Vec<Node>,
    pub latency: u64,
    pub loss_percent: u64,
    /// `cut[a][b]`: what a sends does not reach b.
    pub cut: Vec<Vec<bool>>,
    /// As `cut`, for the frames of one family.
    pub cut_v4: Vec<Vec<bool>>,
    pub cut_v6: Vec<Vec<bool>>,
    /// Every change of who is MASTER: when, and which ones.
    pub log: Vec<(u64, Vec<usize>)>,
    flights: BTreeMap<(u64, u64), Flight>,
    sequence: u64,
    rng: Rng,
}

impl World {
    pub fn new(seed: u64, latency: u64) -> Self {
        Self {
            now: 0,
            nodes: Vec::new(),
            latency,
            loss_percent: 0,
            cut: Vec::new(),
            cut_v4: Vec::new(),
            cut_v6: Vec::new(),
            log: vec![(0, Vec::new())],
            flights: BTreeMap::new(),
            sequence: 0,
            rng: Rng::new(seed),
        }
    }

    /// Adds a node of ours in INIT; its address ends with 1 for the first one, and so on.
    pub fn add(&mut self, config: Config) -> usize {
        let counter = self.rng.next();
        self.add_kind(Kind::Ours(Box::new(Machine::new(config, counter))))
    }

    pub fn add_foreign(&mut self, foreign: Foreign) -> usize {
        self.add_kind(Kind::Foreign(foreign))
    }

    fn add_kind(&mut self, kind: Kind) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node {
            kind,
            sources: Sources {
                v4: Some([192, 0, 2, index as u8 + 1]),
                v6: None,
            },
            alive: true,
            stalled_until: 0,
            sends_fail: false,
            announced: 0,
            clock_ahead_ms: 0,
        });
        self.cut = vec![vec![false; index + 1]; index + 1];
        self.cut_v4 = self.cut.clone();
        self.cut_v6 = self.cut.clone();
        index
    }

    /// `configs` as nodes, all started now.
    pub fn started(seed: u64, latency: u64, configs: &[Config]) -> Self {
        let mut world = Self::new(seed, latency);
        for config in configs {
            let node = world.add(*config);
            world.event(node, Event::Start);
        }
        world
    }

    /// All nodes in both families, with the order of their IPv6 addresses the same as that of their
    /// IPv4 addresses, or reversed.
    pub fn in_both_families(&mut self, reversed: bool) {
        for (node, last) in self.nodes.iter_mut().zip(1..) {
            let mut address = [0; 16];
            (address[0], address[1]) = (0xfe, 0x80);
            address[15] = if reversed { 100 - last } else { last };
            node.sources.v6 = Some(address);
        }
    }

    pub fn machine(&self, node: usize) -> &Machine {
        match &self.nodes[node].kind {
            Kind::Ours(machine) => machine,
            Kind::Foreign(_) => panic!("node {node} is not ours"),
        }
    }

    /// The host is set back to an earlier state, as a virtual machine to a snapshot.
    pub fn set_back(&mut self, node: usize, to: Machine) {
        self.nodes[node].kind = Kind::Ours(Box::new(to));
        self.note();
    }

    pub fn event(&mut self, node: usize, event: Event) {
        let now = self.now;
        self.set_clock(node);
        let actions = match &mut self.nodes[node].kind {
            Kind::Ours(machine) => machine.event(now, event),
            Kind::Foreign(_) => panic!("node {node} is not ours"),
        };
        self.carry_out(node, actions);
    }

    pub fn start_foreign(&mut self, node: usize) {
        let now = self.now;
        if let Kind::Foreign(foreign) = &mut self.nodes[node].kind {
            foreign.start(now);
        }
    }

    /// Separates `side` from all others, in both directions; nobody, if it is empty.
    pub fn partition(&mut self, side: &[usize]) {
        for a in 0..self.nodes.len() {
            for b in 0..self.nodes.len() {
                self.cut[a][b] = side.contains(&a) != side.contains(&b);
            }
        }
    }

    pub fn kill(&mut self, node: usize) {
        self.nodes[node].alive = false;
        self.note();
    }

    pub fn masters(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|&node| self.nodes[node].is_master())
            .collect()
    }

    pub fn run_for(&mut self, duration: u64) {
        self.run_until(self.now + duration, |_| false);
    }

    /// Runs until `wanted`, and says when that was; at most until `limit`.
    pub fn run_until(&mut self, limit: u64, wanted: impl Fn(&Self) -> bool) -> Option<u64> {
        for _ in 0..STEPS_MAX {
            if wanted(self) {
                return Some(self.now);
            }
            let timer = (0..self.nodes.len())
                .filter_map(|node| Some((self.nodes[node].deadline()?, node)))
                .min();
            let flight = self.flights.keys().next().copied();
            let next = timer.map(|(at, _)| at).into_iter();
            let next = next.chain(flight.map(|(at, _)| at)).min();
            match next {
                Some(at) if at <= limit => self.now = self.now.max(at),
                _ => {
                    self.now = limit;
                    return None;
                }
            }
            match (timer, flight) {
                (Some((_, node)), None) => self.expire(node),
                (Some((at, node)), Some((arrival, _))) if at <= arrival => self.expire(node),
                (_, Some(key)) => self.arrive(key),
                (None, None) => (),
            }
        }
        panic!("no end after {STEPS_MAX} steps");
    }

    /// The longest time since `start` that at least two nodes were MASTER.
    pub fn longest_dual(&self, start: u64) -> u64 {
        let ends = self.log.iter().skip(1).map(|(at, _)| *at);
        self.log
            .iter()
            .zip(ends.chain([self.now]))
            .fold((0, 0), |(longest, current), ((begin, masters), end)| {
                let span = end.saturating_sub(*begin.max(&start));
                let current = if masters.len() > 1 { current + span } else { 0 };
                (current.max(longest), current)
            })
            .0
    }

    /// Whether nobody became or stopped being MASTER since `start`.
    pub fn quiet_since(&self, start: u64) -> bool {
        self.log.last().is_none_or(|(at, _)| *at <= start)
    }

    /// The wall clock is some years ahead of the one that began with this world.
    fn set_clock(&mut self, node: usize) {
        let Node {
            kind,
            clock_ahead_ms,
            ..
        } = &mut self.nodes[node];
        if let Kind::Ours(machine) = kind {
            let right_ms = 1_700_000_000_000 + self.now / MS;
            machine.set_clock(right_ms.saturating_add_signed(*clock_ahead_ms));
        }
    }

    fn expire(&mut self, node: usize) {
        let now = self.now;
        self.set_clock(node);
        match &mut self.nodes[node].kind {
            Kind::Ours(machine) => {
                let actions = machine.timeout(now);
                self.carry_out(node, actions);
            }
            Kind::Foreign(foreign) => {
                let sent = foreign.timeout(now);
                self.foreign_sends(node, sent);
            }
        }
    }

    fn arrive(&mut self, key: (u64, u64)) {
        let Some(flight) = self.flights.remove(&key) else {
            return;
        };
        self.set_clock(flight.to);
        let receiver = &mut self.nodes[flight.to];
        if !receiver.alive || self.cut[flight.from][flight.to] {
            return;
        }
        if receiver.stalled_until > self.now {
            let later = receiver.stalled_until + 1;
            self.flights.insert((later, key.1), flight);
            return;
        }
        let own = receiver.sources;
        let packet = &flight.frame[14..];
        let (family, parsed) = match packet[0] >> 4 {
            4 => (&self.cut_v4, parse_ipv4(packet)),
            _ => (&self.cut_v6, parse_ipv6(packet)),
        };
        if family[flight.from][flight.to] {
            return;
        }
        let (from, advert) = parsed.unwrap().unwrap();
        match &mut receiver.kind {
            Kind::Ours(machine) => {
                let actions = machine.advert(self.now, &own, from, &advert);
                self.carry_out(flight.to, actions.unwrap_or_default());
            }
            Kind::Foreign(foreign) => {
                let sent = foreign.heard(self.now, own.like(from), from, &advert);
                self.foreign_sends(flight.to, sent);
            }
        }
    }

    fn carry_out(&mut self, node: usize, actions: Actions) {
        self.note();
        self.nodes[node].announced += u32::from(actions.announce);
        if let Some(kind) = actions.send {
            self.send(node, kind);
        }
    }

    fn send(&mut self, node: usize, kind: AdvertKind) {
        let now = self.now;
        let Sources { v4, v6 } = self.nodes[node].sources;
        let Kind::Ours(machine) = &mut self.nodes[node].kind else {
            return;
        };
        let mut frames = Vec::new();
        if let Some(v4) = v4 {
            frames.push(frame_v4(v4, 0, &machine.next_advert(now, kind)).to_vec());
        }
        if let Some(v6) = v6 {
            frames.push(frame_v6(v6, &machine.next_advert(now, kind)).to_vec());
        }
        if self.nodes[node].sends_fail {
            self.event(node, Event::SendFailed);
        } else {
            for frame in frames {
                self.broadcast(node, frame);
            }
            self.event(node, Event::SendOk);
        }
    }

    fn foreign_sends(&mut self, node: usize, advert: Option<super::Advert>) {
        self.note();
        if let Some(advert) = advert {
            let address = self.nodes[node].sources.v4;
            let frame = frame_v4(address.unwrap_or_default(), 0, &advert);
            self.broadcast(node, frame.to_vec());
        }
    }

    fn broadcast(&mut self, from: usize, frame: Vec<u8>) {
        for to in (0..self.nodes.len()).filter(|&to| to != from) {
            if self.rng.chance(self.loss_percent) {
                continue;
            }
            self.sequence += 1;
            let frame = frame.clone();
            let flight = Flight { from, to, frame };
            let key = (self.now + self.latency, self.sequence);
            self.flights.insert(key, flight);
        }
    }

    fn note(&mut self) {
        let masters = self.masters();
        if self.log.last().is_none_or(|(_, last)| *last != masters) {
            self.log.push((self.now, masters));
        }
    }
}
