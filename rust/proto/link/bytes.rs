// SPDX-License-Identifier: GPL-2.0
//! Bytes of any packet: the Internet checksum, and parts put together.

/// The Internet checksum (RFC 1071) over `bytes`; 0 over bytes that hold a right one.
pub fn checksum(bytes: &[u8]) -> u16 {
    !sum(0, bytes)
}

/// `so_far` and the one's complement sum of the 16-bit words of `bytes`, a last odd byte being the
/// high one of a word.
pub fn sum(so_far: u16, bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(so_far, |sum, word| {
        let word = match *word {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        let (sum, carry) = sum.overflowing_add(word);
        sum.wrapping_add(u16::from(carry))
    })
}

/// `parts` one after the other. Together they are as long as the array. Nothing here may panic, so
/// the tests check that for each caller.
pub fn concat<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut whole = [0; LEN];
    for (to, from) in whole.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    whole
}
