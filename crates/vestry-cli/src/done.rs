//! What a server has done, together with what could not be kept of it on this machine.
//!
//! Behind the point of no return no error of this machine may take the place of the result. So a call that changes something
//! returns [`Done`], which is opened in one way: by saying what was done, first, and then what could not be kept.

use crate::advice::mend_for_state;
use crate::failure::Failure;
use crate::output::{Output, json_line, write_line, write_text};
use serde::Serialize;
use std::fmt;
use std::io;

/// What the server has done.
#[derive(Debug)]
#[must_use = "what the server did has to be said"]
pub(crate) struct Done<T> {
    what: T,
    unkept: Unkept,
}

/// What could not be kept of it here.
#[derive(Debug, Default)]
pub(crate) struct Unkept {
    /// What a person has to mend: the run ends with the last one.
    lost: Vec<Failure>,
    /// What mends itself.
    missed: Vec<Failure>,
}

impl Unkept {
    /// Something was lost that a person has to mend, by this command.
    pub(crate) fn lose(&mut self, what: &'static str, cause: impl Into<Failure>, mend: impl fmt::Display) {
        self.lost.push(not_kept(what, cause.into(), mend));
    }

    /// Something was missed that the next login does.
    pub(crate) fn miss(&mut self, what: &'static str, cause: impl Into<Failure>) {
        let cause = cause.into();
        // A registration and the login behind it may miss the same.
        if self
            .missed
            .iter()
            .any(|missed| matches!(missed, Failure::NotKept { what: other, .. } if *other == what))
        {
            return;
        }
        let mend = match &cause {
            Failure::State(error) => mend_for_state(error),
            _ => None,
        };
        let mend = mend.map(|mend| format!("\n{mend}")).unwrap_or_default();
        self.missed.push(not_kept(what, cause, format_args!("The next login tries again.{mend}")));
    }
}

fn not_kept(what: &'static str, cause: Failure, mend: impl fmt::Display) -> Failure {
    Failure::NotKept { what, cause: Box::new(cause), mend: mend.to_string() }
}

impl<T> Done<T> {
    /// What a server has just answered. Only a link makes one.
    pub(crate) fn by_server(what: T) -> Self {
        Self { what, unkept: Unkept::default() }
    }

    /// Goes on with the result; what cannot be kept is handed to [`Unkept`].
    pub(crate) fn map<U>(mut self, next: impl FnOnce(T, &mut Unkept) -> U) -> Done<U> {
        let what = next(self.what, &mut self.unkept);
        Done { what, unkept: self.unkept }
    }

    /// As [`Done::map`], for what needs the server again.
    pub(crate) async fn then<U>(mut self, next: impl AsyncFnOnce(T, &mut Unkept) -> U) -> Done<U> {
        let what = next(self.what, &mut self.unkept).await;
        Done { what, unkept: self.unkept }
    }

    /// Has the result as a part of something larger that was done, and is said with it.
    pub(crate) fn within(self, whole: &mut Unkept) -> T {
        whole.lost.extend(self.unkept.lost);
        whole.missed.extend(self.unkept.missed);
        self.what
    }

    /// Says what was done, then what could not be kept. The failure is the last thing that was lost, and is not said yet.
    pub(crate) fn tell(self, output: Output, say: impl FnOnce(&T, Teller) -> Told) -> Result<T, Failure> {
        let (what, lost) = self.say(output, say);
        lost.map_or(Ok(what), Err)
    }

    /// As [`Done::tell`], where the program goes on after a failure: everything is said.
    pub(crate) fn tell_on(self, output: Output, say: impl FnOnce(&T, Teller) -> Told) -> T {
        let (what, lost) = self.say(output, say);
        lost.iter().for_each(|failure| output.failure(failure));
        what
    }

    fn say(self, output: Output, say: impl FnOnce(&T, Teller) -> Told) -> (T, Option<Failure>) {
        let Self { what, unkept: Unkept { mut lost, missed } } = self;
        let Told(said) = say(&what, Teller { output });
        lost.extend(said.err());
        let last = lost.pop();
        for (at, failure) in missed.iter().enumerate() {
            // What mends several is said behind the last of them.
            let next = missed.get(at + 1).and_then(Failure::advice);
            match next.is_some() && next == failure.advice() {
                true => output.problem(failure),
                false => output.failure(failure),
            }
        }
        lost.iter().for_each(|failure| output.failure(failure));
        (what, last)
    }
}

impl<T, E> Done<Result<T, E>> {
    /// Has what was done, unless it was undone again: then there is nothing to say but why.
    pub(crate) fn unless_undone(self) -> Result<Done<T>, E> {
        Ok(Done { what: self.what?, unkept: self.unkept })
    }
}

/// Says what was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teller {
    output: Output,
}

/// It was said, on standard output or else on standard error.
#[derive(Debug)]
pub(crate) struct Told(Result<(), Failure>);

impl Teller {
    /// As the answer of a command, in the form that was asked for.
    pub(crate) fn answer(self, json: &impl Serialize, text: impl fmt::Display) -> Told {
        let written = match self.output.is_json() {
            true => json_line(json).and_then(|line| write_line(&line)),
            false => write_text(&text),
        };
        self.told(text, written)
    }

    /// As text for stdout.
    pub(crate) fn lines(self, text: impl fmt::Display) -> Told {
        let written = write_text(&text);
        self.told(text, written)
    }

    /// As talk for the person at the terminal.
    pub(crate) fn talk(self, text: impl fmt::Display) -> Told {
        self.output.talk(text);
        Told(Ok(()))
    }

    /// What could not be written there is said to the person.
    fn told(self, text: impl fmt::Display, written: io::Result<()>) -> Told {
        Told(written.map_err(|error| {
            self.output.talk(text);
            Failure::Unwritten(error)
        }))
    }
}
