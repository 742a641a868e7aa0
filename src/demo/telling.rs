//! A story on its way: each moment is written into the generated host, and the agent makes a pass.

use super::clock::{self, BEGIN_MS};
use super::machine::Machine;
use super::narrate::{self, Narrator};
use super::story::{Beat, Deed, Story};
use super::{Places, Wish, scenarios};
use crate::agent::Agent;
use crate::config::Settings;
use anyhow::Context;
use scrubjay_collector::HostRoot;
use scrubjay_model::HostView;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// After a boot the agent is there when services start.
const STARTS_AFTER: Duration = Duration::from_secs(45);

/// The host, its agent, and how far the story is told.
pub(crate) struct Telling {
    story: Story,
    moments: Vec<Duration>,
    machine: Machine,
    host: Arc<HostRoot>,
    settings: Settings,
    agent: Option<Agent>,
    narrator: Narrator,
    last: Option<HostView>,
}

impl Telling {
    /// Makes the host, and starts the agent.
    pub(crate) fn begin(wish: &Wish, places: &Places, settings: &Settings) -> anyhow::Result<Self> {
        let story = scenarios::story(wish.scenario, wish.seed);
        let made = wish.made();
        let mut machine = Machine::new(&places.root(), &places.staging(), &made, wish.seed)?;
        // What is so from the beginning is no change.
        for beat in story.beats.iter().filter(|beat| beat.at.is_zero()) {
            for deed in &beat.deeds {
                deed.done_to(&mut machine)?;
            }
        }
        machine.flush()?;
        let host = Arc::new(HostRoot::open(&settings.root, crate::clock::live())?);
        let moments = story.moments(wish.lasts);
        let settings = settings.clone();
        let mut telling = Self {
            story,
            moments,
            machine,
            host,
            settings,
            agent: None,
            narrator: Narrator::default(),
            last: None,
        };
        telling.start_agent()?;
        Ok(telling)
    }

    fn start_agent(&mut self) -> anyhow::Result<()> {
        // Nobody is told of alerts of a host that does not exist.
        let mut agent = Agent::start(&self.settings, &self.host, None, || ())?;
        agent.listen(&self.host, &self.settings, || ());
        self.agent = Some(agent);
        Ok(())
    }

    /// What stands above the story.
    pub(crate) fn opening(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        Ok(narrate::opening(out, &self.story)?)
    }

    /// Moments of the past, then those of the story, each with when it is due by the story's own time.
    pub(crate) fn moments(&self) -> Vec<Duration> {
        self.moments.clone()
    }

    /// How far passes are apart where nothing happens.
    pub(crate) fn step(&self) -> Duration {
        self.story.step
    }

    /// When the past ends and the story begins.
    pub(crate) fn past(&self) -> Duration {
        self.story.past
    }

    /// How long the story is.
    pub(crate) fn lasts(&self) -> Duration {
        self.moments.last().map_or(Duration::ZERO, |end| end.saturating_sub(self.story.past))
    }

    /// The days that a report on all of it is of.
    pub(crate) fn days(&self) -> (String, String) {
        let end = self.moments.last().copied().unwrap_or_default();
        let end_ms = i64::try_from(end.as_millis()).unwrap_or(0).saturating_add(BEGIN_MS);
        (clock::day(BEGIN_MS), clock::day(end_ms))
    }

    /// Arguments of scrubjay that are worth trying, and why.
    pub(crate) fn look_at(&self) -> &[(String, &'static str)] {
        &self.story.look_at
    }

    /// Lets one moment happen, and tells of it if it is part of the story.
    pub(crate) fn moment(&mut self, at: Duration, out: &mut dyn Write) -> anyhow::Result<HostView> {
        self.machine.clock.turn_to(at);
        let beats = self.story.beats.iter().filter(|beat| beat.at == at && !at.is_zero());
        let beats: Vec<Beat> = beats.cloned().collect();
        for deed in beats.iter().flat_map(|beat| &beat.deeds) {
            let boots = matches!(deed, Deed::Reboot(_));
            if boots {
                // Up to here the old boot goes.
                self.pass()?;
                self.stop_agent()?;
            }
            deed.done_to(&mut self.machine)?;
            if boots {
                // The agent is started as soon as the host is up.
                self.machine.clock.pass(STARTS_AFTER);
                self.machine.flush()?;
                self.start_agent()?;
            }
        }
        let view = self.pass()?;
        let memory = &self.machine.memory;
        if at < self.story.past {
            self.narrator.skip(&view, memory);
        } else {
            let begins = (at == self.story.past).then(|| {
                self.narrator.begin();
                Beat::told(at, "the story begins.", Vec::new())
            });
            let told = beats.iter().find(|beat| beat.told.is_some());
            let beat = told.or(begins.as_ref()).or(beats.first());
            self.narrator.tell(out, beat, &view, memory)?;
        }
        Ok(view)
    }

    /// After the end nothing happens any more, but time goes on.
    pub(crate) fn afterwards(&mut self, since_end: Duration) -> anyhow::Result<HostView> {
        let end = self.moments.last().copied().unwrap_or_default();
        self.machine.clock.turn_to(end.saturating_add(since_end));
        self.pass()
    }

    /// What the story does to the host.
    #[cfg(test)]
    pub(super) fn deeds(&self) -> impl Iterator<Item = Deed> + use<> {
        self.story.beats.clone().into_iter().flat_map(|beat| beat.deeds)
    }

    /// Lets something happen besides, and has the agent make a pass.
    #[cfg(test)]
    pub(super) fn minute(&mut self, at: Duration, deed: Option<&Deed>) -> anyhow::Result<HostView> {
        self.machine.clock.turn_to(at);
        if let Some(deed) = deed {
            deed.done_to(&mut self.machine)?;
        }
        self.pass()
    }

    fn pass(&mut self) -> anyhow::Result<HostView> {
        self.machine.flush()?;
        let agent = self.agent.as_mut().context("the agent of the demo has ended")?;
        let view = agent.pass();
        self.last = Some(view.clone());
        Ok(view)
    }

    /// What stands below the story.
    pub(crate) fn ending(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        match &self.last {
            Some(view) => Ok(narrate::ending(out, &self.story, view)?),
            None => Ok(()),
        }
    }

    fn stop_agent(&mut self) -> anyhow::Result<()> {
        self.agent.take().map_or(Ok(()), Agent::stop)
    }

    /// Closes the history.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.stop_agent()
    }
}
