// SPDX-License-Identifier: GPL-2.0
//! Those that wait until everything that was asked of one parent before is done.

use crate::sys::genl::Completion;
use kernel::{prelude::*, sync::Arc};

/// Are told when this is dropped.
pub(crate) struct Answers(KVec<Arc<Completion>>);

impl Answers {
    /// So many can wait for the same.
    const ROOM: usize = 32;

    pub(crate) fn new(first: Arc<Completion>) -> Result<Self> {
        let mut answers = KVec::with_capacity(Self::ROOM, GFP_KERNEL)?;
        answers.push_within_capacity(first).or(Err(ENOMEM))?;
        Ok(Self(answers))
    }

    /// There is room for another one.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < Self::ROOM
    }

    /// Those of `other` as well, for which there is room.
    pub(super) fn append(&mut self, other: &mut Self) {
        while let Some(answer) = other.0.pop() {
            // Without room, which is asked for before, this one is told too early.
            let _ = self.0.push_within_capacity(answer);
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in &self.0 {
            answer.complete();
        }
    }
}
