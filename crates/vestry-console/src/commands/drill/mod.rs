//! Attackers against one's own running server: the stranger, the thief and the crowd, on throw-away accounts. What each gets is
//! counted by the server's replies, never computed, and compared with what the settings promise.
//!
//! It guesses at no account but its own, fills no lanes but those of its own names and source addresses, and takes away what
//! it made, whatever happens. What it cannot give back is what it used of the registrations of the hour.
//!
//! | room | holds |
//! |---|---|
//! | [`ground`] | names and accounts of a drill, and taking all of it away |
//! | [`port`] | connections to the user port from addresses of its own |
//! | [`thief`] | an account with a password, and a session of it |
//! | [`plays`] | one attacker doing one thing for some seconds |
//! | [`cast`] | which plays there are, and from where |
//! | [`promise`] | what the settings promise |

mod cast;
mod ground;
mod plays;
mod port;
mod promise;
mod thief;

use crate::cli::DrillArgs;
use crate::console::Console;
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::progress::{Progress, grouped};
use crate::record::{Record, count, text};
use cast::Cast;
use ground::{Ground, Tidied};
use plays::{Budget, End, Play, Played, Player, Stage};
use port::UserPort;
use promise::Limits;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thief::Loot;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use vestry_protocol::admin::{Cell, Status};
use vestry_terminal::Signal;
use vestry_terminal::signals::Watch;

/// A play that got so much ends, so that a drill against high limits stays small. `--all` has no such end.
const GOT_MAX: u64 = 1_000;

/// The part of the registrations left in this hour that a drill takes: one in so many.
const REGISTRATIONS_PART: u64 = 10;

/// How often the line of progress is drawn.
const TICK: Duration = Duration::from_millis(200);

pub(super) async fn run(context: &mut Context, arguments: &DrillArgs) -> Result<(), Failure> {
    if let Some(tag) = &arguments.tidy {
        // What a drill left that was killed, or whose server was.
        let ground = Ground::of_earlier(tag)?;
        let Tidied { accounts, subjects } = ground.tidy(&mut context.console).await?;
        let count = |number| count(u64::try_from(number).unwrap_or(u64::MAX));
        let fields =
            vec![("drill", text(ground.tag())), ("deleted", count(accounts)), ("opened", count(subjects))];
        return Record::new(fields).write(context.output, context.form);
    }
    // The call that needs the role admin comes first: an operator with another one has changed nothing.
    let limits = Limits::new(context.console.read(async |client| client.limits().await).await?);
    let status = super::status::fetch(&mut context.console).await?;
    let port = Arc::new(UserPort::find(&status.listen, context.console.settings()).await?);
    let (output, ground, began) = (context.output, Arc::new(Ground::draw()?), Instant::now());
    let progress = Progress::begin(output.shows_progress(context.form));
    let mut drill = Drill {
        limits,
        status,
        port,
        ground: ground.clone(),
        output,
        progress,
        seconds: arguments.seconds,
        plays_all: arguments.all,
    };
    let mut interrupt = Interrupt::listen()?;
    let _watch = Watch::over(&[Signal::TERM]).map_err(|error| Failure::Terminal(error.to_string()))?;
    let played = tokio::select! {
        played = drill.play(&mut context.console) => played,
        stopped = told_to_stop(&mut interrupt) => Err(stopped),
    };
    drill.progress.clear();
    // A call may have been cut off in the middle.
    context.console.disconnect();
    let tidied = tokio::select! {
        tidied = ground.tidy(&mut context.console) => tidied,
        stopped = told_to_stop(&mut interrupt) => Err(stopped),
    };
    if let Ok(rows) = &played {
        write(context, rows, began.elapsed())?;
    }
    match (tidied, played) {
        (Ok(_), Ok(rows)) => judge(&rows),
        (Ok(_), Err(failure)) => Err(failure),
        (Err(cause), _) => {
            let (drill, accounts) = (ground.tag().to_owned(), ground.left());
            Err(Failure::LeftBehind { drill, accounts, cause: Box::new(cause) })
        }
    }
}

/// Waits for Ctrl-C, or for the signal by which a service manager or `timeout` ends a program.
async fn told_to_stop(interrupt: &mut Interrupt) -> Failure {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return Failure::Terminal(error.to_string()),
    };
    tokio::select! {
        () = interrupt.pressed() => {}
        _ = terminate.recv() => {}
    }
    Failure::Interrupted
}

/// A drill before and while it is played.
struct Drill {
    limits: Limits,
    status: Status,
    port: Arc<UserPort>,
    ground: Arc<Ground>,
    output: Output,
    progress: Progress,
    seconds: u64,
    plays_all: bool,
}

