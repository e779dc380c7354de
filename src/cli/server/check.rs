//! A check of a whole registry, with a bar for each thing that takes long.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::config::ServeConfig;
use super::super::output::Output;
use super::super::progress::Progress;
use super::{data_options, of_data};
#[cfg(test)]
pub(in crate::cli) use crate::meta::Role;
pub(in crate::cli) use crate::registry::{Amount, Found, Report, Severity, Summary};
use crate::registry::{CheckStage, Mend, check_data};
#[cfg(test)]
pub(in crate::cli) use crate::registry::{Finding, NeededBy};

/// Checks a data folder, beside a server that may run on it, or mends it where none does.
pub(in crate::cli) async fn fsck(config: ServeConfig, repair: bool, output: Output) -> anyhow::Result<Report> {
    let mend = if repair { Mend::WhatCanBe } else { Mend::Nothing };
    let bar: Mutex<Option<(CheckStage, Progress)>> = Mutex::new(None);
    let watch = move |stage: CheckStage, at: u64, of: u64| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.as_ref().is_none_or(|(shown, _)| *shown != stage) {
            // The bar before goes away first.
            *bar = None;
            *bar = Some((stage, check_bar(stage, of, output)));
        }
        if let Some((_, progress)) = bar.as_ref() {
            progress.at(at);
        }
    };
    let report = check_data(data_options(&config), mend, Arc::new(watch)).await;
    report.map_err(|error| of_data(&error).into())
}

fn check_bar(stage: CheckStage, of: u64, output: Output) -> Progress {
    match stage {
        CheckStage::Listing => Progress::things(output, "listing"),
        CheckStage::Events => Progress::things(output, "events"),
        CheckStage::Hashing => Progress::bytes_of(output, "hashing", of),
        CheckStage::Folding => Progress::things(output, "making the catalogue of the events"),
        CheckStage::Comparing(table) => Progress::things(output, format!("comparing {table}")),
    }
}
