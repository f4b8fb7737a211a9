//! `cargo xtask study`: the trainings behind `study/README.md`, and the report that is made of them.
//!
//! The study is data: `study/parts.toml` holds the questions and, for each, the lines of arcsphere that answer
//! it. A job is run in `study/work/NAME`, where it goes on if it was stopped, its result is copied to
//! `study/results/NAME.json`, and report and figures are made anew from all results. Nothing in the report is
//! written by hand that a result could change.

mod args;
mod claim;
mod collapse;
mod command;
mod comparison;
mod figures;
mod job;
mod measure;
mod paired;
mod parts;
mod report;
mod runner;
mod sensitivity;
mod words;

use anyhow::Result;
use args::Request;
use std::path::Path;

/// Trains what is asked for and not trained yet, or draws the report alone.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<bool> {
    match Request::parse(words)? {
        Request::Report => report::refresh(root).map(|()| true),
        Request::Train(request) => {
            let (study, papers) = parts::read(root)?;
            runner::run(root, &request, &study, &papers)
        }
    }
}