impl Drill {
    /// Plays everything, a player after the other.
    async fn play(&mut self, console: &mut Console) -> Result<Vec<Played>, Failure> {
        // A drill that was killed left its sources throttled.
        self.ground.open_lanes(console).await?;
        let loot = Loot::take(&self.ground, console, &self.port).await?;
        let left = self.status.registrations_max.saturating_sub(self.status.registrations);
        let registrations = if self.plays_all { u64::MAX } else { left / REGISTRATIONS_PART };
        let cast = Cast { limits: &self.limits, seconds: self.seconds, taken: loot.name.clone() };
        let mut acts = Vec::new();
        if self.port.has_sources() {
            acts.push(cast.stranger(self.ground.make_account(console).await?.0)?);
        } else {
            self.output.talk(
                "The stranger and the crowd are left out: no connection from 127.77.0.0/16 reaches the user port.",
            );
        }
        acts.push(cast.thief()?);
        if self.port.has_sources() {
            acts.push(cast.crowd(self.ground.make_account(console).await?.0)?);
        }
        let stage = Arc::new(Stage {
            port: self.port.clone(),
            ground: self.ground.clone(),
            loot,
            time: Duration::from_secs(self.seconds),
            most: if self.plays_all { u64::MAX } else { GOT_MAX },
            registrations: Budget::new(registrations),
        });
        let mut rows = Vec::new();
        for plays in acts {
            rows.extend(self.play_together(plays, &stage).await?);
        }
        if self.plays_all && self.port.has_sources() {
            let now = super::status::fetch(console).await?;
            let cast = Cast { limits: &self.limits, seconds: self.seconds, taken: String::new() };
            let everywhere = cast.everywhere(now.registrations)?;
            rows.extend(self.play_together(vec![everywhere], &stage).await?);
        }
        self.tell_what_was_cut(&rows, registrations, left);
        rows.retain(|row| row.got > 0 || row.end == End::TimeOver);
        Ok(rows)
    }

    /// Plays what one player does, all at once; the rows in their order.
    async fn play_together(&mut self, plays: Vec<Play>, stage: &Arc<Stage>) -> Result<Vec<Played>, Failure> {
        let player = plays.first().map_or(Player::Stranger, |play| play.player);
        let mut running = JoinSet::new();
        for (place, play) in plays.into_iter().enumerate() {
            let stage = stage.clone();
            running.spawn(async move { play.play(stage).await.map(|played| (place, played)) });
        }
        let (began, mut tick) = (Instant::now(), tokio::time::interval(TICK));
        let mut rows = Vec::new();
        loop {
            tokio::select! {
                joined = running.join_next() => match joined {
                    Some(Ok(played)) => rows.push(played?),
                    Some(Err(_)) => return Err(Failure::Drill("a play broke off".to_owned())),
                    None => break,
                },
                _ = tick.tick() => {
                    let passed = began.elapsed().as_secs().min(self.seconds);
                    self.progress.tell(&format!("{}: {passed} s of {}", player.as_str(), self.seconds));
                }
            }
        }
        rows.sort_by_key(|(place, _)| *place);
        Ok(rows.into_iter().map(|(_, played)| played).collect())
    }

    fn tell_what_was_cut(&mut self, rows: &[Played], registrations: u64, left: u64) {
        self.progress.clear();
        if rows.iter().any(|row| row.end == End::Closed) {
            self.output.talk("Registration is closed: accounts made and names told are left out.");
        }
        if rows.iter().any(|row| row.end == End::BudgetUsed) {
            self.output.talk(format_args!(
                "Registrations stopped at {} of the {} left to all in this hour (see --all).",
                grouped(registrations),
                grouped(left)
            ));
        }
        if rows.iter().any(|row| row.end == End::Enough) {
            let most = grouped(GOT_MAX);
            self.output.talk(format_args!("What got {most} was stopped there (see --all)."));
        }
    }
}

impl Played {
    fn exceeds(&self) -> bool {
        self.limit.is_some_and(|limit| self.got > limit)
    }

    fn verdict(&self) -> &'static str {
        match (self.limit, self.end) {
            (Some(_), _) if self.exceeds() => "exceeded",
            (_, End::Enough | End::BudgetUsed | End::Closed) => "cut short",
            (Some(_), End::TimeOver) => "within",
            (None, End::TimeOver) => "no limit",
        }
    }
}

fn write(context: &Context, rows: &[Played], elapsed: Duration) -> Result<(), Failure> {
    let mut stdout = context.output.stdout();
    let mut writer = context.output.row_format(context.form).writer(context.output.width());
    let written = (|| {
        let columns = ["player", "what", "limit", "got", "verdict"];
        writer.columns(columns.map(str::to_owned).to_vec(), &mut stdout)?;
        for row in rows {
            let limit = row.limit.map_or(Cell::Null, count);
            let cells =
                [text(row.player.as_str()), text(row.what), limit, count(row.got), text(row.verdict())];
            writer.row(&cells, &mut stdout)?;
        }
        writer.end(elapsed, &mut stdout)?;
        stdout.flush()
    })();
    written.map_err(Failure::Output)
}

fn judge(rows: &[Played]) -> Result<(), Failure> {
    let exceeded = rows.iter().filter(|row| row.exceeds()).count();
    if exceeded == 0 { Ok(()) } else { Err(Failure::LimitsExceeded { exceeded, limits: rows.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(limit: Option<u64>, got: u64, end: End) -> Played {
        Played { player: Player::Thief, what: "guesses with one session", limit, got, end }
    }

    #[test]
    fn a_row_beyond_its_limit_is_told_and_fails_the_drill() {
        let good = [
            (played(Some(8), 8, End::TimeOver), "within"),
            (played(Some(8), 3, End::Enough), "cut short"),
            (played(Some(60), 10, End::BudgetUsed), "cut short"),
            (played(None, 900, End::TimeOver), "no limit"),
        ];
        for (row, verdict) in good {
            assert_eq!(row.verdict(), verdict);
            assert!(judge(&[row]).is_ok());
        }
        for end in [End::TimeOver, End::Enough, End::BudgetUsed] {
            let bad = played(Some(8), 9, end);
            assert_eq!(bad.verdict(), "exceeded");
            let failure = judge(&[played(Some(8), 8, End::TimeOver), bad]).unwrap_err();
            assert!(matches!(failure, Failure::LimitsExceeded { exceeded: 1, limits: 2 }));
            assert_eq!(crate::exit::exit_for(&failure), vestry_terminal::Exit::BadData);
        }
    }
}
