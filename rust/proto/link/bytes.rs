// SPDX-License-Identifier: GPL-2.0
//! Bytes of any packet: the Internet checksum, and parts put together.

/// The Internet checksum (RFC 1071) over `bytes`; 0 over bytes that hold a right one.
pub fn checksum(bytes: &[u8]) -> u16 {
    !sum(0, bytes)
}

/// `so_far` and the one's complement sum of the 16-bit words of `bytes`, a last odd byte being the
/// high one of a word.
pub fn sum(so_far: u16, bytes: &[u8]) -> u16 {
    let pairs = bytes.chunks_exact(4);
    let rest = match *pairs.remainder() {
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c] => [a, b, c, 0],
        _ => [0; 4],
    };
    // Two words at a time: their carries add up above them, and are added at the end.
    let add = |sum: u64, pair: [u8; 4]| sum.wrapping_add(u32::from_be_bytes(pair).into());
    let sum = pairs.fold(add(so_far.into(), rest), |sum, pair| match *pair {
        [a, b, c, d] => add(sum, [a, b, c, d]),
        _ => sum,
    });
    let folded = (0..4).fold(sum, |sum, _| (sum & 0xffff).wrapping_add(sum >> 16));
    let [.., high, low] = folded.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// `parts` one after the other. Together they are as long as the array. Nothing here may panic, so
/// the tests check that for each caller.
#[inline(always)] // Their lengths are known there, so nothing is left of the loop.
pub fn concat<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut whole = [0; LEN];
    let mut rest = whole.as_mut_slice();
    for part in parts {
        let Some((to, after)) = rest.split_at_mut_checked(part.len()) else {
            break;
        };
        to.copy_from_slice(part);
        rest = after;
    }
    whole
}
