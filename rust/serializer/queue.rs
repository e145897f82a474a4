// SPDX-License-Identifier: GPL-2.0
//! The queue of a group: the current operation, what it waits for, and the operations after it.
//!
//! ```text
//!              start            progress
//!   idle ───────────> running ───────────> idle, turn, memory, reclaim or quiesce
//!                       ^
//!                       └── step ── turn, memory
//!
//!   reclaim ── what it replaced is freed ──> idle
//!   quiesce ── what it replaced is freed ──> rest ── at rest ──> turn
//!                                              └──> parked ── at rest ──> turn
//! ```
//!
//! What each event does in each state: the decision, and the capital letter of the next state if it
//! is another one. The types rule out what is blank. `tests/proto/tests/serializer/table.rs`
//! compares this table with what the code does.
//!
//! ```text
//! event                        Idle     Running  Turn     Memory   reClaim  Quiesce  rEst     Parked
//! submit                       wait     wait     wait     wait     wait     wait     wait     wait
//! submit, it folds             wait     wait     wait     wait     fold     wait     wait     wait
//! submit, it folds, one waits  wait     wait     wait     wait     wait     wait     wait     wait
//! start, none waits            -        -        -        -        -        -        -        -
//! start, one waits             start R  -        -        -        -        -        -        -
//! start, no memory for two     fail     -        -        -        -        -        -        -
//! step                         -        -        run R    run R    -        -        -        -
//! step over: finished                   finish I
//! step over: again                      T
//! step over: no memory                  M
//! step over: reclaim                    C
//! step over: quiesce                    Q
//! at once                      own R    part     part     part     part     part     part     part
//! at once, over                         I
//! look                         -        -        step     memory   free     free     park P   -
//! look, one waits              start    -        step     memory   free     free     park P   -
//! look, what waits folds       start    -        step     memory   fold+    free     park P   -
//! look, at rest                -        -        step     memory   free     free     again T  resume T
//! fold next, none folds        -        -        -        -        -        -        -        -
//! fold next, one folds         -        -        -        -        fold     -        -        -
//! freed                        again    again    again    again    finish I again E  again    again
//! freed, more is replaced      again    again    again    again    again    again    again    again
//! freed, one is being folded                                       -
//! ```

use super::{
    kind::{Census, Kind},
    operation::{NoMemory, Operation, Subject},
    waiting::{Added, Waiting},
};

/// What the current operation waits for.
enum State<O: Operation> {
    /// There is none.
    Idle,
    /// The end of a step that runs.
    Running(O::Summary),
    /// Its next step.
    Turn(O),
    /// Memory for the step.
    Memory(O),
    /// The grace period after which what it replaced is freed. Nothing else is left to do.
    /// `folding` operations are being folded in.
    Reclaim { current: O, folding: usize },
    /// The grace period after which what it replaced is freed, and nobody can find its virtual
    /// hosts.
    Quiesce(O),
    /// A look at whether its virtual hosts are at rest.
    Rest(O),
    /// The last user of its virtual hosts.
    Parked(O),
}

/// What comes after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Nothing.
    Finished,
    /// Another step.
    Again,
    /// The same step, when there is memory.
    NoMemory,
    /// What was replaced is to be freed, and nothing else.
    Reclaim,
    /// What was replaced is to be freed, and the virtual hosts are to come to rest; then another
    /// step.
    Quiesce,
}

/// Evidence that a step of the current operation is being run.
#[must_use]
pub struct Step<O>(O);

impl<O> Step<O> {
    /// The current operation.
    pub fn operation(&mut self) -> &mut O {
        &mut self.0
    }
}

/// Evidence that an operation is being folded into the current one.
#[must_use]
pub struct Fold<O>(O);

impl<O> Fold<O> {
    /// The one that is folded.
    pub fn operation(&mut self) -> &mut O {
        &mut self.0
    }
}

/// Evidence that something without an operation of its own is current.
#[must_use]
pub struct AtOnce(());

/// What is to be done about a new operation.
#[must_use]
pub enum Submitted<O> {
    /// It is to be carried out now, as a part of the current one.
    Fold(Fold<O>),
    /// It waits, or it was merged with one that does.
    Added(Added<O>),
}

/// What the caller of [`Queue::look`] has to do.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Nothing, until the next look.
    Nothing,
    /// Start what waits.
    Start,
    /// Run a step.
    Step,
    /// Wait for memory, and run a step.
    Memory,
    /// Fold what waits, if it can be. Then free what was replaced on the parent of the current
    /// operation, after a grace period. If nothing is left to free, call [`Queue::freed`].
    Free {
        /// What waits first can be folded.
        folds: bool,
    },
    /// Nothing: the current operation has been parked. There is another look when the last user
    /// leaves.
    Park,
    /// Look again: the current operation was parked, and is at rest now.
    Resume,
    /// Look again.
    Again,
}

