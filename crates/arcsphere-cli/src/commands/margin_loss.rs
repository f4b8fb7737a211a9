//! The margin losses that a command is about, by their names.

use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::losses::margin::{Extension, LossInfo};
use arcsphere::losses::{self, Loss};

/// The margin loss called `name`, or an alias. `purpose` goes on after "it has no margin on
/// angles", where the name is that of another loss.
pub(crate) fn find(name: &str, purpose: &str) -> Result<&'static LossInfo> {
    match losses::find(name)? {
        Loss::Margin(info) => Ok(info),
        Loss::Tuple(info) => Err(mistake!(
            "{0} is a tuple loss: it compares embeddings and has no margin on angles {purpose}; name a margin loss, \
             or set it beside them with arcsphere compare --losses {0},arcface",
            info.name
        )),
        Loss::Ordinal(info) => Err(mistake!(
            "{0} learns a number and has no margin on angles {purpose}; name a margin loss, or set it beside them with \
             arcsphere compare --task age --losses {0},arcface",
            info.name
        )),
    }
}

/// Refuses an extension that none of several losses reads. Where some do, it is theirs.
pub(crate) fn takes_extension(names: &[String], extension: Extension) -> Result<()> {
    let reads = |name: &String| losses::find(name).is_ok_and(Loss::takes_extension);
    if extension != Extension::default() && !names.iter().any(reads) {
        return Err(mistake!(
            "none of {} reads loss.extension, for no angle of their targets passes π; leave it out, or add a loss \
             with an angular margin, as arcface",
            names.join(", ")
        ));
    }
    Ok(())
}
