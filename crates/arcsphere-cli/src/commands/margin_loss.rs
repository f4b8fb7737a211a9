//! The margin losses that a command is about, by their names.

use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::losses::margin::{Extension, MarginLoss};
use arcsphere::losses::{self, Kind, Loss};

/// The margin loss called `name`, or an alias. `purpose` goes on after "it has no margin on
/// angles", where the name is that of another loss.
pub(crate) fn find(name: &str, purpose: &str) -> Result<&'static MarginLoss> {
    let loss = losses::find(name)?;
    let (what, beside) = match loss.kind {
        Kind::Margin(info) => return Ok(info),
        Kind::Tuple(_) => ("is a tuple loss: it compares embeddings", ""),
        Kind::Ordinal(_) => ("learns a number", "--task age "),
        _ => {
            return Err(mistake!(
                "{name} is a term of the prototypes and has no margin on angles {purpose}; name a margin loss, and set \
                 loss.energy_weight for the term"
            ));
        }
    };
    Err(mistake!(
        "{0} {what} and has no margin on angles {purpose}; name a margin loss, or set it beside them with arcsphere \
         compare {beside}--loss {0},arcface",
        loss.name
    ))
}

/// Refuses an extension that none of several losses reads. Where some do, it is theirs.
pub(crate) fn takes_extension(names: &[String], extension: Extension) -> Result<()> {
    let reads = |name: &String| losses::find(name).is_ok_and(|loss: Loss| loss.takes_extension());
    if extension != Extension::default() && !names.iter().any(reads) {
        return Err(mistake!(
            "none of {} reads loss.extension, for no angle of their targets passes π; leave it out, or add a loss \
             with an angular margin, as arcface",
            names.join(", ")
        ));
    }
    Ok(())
}