/// What has to be done when everything that was replaced is freed.
#[must_use]
pub enum Freed<O> {
    /// Nothing: an operation is being folded in, and there is another look after that.
    Folding,
    /// Look again.
    Again,
    /// The operation is done. Look again.
    Finish(O),
}

/// The operations of a group.
pub struct Queue<O: Operation> {
    state: State<O>,
    waiting: Waiting<O>,
}

impl<O: Operation> Default for Queue<O> {
    fn default() -> Self {
        Self::new()
    }
}

/// Events.
impl<O: Operation> Queue<O> {
    /// Without room, until some is promised.
    pub fn new() -> Self {
        Self {
            state: State::Idle,
            waiting: Waiting::new(),
        }
    }

    /// Reserves room for all that can be submitted about these. If it fails, nothing has changed.
    pub fn promise(&mut self, more: Census) -> Result<(), NoMemory> {
        self.waiting.promise(more)
    }

    /// Takes a promise back.
    pub fn release(&mut self, less: Census) {
        self.waiting.release(less);
    }

    /// Submits an operation.
    pub fn submit(&mut self, operation: O) -> Submitted<O> {
        let is_next = self.waiting.first().is_none();
        match &self.state {
            State::Reclaim { current, .. } if is_next && folds_into(&operation, current) => {
                Submitted::Fold(self.fold(operation))
            }
            _ => Submitted::Added(self.waiting.add(operation)),
        }
    }

    /// The operation that would start now. It remains the first.
    pub fn next_to_start(&mut self) -> Option<&mut O> {
        match self.state {
            State::Idle => self.waiting.first_mut(),
            _ => None,
        }
    }

    /// Starts the first operation that waits, if nothing is current. If it fails, nothing has
    /// changed.
    pub fn start(&mut self) -> Result<Option<Step<O>>, NoMemory> {
        let State::Idle = self.state else {
            return Ok(None);
        };
        let first = self.waiting.take_first()?;
        Ok(first.map(|first| self.run(first)))
    }

