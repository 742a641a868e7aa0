//! `scrubjay verify` and `scrubjay timestamp`: bundles of reports that come from elsewhere.

use super::{past, print, style};
use crate::bundle::{self, ANSWER, Depth, QUERY, SUMS, Trust};
use crate::cli::{TimestampArgs, TrustArgs, VerifyArgs};
use crate::clock;
use crate::exit::Exit;
use anyhow::Context as _;
use jiff::tz::TimeZone;
use scrubjay_exporters::{json, text};
use std::path::Path;

pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let found = bundle::check(&args.dir, &trust(&args.trust)?, Depth::Everything)?.check;
    print(&if args.read.json {
        json::bundle(&found)?
    } else {
        text::bundle(&found, &style(true))
    })?;
    Ok(found.worst().map_or(Exit::Ok, Exit::Bundle))
}

/// Whom to believe, and at which moment.
pub(super) fn trust(args: &TrustArgs) -> anyhow::Result<Trust> {
    let now_ms = clock::wall_ms();
    let at_ms = past::moment(args.valid_at.as_deref(), "--valid-at", now_ms)?.unwrap_or(now_ms);
    let signers = args.allowed_signers.as_deref().map(signers).transpose()?;
    Ok(Trust { signers, identity: args.identity.clone(), at_s: at_ms.div_euclid(1_000) })
}

fn signers(path: &Path) -> anyhow::Result<bundle::AllowedSigners> {
    let text = bundle::small(path).context("--allowed-signers")?;
    // As ssh-keygen does, by the zone of whoever looks.
    let read = bundle::AllowedSigners::parse(&text, &TimeZone::system());
    read.map_err(anyhow::Error::msg)
        .with_context(|| format!("{} is no file of allowed signers", path.display()))
}

pub(crate) fn timestamp(args: &TimestampArgs) -> anyhow::Result<Exit> {
    let dir = args.dir.display();
    let Some(answer) = &args.answer else {
        let query = bundle::stamp_query(&args.dir)?;
        print(&format!(
            "Wrote {}: a request for a time stamp of {SUMS}, by its SHA-256 and nothing else. It has no \
             nonce, so that it is the same each time. Nothing was sent. Send it to an authority of your \
             choice:\n\n  curl -sS -H 'Content-Type: application/timestamp-query' --data-binary @{dir}/{QUERY} \\\n    \
             -o answer.tsr URL\n\nand take the answer in:\n\n  scrubjay timestamp {dir} --answer answer.tsr\n",
            query.display()
        ))?;
        return Ok(Exit::Ok);
    };
    let stamped = bundle::stamp_answer(&args.dir, answer)?;
    print(&format!(
        "Took it in as {dir}/{ANSWER}: an authority saw this {SUMS} at {}, by its own word (policy {}, number \
         {}).\nWhether it is an authority that you trust was not checked. With its certificates:\n\n  openssl ts \
         -verify -data {dir}/{SUMS} -in {dir}/{ANSWER} -CAfile CERTIFICATES\n",
        stamped.at, stamped.policy, stamped.serial
    ))?;
    Ok(Exit::Ok)
}
