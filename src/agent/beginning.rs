//! How an agent that serves begins: on the thread that makes the passes, while the server answers already with what
//! an agent before it has left.

use super::Agent;
use super::passes::Order;
use crate::config::Settings;
use crate::shared::Shared;
use crate::{sandbox, web};
use scrubjay_collector::{HostRoot, Outside};
use scrubjay_model::Confinement;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// What an agent that serves begins with.
pub(super) struct Beginning {
    pub(super) settings: Settings,
    pub(super) host: Arc<HostRoot>,
    pub(super) outside: Option<Arc<Outside>>,
    pub(super) confinement: Confinement,
    pub(super) trees: Option<sandbox::Trees>,
    pub(super) web: Option<Arc<web::WebFiles>>,
    pub(super) orders: Sender<Order>,
}

impl Beginning {
    /// Opens the history, begins a run in it, and listens to reports.
    pub(super) fn agent(self) -> anyhow::Result<Agent> {
        let Self { settings, host, outside, confinement, trees, web, orders } = self;
        let wake = orders.clone();
        let mut agent = Agent::start(&settings, &host, outside, move || {
            let _ = wake.send(Order::Settle);
        })?;
        // The thread may be gone when the last report comes.
        agent.listen(&host, &settings, move || {
            let _ = orders.send(Order::Hear);
        });
        agent.web = web;
        agent.stats.confinement = Some(confinement);
        agent.trees = trees;
        agent.shared = Shared::start(&settings, &agent.own);
        Ok(agent)
    }
}