    /// Begins the next step of the current operation, if it waits for that.
    pub fn step(&mut self) -> Option<Step<O>> {
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Turn(current) | State::Memory(current) => Some(self.run(current)),
            other => {
                self.state = other;
                None
            }
        }
    }

    fn run(&mut self, current: O) -> Step<O> {
        self.state = State::Running(current.summary());
        Step(current)
    }

    /// A step is over. Returns the operation if it is done.
    #[must_use]
    pub fn progress(&mut self, Step(current): Step<O>, progress: Progress) -> Option<O> {
        let (state, finished) = match progress {
            Progress::Finished => (State::Idle, Some(current)),
            Progress::Again => (State::Turn(current), None),
            Progress::NoMemory => (State::Memory(current), None),
            Progress::Reclaim => {
                let folding = 0;
                (State::Reclaim { current, folding }, None)
            }
            Progress::Quiesce => (State::Quiesce(current), None),
        };
        self.state = state;
        finished
    }

    /// Something begins that cannot wait for its turn. If nothing is current, it is current from
    /// now on. `None`: it is a part of the current operation.
    pub fn at_once(&mut self, summary: O::Summary) -> Option<AtOnce> {
        let State::Idle = self.state else {
            return None;
        };
        self.state = State::Running(summary);
        Some(AtOnce(()))
    }

    /// What [`Queue::at_once`] began is over.
    pub fn at_once_is_over(&mut self, _: AtOnce) {
        self.state = State::Idle;
    }

    /// Says what has to be done. To be called when the last user has left, when there is something
    /// to start, and when an earlier call says so.
    pub fn look(&mut self) -> Due {
        let folds = self.next_folds();
        let (state, due) = match core::mem::replace(&mut self.state, State::Idle) {
            State::Idle if self.waiting.first().is_some() => (State::Idle, Due::Start),
            State::Idle => (State::Idle, Due::Nothing),
            running @ State::Running(_) => (running, Due::Nothing),
            turn @ State::Turn(_) => (turn, Due::Step),
            memory @ State::Memory(_) => (memory, Due::Memory),
            freeing @ (State::Reclaim { .. } | State::Quiesce(_)) => (freeing, Due::Free { folds }),
            State::Rest(current) if current.is_at_rest() => (State::Turn(current), Due::Again),
            State::Parked(current) if current.is_at_rest() => (State::Turn(current), Due::Resume),
            State::Rest(current) => (State::Parked(current), Due::Park),
            parked @ State::Parked(_) => (parked, Due::Nothing),
        };
        self.state = state;
        due
    }

    /// The first operation that waits can be folded into the current one.
    fn next_folds(&self) -> bool {
        match (&self.state, self.waiting.first()) {
            (State::Reclaim { current, .. }, Some(next)) => folds_into(next, current),
            _ => false,
        }
    }

    /// Begins to fold the first operation that waits into the current one, if that is possible.
    pub fn fold_next(&mut self) -> Option<Fold<O>> {
        if !self.next_folds() {
            return None;
        }
        let next = self.waiting.take(|_| true)?;
        Some(self.fold(next))
    }

    fn fold(&mut self, operation: O) -> Fold<O> {
        if let State::Reclaim { folding, .. } = &mut self.state {
            *folding = folding.saturating_add(1);
        }
        Fold(operation)
    }

    /// An operation has been carried out as a part of the current one. Returns it.
    pub fn folded(&mut self, Fold(operation): Fold<O>) -> O {
        if let State::Reclaim { folding, .. } = &mut self.state {
            *folding = folding.saturating_sub(1);
        }
        operation
    }

    /// Nothing is left to free. This is not a step, since a step waits for its turn. So whoever
    /// submits finds the current operation either open to be folded into, or finished.
    pub fn freed(&mut self) -> Freed<O> {
        let (state, freed) = match core::mem::replace(&mut self.state, State::Idle) {
            folding @ State::Reclaim { folding: 1.., .. } => (folding, Freed::Folding),
            State::Reclaim { current, .. } if !current.has_retired() => {
                (State::Idle, Freed::Finish(current))
            }
            State::Quiesce(current) if !current.has_retired() => {
                (State::Rest(current), Freed::Again)
            }
            other => (other, Freed::Again),
        };
        self.state = state;
        freed
    }

    /// Removes the first waiting operation that `which` is true of. It will not be carried out.
    pub fn take(&mut self, which: impl FnMut(&O) -> bool) -> Option<O> {
        self.waiting.take(which)
    }

    /// The list for [`Queue::part`], with room for the operations that stay.
    pub fn room_to_part(&self) -> Result<O::List, NoMemory> {
        self.waiting.like()
    }

    /// Some parents have left the group. Returns all waiting operations, and keeps `room` in their
    /// place. Each has to be [received](Queue::receive), in this order, by the queue that its
    /// parent now belongs to. The current operation stays, as its parent does.
    pub fn part(&mut self, room: O::List) -> O::List {
        self.waiting.exchange(room)
    }

    /// Receives an operation that waited in another queue. It waits after those that wait here.
    /// There is room for it.
    pub fn receive(&mut self, operation: O) -> Added<O> {
        self.waiting.push(operation)
    }
}

/// What can be shown of it.
impl<O: Operation> Queue<O> {
    /// Nothing is current.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// The current operation waits for the last user.
    pub fn is_parked(&self) -> bool {
        matches!(self.state, State::Parked(_))
    }

    /// The current operation, unless a step of it runs.
    pub fn paused(&self) -> Option<&O> {
        match &self.state {
            State::Idle | State::Running(_) => None,
            State::Turn(current)
            | State::Memory(current)
            | State::Reclaim { current, .. }
            | State::Quiesce(current)
            | State::Rest(current)
            | State::Parked(current) => Some(current),
        }
    }

    /// What can be shown of what is current.
    pub fn current(&self) -> Option<O::Summary> {
        match &self.state {
            State::Running(summary) => Some(*summary),
            _ => self.paused().map(O::summary),
        }
    }

    /// The waiting operations, in their order.
    pub fn waiting(&self) -> &[O] {
        self.waiting.list()
    }

    /// How many have waited at once, at most.
    pub fn longest(&self) -> usize {
        self.waiting.longest()
    }

    /// What there is room for.
    pub fn census(&self) -> Census {
        self.waiting.census()
    }

    /// The waiting operation that one of this kind, about this subject, would be merged with.
    pub fn mergeable(&self, kind: Kind, subject: Subject) -> Option<&O> {
        self.waiting.mergeable(kind, subject)
    }
}

/// `operation` can be carried out as a part of `current`, which only waits to free what it
/// replaced.
fn folds_into<O: Operation>(operation: &O, current: &O) -> bool {
    operation.kind().folds()
        && !operation.regroups()
        && operation.subject().parent == current.subject().parent
}
