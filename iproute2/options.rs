// SPDX-License-Identifier: GPL-2.0

//! `ip link add|set ... type carp OPTIONS`.
//!
//! What is refused here is what cannot be put into an attribute. Ranges, and which options go
//! together, are the kernel's: it explains itself, and in one place.

use core::ffi::CStr;

use crate::ip::command::{complain_of, second_value, wrong_argument, Arguments};
use crate::ip::message::Request;
use crate::key::Key;
use crate::refused::{refuse, Refused};
use crate::uapi::*;

pub const HELP: &CStr = c"\
Usage: ip link add DEVICE link PARENT type carp vhid VHID [ OPTIONS ]
       ip link set DEVICE type carp OPTIONS

OPTIONS := [ advbase SECONDS ] [ advskew SKEW ]
           [ { pass PASSPHRASE | passfile FILE | key HEX } ]
           [ preempt { on | off } ] [ demotion DEMOTION ]
           [ strict { on | off } ] [ group NAME ] [ grace SECONDS ]
           [ state { backup | master } ]

Where:  VHID       := 1..255, the virtual host on PARENT
        SECONDS    := 0..255, between two adverts; default 1
        SKEW       := 0..254, added to that in 1/256 s, the smallest is MASTER;
                      default 0
        PASSPHRASE := at most 19 bytes, the same on all hosts; `ps` shows it
        FILE       := has the passphrase in its first line, - is stdin
        HEX        := at most 20 bytes of key in hex digits, instead of a
                      passphrase
        DEMOTION   := 0..240, how unfit this host is; default 0

        grace      := 0..3600, seconds for which peers may differ in their
                      addresses while these change; default 60
        NAME       := at most 15 characters; devices with the same name fail over
                      together; \"\" is none

        preempt      take over from a MASTER that adverts less often
        strict       refuse adverts whose counter does not grow
";

/// What follows an option's name.
enum Takes {
    Number,
    Switch,
    State,
    Name,
    Key(fn(&CStr) -> Result<Key, Refused>),
}

const OPTIONS: &[(&CStr, u16, Takes)] = &[
    (c"vhid", IFLA_CARP_VHID, Takes::Number),
    (c"advbase", IFLA_CARP_ADVBASE, Takes::Number),
    (c"advskew", IFLA_CARP_ADVSKEW, Takes::Number),
    (c"pass", IFLA_CARP_KEY, Takes::Key(Key::from_passphrase)),
    (c"passfile", IFLA_CARP_KEY, Takes::Key(Key::from_file)),
    (c"key", IFLA_CARP_KEY, Takes::Key(Key::from_hex)),
    (c"preempt", IFLA_CARP_PREEMPT, Takes::Switch),
    (c"demotion", IFLA_CARP_DEMOTION, Takes::Number),
    (c"strict", IFLA_CARP_STRICT, Takes::Switch),
    (c"grace", IFLA_CARP_GRACE, Takes::Number),
    (c"group", IFLA_CARP_GROUP, Takes::Name),
    (c"state", IFLA_CARP_STATE, Takes::State),
];

pub fn parse(mut arguments: Arguments<'_>, request: &mut Request<'_>) -> Result<(), Refused> {
    // One bit for each attribute asked for.
    let mut seen: u32 = 0;

    while let Some(word) = arguments.next() {
        if word == c"help" {
            return refuse(HELP);
        }
        let Some((option, attribute, takes)) = OPTIONS.iter().find(|(name, ..)| *name == word)
        else {
            complain_of(c"carp: unknown option", word, c"?");
            return refuse(HELP);
        };
        let value = arguments.value();

        let bit = 1 << attribute;
        if seen & bit != 0 {
            match takes {
                // The value is a secret, and two different options may have met.
                Takes::Key(_) => second_value(c"pass|passfile|key", option),
                _ => second_value(option, value),
            }
        }
        seen |= bit;

        let added = match takes {
            Takes::Number => request.add(*attribute, &number(option, value).to_ne_bytes()),
            Takes::Switch => request.add(*attribute, &[switch(option, value)]),
            Takes::State => request.add(*attribute, &[state(option, value)]),
            Takes::Name => request.add(*attribute, value.to_bytes_with_nul()),
            Takes::Key(read) => request.add(*attribute, read(value)?.as_bytes()),
        };
        if !added {
            return Err(Refused);
        }
    }
    Ok(())
}

/// Decimal digits only: `ip`'s own functions would read "010" as 8, and " -0" as 0.
fn number(option: &CStr, value: &CStr) -> u32 {
    let digits = value.to_str().unwrap_or_default();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(number) = digits.parse() {
            return number;
        }
    }
    wrong_argument(option, c"a whole number", value)
}

fn switch(option: &CStr, value: &CStr) -> u8 {
    match value.to_bytes() {
        b"on" => 1,
        b"off" => 0,
        _ => wrong_argument(option, c"\"on\" or \"off\"", value),
    }
}

fn state(option: &CStr, value: &CStr) -> u8 {
    match value.to_bytes() {
        b"backup" => CARP_STATE_BACKUP,
        b"master" => CARP_STATE_MASTER,
        _ => wrong_argument(option, c"\"backup\" or \"master\"", value),
    }
}
