//! A story told at a pace, with a server beside it that shows the host as of the last pass.

use super::Telling;
use crate::config::Settings;
use crate::serving::{self, Door, ENDED_UNASKED, Shown};
use crate::signals::Signals;
use crate::{clock, site_past};
use scrubjay_exporters::http::Board;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a story takes unless somebody says otherwise.
const TOLD_WITHIN: Duration = Duration::from_secs(150);

/// After the end the clock of the host goes as ours does, and so often there is a pass: acknowledgements
/// are taken in with it.
const AFTERWARDS: Duration = Duration::from_secs(15);

/// A view is good for so long at least.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// What is told before and after the story, by whoever knows how it was asked for.
pub(crate) trait Frame: Send {
    /// Above the story. `urls` are where the server is, `day` how long a day of the story takes.
    fn before(
        &self,
        telling: &Telling,
        urls: &[String],
        day: Option<Duration>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()>;

    /// Below it.
    fn after(&self, telling: &Telling, out: &mut dyn Write) -> anyhow::Result<()>;
}

/// Tells a story and serves what comes of it until a signal comes. `speed` is in seconds of the host in
/// one of ours; 0 for at once.
pub(crate) fn serve(
    settings: &Settings,
    speed: Option<f64>,
    begin: impl FnOnce() -> anyhow::Result<Telling> + Send + 'static,
    frame: impl Frame + 'static,
) -> anyhow::Result<()> {
    serving::block_on(tell_and_serve(settings, speed, begin, frame))
}

async fn tell_and_serve(
    settings: &Settings,
    speed: Option<f64>,
    begin: impl FnOnce() -> anyhow::Result<Telling> + Send + 'static,
    frame: impl Frame + 'static,
) -> anyhow::Result<()> {
    // Before anything is made: an address that is taken leaves nothing behind.
    let door = Door::open(&settings.web.listen, &settings.web).await?;
    let mut signals = Signals::watch()?;
    let urls = door.urls()?;
    let board = Arc::new(Board::new(Arc::new(clock::boottime)));
    let posting = Arc::clone(&board);
    let (stop, stopped) = channel::<()>();
    let (story_ended, mut ended) = tokio::sync::oneshot::channel();
    let story = std::thread::Builder::new().name("story".to_owned()).spawn(move || {
        let result = begin().and_then(|telling| {
            let pace = Pace::of(&telling, speed);
            tell(telling, &frame, &urls, pace, &posting, &stopped)
        });
        // The receiver is gone only when the program is about to end anyway.
        let _ = story_ended.send(());
        result
    })?;
    let pages = Some(site_past::pages(&settings.state_dir));
    // A pass is made whenever a file is written: between passes there is nothing to look for.
    let mut server = door.serve(Shown { board, looks: None, feed: None, pages }).await?;
    let mut ended_unasked = None;
    let mut is_ended = false;
    tokio::select! {
        _ = signals.next() => {}
        _ = &mut ended => is_ended = true,
        why = server.ends_unasked() => ended_unasked = Some(why),
    }
    let server = server.stop();
    // If it cannot be told it has ended.
    let _ = stop.send(());
    // There may be no thread to wait on.
    if !is_ended {
        let _ = ended.await;
    }
    let result = story.join();
    server.ended().await?;
    match result {
        Ok(result) => result?,
        Err(_) => anyhow::bail!("the story failed (a defect of scrubjay, please report)"),
    }
    ended_unasked.map_or(Ok(()), |why| Err(why.context(ENDED_UNASKED)))
}

/// How fast the story goes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Seconds of the host in one of ours; `None` for at once.
    speed: Option<f64>,
    good_for: Duration,
}

impl Pace {
    fn of(telling: &Telling, speed: Option<f64>) -> Self {
        let usual = telling.lasts().as_secs_f64() / TOLD_WITHIN.as_secs_f64();
        let speed = speed.unwrap_or(usual.max(1.0));
        let speed = (speed > 0.0).then_some(speed);
        let pace = Self { speed, good_for: GOOD_FOR };
        let good_for = pace.ours(telling.step()).saturating_mul(3).saturating_add(GOOD_FOR);
        Self { good_for, ..pace }
    }

    /// How long a time of the host is for us.
    fn ours(self, span: Duration) -> Duration {
        let Some(speed) = self.speed else { return Duration::ZERO };
        Duration::try_from_secs_f64(span.as_secs_f64() / speed).unwrap_or(Duration::MAX)
    }
}

fn tell(
    mut telling: Telling,
    frame: &impl Frame,
    urls: &[String],
    pace: Pace,
    board: &Board,
    stopped: &Receiver<()>,
) -> anyhow::Result<()> {
    let mut out = anstream::stdout();
    let day = pace.speed.map(|_| pace.ours(Duration::from_secs(86_400)));
    frame.before(&telling, urls, day, &mut out)?;
    let mut begun = None;
    for at in telling.moments() {
        if at >= telling.past() {
            let begun = *begun.get_or_insert_with(clock::monotonic);
            let due = begun.saturating_add(pace.ours(at.saturating_sub(telling.past())));
            if is_stopped(stopped, due.saturating_sub(clock::monotonic())) {
                return telling.end();
            }
        } else if is_stopped(stopped, Duration::ZERO) {
            return telling.end();
        }
        let view = telling.moment(at, &mut out)?;
        board.publish(view, pace.good_for);
    }
    telling.ending(&mut out)?;
    frame.after(&telling, &mut out)?;
    out.flush()?;
    let ended = clock::monotonic();
    while !is_stopped(stopped, AFTERWARDS) {
        let view = telling.afterwards(clock::monotonic().saturating_sub(ended))?;
        board.publish(view, GOOD_FOR);
    }
    telling.end()
}

/// Waits for so long, or until it is to end.
fn is_stopped(stopped: &Receiver<()>, wait: Duration) -> bool {
    match stopped.recv_timeout(wait) {
        Err(RecvTimeoutError::Timeout) => false,
        Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
    }
}
